import httpx
import pytest

from runtime.modules import queue

PAYMENT = {"order": "A 17", "amount": 1999}
OPERATOR = {"Authorization": "Bearer correct-horse-battery"}


def test_a_payment_is_booked(app, ledger, send):
    assert send(PAYMENT).status == 202

    app.drain("payments")
    assert ledger.get("/bookings").json() == [PAYMENT]


def test_a_webhook_that_comes_again_does_nothing_more(app, ledger, send):
    assert [send(PAYMENT).status for _ in range(3)] == [202, 202, 202]

    app.drain("payments")
    assert len(app.published("payments")) == 1
    assert send(PAYMENT).status == 202  # after it was done, too
    assert len(app.published("payments")) == 1


@pytest.mark.parametrize(
    "forged",
    [
        {"key": "whsec_c29tZWJvZHkgZWxzZQ=="},
        {"body": '{"type":"payment.received","data":{"order":"A 17","amount":1}}'},
        {"age": 301},
        {"age": -301},
    ],
    ids=["of another key", "of another body", "recorded", "from the future"],
)
def test_what_the_bank_did_not_sign_now_is_refused(app, send, forged):
    assert send(PAYMENT, **forged).status == 401
    assert app.published("payments") == []


def test_a_webhook_without_a_signature_is_refused(app):
    answer = app.post("/webhooks", json={"type": "payment.received", "data": PAYMENT})

    assert answer.status == 422
    assert {error["name"] for error in answer.json()["errors"]} >= {"webhook-signature"}


def test_a_webhook_that_cannot_be_published_may_come_again(app, send):
    with app.paused("booking"):
        app.publish("payments", *[{"webhook": f"{n}", **PAYMENT} for n in range(3)])
        app.sql("db").execute("DROP TABLE webhooks")
        assert send(PAYMENT).status == 500
    assert len(app.published("payments")) == 3


def test_other_webhooks_are_for_others(app, send):
    assert send({"order": "A 17"}, type="order.seen").status == 202
    assert app.published("payments") == []


def test_a_ledger_that_fails_is_told_again_until_it_is_well(app, ledger, send):
    ledger.put("/failures?count=7")
    send(PAYMENT)

    app.drain("payments", advance=True, failing=httpx.HTTPStatusError)
    assert ledger.get("/bookings").json() == [PAYMENT]


def test_what_the_ledger_never_took_is_requeued_when_it_is_back(app, ledger, send):
    ledger.put("/failures?count=1000")
    send(PAYMENT)
    app.drain("payments", advance=True, failing=httpx.HTTPStatusError)
    (letter,) = app.get("/dead-letters", headers=OPERATOR).json()
    assert (letter["reason"], letter["attempts"]) == ("attempts", 8)

    ledger.put("/failures?count=0")
    requeued = app.post("/dead-letters/requeue", headers=OPERATOR)
    assert requeued.json() == {"requeued": 1}

    app.drain("payments")
    assert ledger.get("/bookings").json() == [PAYMENT]
    assert app.get("/dead-letters", headers=OPERATOR).json() == []


def test_what_the_ledger_refuses_is_not_tried_again(app, send):
    send({"order": "A 17", "amount": -5})

    app.drain("payments", failing=queue.Reject)
    (letter,) = app.dead("payments")
    assert letter.reason == "rejected"
    assert "must be more than 0" in letter.error


def test_after_a_crash_the_ledger_knows_the_payment(app, ledger, send):
    with app.paused("booking"):
        send(PAYMENT)
        app.crash(at="queue.settle.before_commit")  # booked, and the message not done

    app.restart().drain("payments")
    assert ledger.get("/bookings").json() == [PAYMENT]


def test_dead_letters_are_for_operators(app):
    assert app.get("/dead-letters").status == 401
    assert app.post("/dead-letters/requeue").status == 401


def test_old_webhooks_are_forgotten(app, send):
    send(PAYMENT, id="msg_old")
    app.sql("db").execute("UPDATE webhooks SET received_at = '2020-01-01T00:00:00Z'")
    send(PAYMENT, id="msg_new")

    app.advance("24h")
    assert app.sql("db").query("SELECT id FROM webhooks") == [{"id": "msg_new"}]
