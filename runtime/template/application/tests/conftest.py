"""The application, running, for each test anew."""

from pathlib import Path

import pytest

from runtime.testing import running

APPLICATION = Path(__file__).parents[1]


@pytest.fixture
def app():
    with running(APPLICATION) as app:
        yield app
