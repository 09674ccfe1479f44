"""One mail to one reader, as text and as HTML."""

from collections.abc import Callable
from email.message import EmailMessage
from smtplib import SMTPRecipientsRefused
from typing import Annotated, Any

from msgspec import Struct

from runtime.modules.sync import queue, templates


class Mail(Struct):
    to: str
    until: str
    sales: list[dict[str, Any]]


def send(
    mail: Mail,
    message: queue.Message,
    deliver: Annotated[Callable[[EmailMessage], None], "app:outbox"],
) -> None:
    """Send a mail. A plain function, in a thread: smtplib waits for the server."""
    written = EmailMessage()
    written["From"] = "Reports <reports@shop.example>"
    written["To"] = mail.to
    written["Subject"] = f"Sales until {mail.until}"
    written["Message-ID"] = f"<{message.id}@shop.example>"  # the same, should it be sent twice
    report = {"until": mail.until, "sales": mail.sales}
    written.set_content(templates.render("templates", "report.txt", **report))
    html = templates.render("templates", "report.html", **report)
    written.add_alternative(html, subtype="html")
    try:
        deliver(written)
    except SMTPRecipientsRefused as error:
        code, reason = error.recipients[mail.to]
        if code >= 500:
            raise queue.Reject(f"{mail.to}: {reason.decode()}") from error
        raise
