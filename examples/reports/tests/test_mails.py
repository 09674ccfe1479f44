"""Mails to a server of SMTP, which the test plays."""

from collections.abc import Iterator
from contextlib import contextmanager
from smtplib import SMTPRecipientsRefused
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Thread

import pytest

from runtime.modules import queue
from runtime.testing import running

MAIL = {"to": "ada@example.org", "until": "27 November 2026", "sales": []}


@contextmanager
def smtp(answer: str) -> Iterator[tuple[str, list[str]]]:
    """A server that answers each recipient so; its URL, and the lines that it heard."""
    heard: list[str] = []

    class Conversation(StreamRequestHandler):
        def handle(self):
            self.say("220 welcome")
            while line := self.rfile.readline().decode().strip():
                heard.append(line)
                match line.partition(" ")[0].partition(":")[0].upper():
                    case "QUIT":
                        return self.say("221 bye")
                    case "RCPT":
                        self.say(answer)
                    case "DATA":
                        self.say("354 go on")
                        while (line := self.rfile.readline().decode().strip()) != ".":
                            heard.append(line)
                        self.say("250 accepted")
                    case _:
                        self.say("250 yes")

        def say(self, text):
            self.wfile.write(f"{text}\r\n".encode())

    with ThreadingTCPServer(("127.0.0.1", 0), Conversation) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"smtp://127.0.0.1:{server.server_address[1]}", heard
        server.shutdown()


def test_a_mail_is_sent_to_the_server():
    with smtp("250 yes") as (url, heard), running(".", environment={"OUTBOX": url}) as app:
        app.publish("mails", MAIL)
        app.drain("mails")

        assert "rcpt TO:<ada@example.org>" in heard
        assert "Subject: Sales until 27 November 2026" in heard


def test_an_address_that_there_is_not_is_a_dead_letter_at_once():
    with smtp("550 nobody here") as (url, _), running(".", environment={"OUTBOX": url}) as app:
        app.publish("mails", MAIL)
        app.drain("mails", failing=queue.Reject)

        (letter,) = app.dead("mails")
        assert letter.error == "Reject: ada@example.org: nobody here"


@pytest.mark.parametrize("answer", ["450 the mailbox is full", "452 come later"])
def test_a_server_that_cannot_take_a_mail_now_gets_it_later(answer):
    with smtp(answer) as (url, _), running(".", environment={"OUTBOX": url}) as app:
        app.publish("mails", MAIL)
        app.drain("mails", failing=SMTPRecipientsRefused)

        assert app.info("mails").delayed == 1
