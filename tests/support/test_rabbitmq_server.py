"""The RabbitMQ servers of the tests: shared, killed, restarted, frozen and alarmed."""

from __future__ import annotations

import os
import threading

import pika
import pytest

from tests.support.rabbitmq_server import RabbitMQServer
from tests.support.rabbitmq_vhost import RabbitMQVhost

LASTING = pika.BasicProperties(delivery_mode=2)
SOON = 20.0


def connect(server: RabbitMQServer) -> pika.BlockingConnection:
    return pika.BlockingConnection(pika.URLParameters(server.url))


def publish(server: RabbitMQServer, queue: str, body: bytes) -> None:
    """Publish one message, and wait for its confirm."""
    with connect(server) as connection:
        channel = connection.channel()
        channel.queue_declare(queue, durable=True, arguments={"x-queue-type": "quorum"})
        channel.confirm_delivery()
        channel.basic_publish("", queue, body, LASTING)


def body_of(server: RabbitMQServer, queue: str) -> bytes | None:
    with connect(server) as connection:
        return connection.channel().basic_get(queue, auto_ack=True)[2]


def test_a_test_has_a_virtual_host_of_its_own(rabbitmq: RabbitMQVhost) -> None:
    with rabbitmq.connect() as connection:
        connection.channel().queue_declare("item", durable=True)
    assert [queue["name"] for queue in rabbitmq.api("GET", "/queues/{vhost}")] == ["item"]


def test_the_next_test_finds_the_same_server_and_no_queue(rabbitmq: RabbitMQVhost) -> None:
    assert rabbitmq.api("GET", "/queues/{vhost}") == []
    assert len(rabbitmq.api("GET", "/vhosts")) == 2


@pytest.mark.slow
def test_what_was_confirmed_is_there_after_a_kill(rabbitmq_server: RabbitMQServer) -> None:
    publish(rabbitmq_server, "kept", b"7")
    rabbitmq_server.wait_until_kept("kept")
    pids = rabbitmq_server.process.pids
    rabbitmq_server.kill()
    assert not any(os.path.exists(f"/proc/{pid}") for pid in pids)
    rabbitmq_server.start()
    assert body_of(rabbitmq_server, "kept") == b"7"


@pytest.mark.slow
def test_a_restart_closes_the_connections(rabbitmq_server: RabbitMQServer) -> None:
    connection = connect(rabbitmq_server)
    rabbitmq_server.restart()
    with pytest.raises(pika.exceptions.AMQPConnectionError):
        connection.process_data_events(SOON)


@pytest.mark.slow
def test_an_alarm_blocks_who_publishes(rabbitmq_server: RabbitMQServer) -> None:
    blocked, unblocked = threading.Event(), threading.Event()
    with connect(rabbitmq_server) as connection:
        connection.add_on_connection_blocked_callback(lambda *_: blocked.set())
        connection.add_on_connection_unblocked_callback(lambda *_: unblocked.set())
        channel = connection.channel()
        rabbitmq_server.raise_memory_alarm()
        channel.basic_publish("", "nowhere", b"")
        while not blocked.is_set():
            connection.process_data_events(SOON)
        rabbitmq_server.clear_memory_alarm()
        while not unblocked.is_set():
            connection.process_data_events(SOON)


@pytest.mark.slow
def test_a_frozen_server_goes_on_where_it_was(rabbitmq_server: RabbitMQServer) -> None:
    with connect(rabbitmq_server) as connection:
        rabbitmq_server.suspend()
        threading.Timer(0.2, rabbitmq_server.resume).start()
        connection.channel()
