import pytest

from runtime.testing import running


@pytest.fixture
def app():
    """The application with an empty database, on a free port."""
    with running(".", environment={"NOTES_KEY": "only for tests, and longer than 32 bytes"}) as app:
        yield app


@pytest.fixture
def log_in(app):
    """Sign up and log in; returns a client that sends the token."""

    def log_in(name):
        user = {"name": name, "password": "correct horse"}
        client = app.session()
        assert client.post("/api/users", json=user).status == 201
        token = client.post("/api/login", json=user).json()["token"]
        client.headers["Authorization"] = f"Bearer {token}"
        return client

    return log_in


@pytest.fixture
def ada(log_in):
    return log_in("ada")
