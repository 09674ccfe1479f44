"""Mails go to a server, or, as long as there is none, into a folder."""

import smtplib
from collections.abc import Callable
from email.message import EmailMessage
from functools import partial
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

APPLICATION = Path(__file__).parents[1]


def choose(to: str) -> Callable[[EmailMessage], None]:
    """A function that delivers to `smtps://user:password@host`, `smtp://host`, or a folder."""
    if "://" in to:
        return partial(over_smtp, urlsplit(to))
    return partial(into_folder, APPLICATION / to)


def over_smtp(server: SplitResult, mail: EmailMessage) -> None:
    connect = smtplib.SMTP_SSL if server.scheme == "smtps" else smtplib.SMTP
    with connect(server.hostname, server.port or 0, timeout=20) as connection:
        if server.username:
            connection.login(unquote(server.username), unquote(server.password or ""))
        connection.send_message(mail)


def into_folder(folder: Path, mail: EmailMessage) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{mail['Message-ID'][1:-1]}.eml").write_bytes(bytes(mail))
