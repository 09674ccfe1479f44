"""The changes of files that pages show."""

from __future__ import annotations

from tests.support.doc_changes import changed

FILE = '''\
"""A module."""

import os
from a import b

NAME = 1


class One:
    x = 1


def two():
    return NAME
'''


def test_what_is_there_is_replaced_and_what_is_new_added_at_its_place() -> None:
    changes = """\
from a import b, c

import sys

NAME = 2
OTHER = 3


class One:
    x = 2


async def three():
    return OTHER
"""
    assert (
        changed(FILE, changes)
        == '''\
"""A module."""

import os
from a import b, c
import sys

NAME = 2
OTHER = 3


class One:
    x = 2


def two():
    return NAME


async def three():
    return OTHER
'''
    )


def test_the_first_import_of_a_file_stands_at_its_top() -> None:
    assert changed("def two(): ...\n", "import os\n") == "import os\n\n\ndef two(): ...\n"
