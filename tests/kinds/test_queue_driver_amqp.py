"""queue.driver.amqp: what its check finds, before anything connects."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from runtime.engines.queue.amqp.address import parse
from runtime.findings.finding import ManifestError
from runtime.linking.linker import link
from runtime.manifest.reader import read
from runtime.registry import Registry
from tests.support.blackbox import execute, write_files
from tests.support.rabbitmq_vhost import RabbitMQVhost
from tests.test_architecture import MODULES, closure, within

URL = "amqps://shop:hunter2@rabbit.internal/shop"
SAFE = f"url: '{URL}'"


def told(folder: Path, driver: str = SAFE, consumer: str = "timeout: 1m", **more: str) -> list[str]:
    """The findings and notes of an application on a broker, without the name of its folder."""
    handler = more.get("handler", "pass")
    files = {
        "_index.yaml": f"""
            namespace: app
            entries:
              - {{name: driver, kind: queue.driver.amqp, {driver}}}
              - {{name: dead, kind: queue.queue, driver: driver}}
              - {{name: tasks, kind: queue.queue, driver: driver, dead_letter: {{queue: dead}}}}
              - {{name: db, kind: db.sql.sqlite, file: a.db}}
              - {{name: work, kind: function.python, source: file://h.py, modules: [queue]}}
              - {{name: worker, kind: queue.consumer, queue: tasks, func: work, {consumer},
                 lifecycle: {{auto_start: true}}}}
              - {{name: mourner, kind: queue.consumer, queue: dead, func: work, timeout: 1m,
                 lifecycle: {{auto_start: true}}}}
            """,
        "h.py": f"from runtime.modules import queue\nasync def main(body):\n    {handler}\n",
    }
    write_files(folder, files)
    try:
        found = link(read(folder), Registry()).notes
    except ManifestError as error:
        found = error.findings
    return [str(each).replace(f"{folder}/", "") for each in found]


def test_a_broker_over_tls_is_fine(tmp_path: Path) -> None:
    assert told(tmp_path) == []


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:5673", "[::1]"])
def test_plain_amqp_on_this_machine_is_fine(host: str, tmp_path: Path) -> None:
    assert told(tmp_path, f"url: 'amqp://{host}'") == []


@pytest.mark.parametrize(
    ("driver", "said"),
    [
        (
            "url: amqp://rabbit",
            "password and messages would cross the network in the clear; write amqps://, or "
            "'tls: {enabled: false}' if that network is yours alone",
        ),
        (
            f"{SAFE}, tls: {{insecure_skip_verify: true}}",
            "without verification anybody on the way can be the broker; "
            "give the certificate of its authority as 'tls.ca'",
        ),
        (f"{SAFE}, tls: {{enabled: false}}", "'tls.enabled' is false, but 'url' begins with amqps"),
        ("url: 'amqp://[::1]', tls: {enabled: true}", "write amqps:// in 'url'"),
        (f"{SAFE}, tls: {{key: a.pem}}", "'tls.key' belongs to a 'tls.cert', and there is none"),
        ("url: 'http://rabbit'", "it does not begin with amqp:// or amqps://"),
        ("url: 'amqp://rabbit:port'", "it has no valid host and port"),
        ("url: 'amqp:///shop'", "it names no host"),
        ("url: 'amqps://rabbit/a/b'", "more than a virtual host; write '/' there as %2F"),
        (f"{SAFE}, heartbeat: 0.5s", "'heartbeat' is not between 1s and 10m"),
    ],
)
def test_what_is_unsafe_or_wrong_is_a_finding(driver: str, said: str, tmp_path: Path) -> None:
    (finding,) = told(tmp_path, driver)

    assert finding.startswith("_index.yaml:3:")
    assert said in finding


def test_plain_amqp_elsewhere_may_be_meant(tmp_path: Path) -> None:
    assert told(tmp_path, "url: amqp://rabbit, tls: {enabled: false}") == []


def test_a_missing_library_is_a_finding_with_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pika", None)
    (finding,) = told(tmp_path)

    assert finding.startswith("_index.yaml:3:")
    assert finding.endswith("needs pika, which is not installed; run: pip install "
                            "'manifest-runtime[amqp]'")  # fmt: skip


def test_no_finding_shows_the_password(tmp_path: Path) -> None:
    for url in ("amqp://a:hunter2@rabbit", "amqps://a:hunter2@/x", "amqps://a:hunter2@b:c"):
        assert "hunter2" not in "".join(told(tmp_path, f"url: '{url}'"))


def test_an_address_is_shown_without_its_password() -> None:
    address = parse("amqps://sh%40p:hunter2@rabbit/%2Fa")

    assert (address.username, address.vhost, address.port) == ("sh@p", "/a", 5671)
    assert "hunter2" not in str(address)
    assert parse(URL, "other").vhost == "other"
    assert parse("amqp://rabbit").vhost == "/"


@pytest.mark.parametrize(
    ("handler", "said"),
    [
        ("await queue.publish('tasks', 1, unique='a')", "'app:tasks' takes no 'unique'"),
        ("await queue.publish('tasks', 1, priority=5)", "'app:tasks' takes no 'priority'"),
        ("await queue.publish('tasks', 1, transaction=body)", "takes no 'transaction'"),
        ("await queue.publish_many('tasks', [1], priority=5)", "takes no 'priority'"),
        ("await queue.dead_letters('tasks')", "in 'app:dead' cannot be listed"),
        ("await queue.status('tasks', 'x')", "'app:tasks' has no 'status'"),
        ("await queue.cancel('tasks', 'x')", "'app:tasks' has no 'cancel'"),
        ("await queue.pause('tasks')", "'app:tasks' has no 'pause'"),
    ],
)
def test_code_that_needs_what_a_broker_lacks_is_refused_with_its_line(
    handler: str, said: str, tmp_path: Path
) -> None:
    (finding,) = told(tmp_path, handler=handler)

    assert finding.startswith("h.py:3:")
    assert said in finding


@pytest.mark.parametrize(
    "handler",
    [
        "await queue.publish('tasks', 1, unique=None, priority=0, delay=5)",
        "await queue.requeue('tasks', queue.message())",
        "await queue.dead_letters('dead')",
        "await queue.info('tasks')",
    ],
)
def test_code_that_needs_nothing_of_it_is_fine(handler: str, tmp_path: Path) -> None:
    assert told(tmp_path, handler=handler) == []


def test_a_transaction_of_a_consumer_is_refused(tmp_path: Path) -> None:
    (finding,) = told(tmp_path, consumer="timeout: 1m, transaction: db")

    assert "a transaction cannot reach the messages of 'app:driver'" in finding


@pytest.mark.parametrize(
    ("consumer", "said"),
    [
        ("timeout: 26m", "is not done after 30m; write 25m at most"),
        ("prefetch: 1", "note: 'app:driver' delivers a message again that is not done after 30m"),
        ("timeout: 5m, prefetch: 10", "note: the last of 10 messages claimed ahead may wait for"),
    ],
)
def test_calls_that_the_broker_would_not_wait_for_are_told(
    consumer: str, said: str, tmp_path: Path
) -> None:
    (finding,) = told(tmp_path, consumer=consumer)

    assert said in finding


@pytest.mark.parametrize("consumer", ["timeout: 25m, prefetch: 1", "timeout: 5m, concurrency: 10"])
def test_calls_that_end_in_time_are_fine(consumer: str, tmp_path: Path) -> None:
    assert told(tmp_path, consumer=consumer) == []


def test_a_longer_limit_of_the_broker_allows_longer_calls(tmp_path: Path) -> None:
    driver = f"{SAFE}, consumer_timeout: 2h"

    assert told(tmp_path, driver, consumer="timeout: 90m, prefetch: 1") == []


def test_options_that_a_broker_does_not_have_are_unknown(tmp_path: Path) -> None:
    write_files(
        tmp_path,
        {
            "_index.yaml": f"""
                namespace: app
                entries:
                  - {{name: driver, kind: queue.driver.amqp, {SAFE}}}
                  - name: tasks
                    kind: queue.queue
                    driver: driver
                    driver_options: {{amqp: {{overflow: wait}}}}
                """
        },
    )
    with pytest.raises(ManifestError, match="unknown field 'overflow'"):
        link(read(tmp_path), Registry())


def test_the_address_is_tried_without_a_start(tmp_path: Path, rabbitmq: RabbitMQVhost) -> None:
    entry = "{name: driver, kind: queue.driver.amqp, url: '${env:BROKER}'}"
    write_files(tmp_path, {"_index.yaml": f"namespace: app\nentries:\n  - {entry}\n"})

    answered = execute("validate", str(tmp_path), "--connect", env={"BROKER": rabbitmq.url})
    assert answered.code == 0
    assert f"app:driver answers: amqp://guest@127.0.0.1:{rabbitmq.port}/test-" in answered.out
    assert "(RabbitMQ " in answered.out

    for url, said in (
        ("amqp://me:hunter22@127.0.0.1:1", "no connection to amqp://me@127.0.0.1:1"),
        (rabbitmq.url.replace("guest:guest", "guest:hunter22"), "refuses the user 'guest'"),
    ):
        refused = execute("validate", str(tmp_path), "--connect", env={"BROKER": url})
        assert refused.code == 4
        assert said in refused.out + refused.err
        assert "hunter22" not in refused.out + refused.err


def test_a_password_in_the_manifest_is_not_shown(tmp_path: Path) -> None:
    url = "amqps://me:hunter22@rabbit.internal"
    entry = f"{{name: driver, kind: queue.driver.amqp, url: '{url}'}}"
    write_files(tmp_path, {"_index.yaml": f"namespace: app\nentries:\n  - {entry}\n"})

    for options in ((), ("--json",)):
        shown = execute("show", "app:driver", str(tmp_path), *options)
        assert shown.code == 0
        assert "rabbit.internal" in shown.out
        assert "hunter22" not in shown.out


def test_only_what_is_on_a_broker_loads_its_library() -> None:
    loading = [name for name in MODULES if any(within(each, ("pika",)) for each in closure(name))]

    assert loading
    assert all(within(name, ("runtime.engines.queue.amqp",)) for name in loading)
    assert "runtime.kinds.queue.driver.amqp" not in loading
