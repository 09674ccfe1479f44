"""The changes of files that pages show."""

from __future__ import annotations

from tests.support.doc_changes import changed

FILE = '''\
"""A module."""

import os
from a import b

NAME = 1


class One:
    x = 1


@cache
def two():
    return NAME
'''

CHANGES = """\
from a import b, c

import sys

NAME = 2
OTHER = 3


class One:
    x = 2


@cached
def two():
    return OTHER


async def three():
    return OTHER
"""

CHANGED = '''\
"""A module."""

import os
from a import b, c
import sys

NAME = 2
OTHER = 3


class One:
    x = 2


@cached
def two():
    return OTHER


async def three():
    return OTHER
'''


def test_what_is_there_is_replaced_and_what_is_new_added_at_its_place() -> None:
    assert changed(FILE, CHANGES) == CHANGED


def test_the_first_import_of_a_file_stands_at_its_top() -> None:
    assert changed("def two(): ...\n", "import os\n") == "import os\n\n\ndef two(): ...\n"
