"""What management and the command line have done on an application's loop: with queues, dead
letters, messages, schedules and services.

Each operation takes its arguments by name, and raises LookupError for what is not there and
ValueError for what cannot be done. Arguments and results are JSON.
"""
