from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

BERLIN = ZoneInfo("Europe/Berlin")
OVER_A_WEEKEND = "74h"


def reports(app):
    """The times of the reports so far, in Berlin."""
    lines = [line for line in app.logs("reporter") if line.message == "report"]
    return [datetime.fromisoformat(line.fields["until"]).astimezone(BERLIN) for line in lines]


def test_there_is_a_report_on_each_weekday_at_seven(app):
    app.advance("168h")

    assert sorted(time.weekday() for time in reports(app)) == [0, 1, 2, 3, 4]
    assert {(time.hour, time.minute) for time in reports(app)} == {(7, 0)}


def test_every_reader_gets_one_mail_with_what_was_sold(app, sell, outbox):
    sell("tea", 300)
    sell("bread", 250)
    sell("tea", 300)

    app.advance(OVER_A_WEEKEND)
    mails = outbox()
    assert mails.keys() == {"ada@example.org", "bob@example.org"}
    text = mails["ada@example.org"].get_body(["plain"]).get_content()
    assert [line.split() for line in text.splitlines()[2:] if line] == [
        ["2", "x", "tea", "6.00"],
        ["1", "x", "bread", "2.50"],
        ["8.50"],
    ]
    assert "<td>tea</td>" in mails["bob@example.org"].get_body(["html"]).get_content()


def test_nobody_is_written_to_if_nothing_was_sold(app, outbox):
    app.advance(OVER_A_WEEKEND)

    assert outbox() == {}


def test_a_name_is_no_html(app, sell):
    assert app.get("/report").status == 404
    sell("<b>tea</b>", 300)
    app.advance(OVER_A_WEEKEND)

    page = app.get("/report")
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "&lt;b&gt;tea&lt;/b&gt;" in page.text


def test_a_sale_is_in_one_report(app, sell, outbox):
    sell("tea", 300)
    app.advance(OVER_A_WEEKEND)
    sell("bread", 250)
    app.advance(OVER_A_WEEKEND)

    items = [mail["sales"][0]["item"] for mail in app.published("mails")]
    assert items == ["tea", "tea", "bread", "bread"]
    assert outbox().keys() == {"ada@example.org", "bob@example.org"}


def test_a_crash_before_the_end_of_a_report_sends_no_mail_twice(app, sell):
    sell("tea", 300)
    planned = app.now + timedelta(hours=1)
    with app.paused("reporter"):
        app.publish("reports", None, headers={"x_scheduled_time": planned.isoformat()})
        app.crash(at="queue.settle.before_commit")

    app.restart().drain("reports")
    assert len(app.published("mails")) == 2


def test_an_address_is_an_address(app):
    assert app.put("/readers/ada").status == 422
    assert app.put("/readers/ada@example.org").status == 204
