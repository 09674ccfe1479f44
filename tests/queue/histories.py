"""Random histories: how many are tried, and the choices in them.

`RELIABILITY_EXAMPLES` is the number of histories; without it, the same few are tried every time.
"""

from __future__ import annotations

import os

from hypothesis import settings
from hypothesis import strategies as st

LIMIT = 6
"""The `max_length` of queues that have one."""
LONG = os.environ.get("RELIABILITY_EXAMPLES")
HOW = ("ack", "retry", "retry later", "release", "bury", "bury to mails")
CHOICES = st.lists(st.tuples(st.integers(0, 11), st.sampled_from(HOW)), min_size=1, max_size=4)
SELDOM = st.sampled_from((False,) * 7 + (True,))
SIZE = settings(
    max_examples=int(LONG or 200),
    stateful_step_count=50,
    derandomize=LONG is None,
    database=None,
    deadline=None,
    print_blob=True,
)
