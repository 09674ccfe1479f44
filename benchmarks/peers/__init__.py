"""Peers: the same task as users of other tools would write it, one file each.

To add one is to add a file. It begins with what `benchmarks.subject` reads from it, without
importing it: `TITLE`; `PLACE`, which is `in process`, `brokered` or `no work`; `PACKAGES` that it
needs; `WORKERS`, the commands it runs beside its web server, if any; `REDIS = True` if it wants a
broker; and `DURABLE = True` if tasks that wait survive a kill. Its `app` is served by uvicorn as
all are: uvloop, httptools, no access log.
"""
