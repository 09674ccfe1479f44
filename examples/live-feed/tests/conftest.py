import pytest

from runtime.testing import running


@pytest.fixture
def app():
    """The application with an empty database, on a free port."""
    with running(".") as app:
        yield app
