"""Queues on a RabbitMQ broker, over AMQP 0.9.1."""
