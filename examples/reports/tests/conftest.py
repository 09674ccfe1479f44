import email.policy
from email.parser import BytesParser

import pytest

from runtime.testing import running


@pytest.fixture
def outbox(tmp_path):
    """The mails that were sent, by their reader."""

    def outbox():
        parser = BytesParser(policy=email.policy.default)
        mails = [parser.parsebytes(file.read_bytes()) for file in tmp_path.glob("*.eml")]
        assert len({mail["Message-ID"] for mail in mails}) == len(mails)
        return {mail["To"]: mail for mail in mails}

    return outbox


@pytest.fixture
def app(tmp_path):
    """A shop with two readers, whose mails go into a folder of the test."""
    with running(".", environment={"OUTBOX": str(tmp_path)}) as app:
        for reader in ("ada@example.org", "bob@example.org"):
            assert app.put(f"/readers/{reader}").status == 204
        yield app


@pytest.fixture
def sell(app):
    def sell(item, cents):
        assert app.post("/sales", json={"item": item, "cents": cents}).status == 201

    return sell
