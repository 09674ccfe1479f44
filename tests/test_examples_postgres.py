"""What the pages of the examples say of PostgreSQL: two overrides."""

from __future__ import annotations

from pathlib import Path

from runtime.testing import running
from tests.support.blackbox import ROOT
from tests.support.postgres_schema import PostgresSchema

EXAMPLES = ROOT / "examples"


def on(postgres: PostgresSchema) -> tuple[str, ...]:
    return ("app:db:kind=db.sql.postgres", f"app:db:dsn={postgres.url}")


def test_a_webhook_is_booked_once_and_forgotten_in_the_end(postgres: PostgresSchema) -> None:
    folder = EXAMPLES / "webhooks"
    environment = {"BANK_KEYS": "whsec_c2VjcmV0", "OPERATOR_TOKEN": "correct-horse-battery"}
    with running(folder / "ledger") as ledger:
        environment["LEDGER_URL"] = ledger.url()
        ledger.put("/failures?count=0")
        with running(folder / "shop", *on(postgres), environment=environment) as app:
            payment = {"webhook": "msg_1", "order": "A 17", "amount": 1999}
            app.publish("payments", payment, payment)
            app.drain("payments")
            assert ledger.get("/bookings").json() == [{"order": "A 17", "amount": 1999}]

            postgres.execute("INSERT INTO webhooks VALUES ('msg_1', now() - interval '31 days')")
            app.advance("24h")
            assert postgres.execute("SELECT id FROM webhooks") == []


def test_a_report_has_each_sale_once(postgres: PostgresSchema, tmp_path: Path) -> None:
    environment = {"OUTBOX": str(tmp_path)}
    with running(EXAMPLES / "reports", *on(postgres), environment=environment) as app:
        app.put("/readers/ada@example.org")
        for item in ("tea", "bread", "tea"):
            app.post("/sales", json={"item": item, "cents": 300})
        app.advance("74h")

        (mail,) = app.published("mails")
        assert mail["sales"] == [
            {"item": "tea", "count": 2, "cents": 600},
            {"item": "bread", "count": 1, "cents": 300},
        ]
        assert "tea" in app.get("/report").text
        assert len([*tmp_path.iterdir()]) == 1
