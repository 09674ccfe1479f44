"""Peers on servers: a no-op task as users of other tools would run it, one file each.

To add one is to add a file. It begins with what `benchmarks.queues` reads from it, without
importing it: `TITLE`; `SERVER`, which is `PostgreSQL` or `RabbitMQ`; `PACKAGES` that it needs; and
`COUNT`, the tasks of a phase. Its `Tool` is the one of `benchmarks.queues.program`. Tasks survive
a kill of the server and of the worker: publishes are confirmed, and a task is acknowledged after
it was run. All else is as the tool has it by default, or better for it where the file says so.
"""
