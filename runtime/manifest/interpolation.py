"""Interpolation: placeholders in the strings of an entry, filled from variables and files.

`${env:NAME}` is an environment variable, `${secret:NAME}` one that is never printed, and
`${file:PATH}` the text of a file, which is never printed either. Each may have a default.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path as FilePath
from typing import Any, NamedTuple

from runtime.findings.finding import Path
from runtime.manifest.text_file import Unreadable, read_text

PLACEHOLDER = r"\$\{(?:(?:env|secret):[A-Za-z_][A-Za-z0-9_]*|file:[^|}]+)(?:\|[^}]*)?\}"
"""Regular expression of a placeholder, in the syntax that Python and JSON Schema share."""

MAX_FILE = 1024 * 1024
"""Most bytes of a `${file:…}`, which is what Kubernetes allows for a secret."""

_WHOLE = re.compile(PLACEHOLDER)
_PARTS = re.compile(r"\$\{(env|secret|file):([^|}]+)(?:\|([^}]*))?\}")
_TOKEN = re.compile(rf"\$\$\{{|{PLACEHOLDER}|\$\{{(?:[^}}]*\}})?")


class Unresolved(Exception):
    """A placeholder cannot be resolved: the text is the message, `hint` the remedy."""

    def __init__(self, message: str, hint: str | None, unset: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.unset = unset
        """True if only the variable or the file is missing."""


class Interpolation(NamedTuple):
    """The result of interpolating one entry."""

    placeholders: dict[Path, str]
    """Original text of every string that contained `${`, by its path."""
    hidden: dict[Path, str]
    """The text to print for each string with a secret: the secret's placeholder stays in it."""
    unfilled: frozenset[Path]
    """Paths of the strings that could not be resolved, and stay as they are."""
    secrets: frozenset[str]
    """Values of `${secret:…}` and `${file:…}`, without the defaults, which the manifest shows."""
    in_names: Sequence[Path]
    """Paths of the fields whose own names contain `${`, which is not replaced."""


class Resolver:
    """Fills placeholders from one environment, and from files relative to one folder."""

    def __init__(self, environment: Mapping[str, str], folder: FilePath) -> None:
        self._environment = environment
        self._folder = folder
        self._files: dict[str, str] = {}

    def interpolate(
        self, fields: dict[str, Any], report: Callable[[Path, Unresolved], None]
    ) -> Interpolation:
        """Replace the placeholders of `fields` in place.

        For a string that cannot be resolved, `report` is called.
        """
        placeholders: dict[Path, str] = {}
        hidden: dict[Path, str] = {}
        unfilled: set[Path] = set()
        secrets: set[str] = set()
        in_names: list[Path] = []
        for owner, key, path in list(_strings(fields, (), in_names)):
            text = owner[key]
            placeholders[path] = text
            try:
                owner[key], shown = self.resolve(text, secrets)
            except Unresolved as unresolved:
                report(path, unresolved)
                unfilled.add(path)
                continue
            if shown is not None:
                hidden[path] = shown
        return Interpolation(
            placeholders, hidden, frozenset(unfilled), frozenset(secrets), in_names
        )

    def resolve(self, text: str, secrets: set[str]) -> tuple[str, str | None]:
        """Replace the placeholders of a text.

        Returns the text to use, and the text to print if that is another one. Adds the secret
        values to `secrets`. Raises Unresolved if a variable or file is missing or unfit, and for
        malformed placeholders.
        """
        shown: list[str] = []
        filled: list[str] = []
        is_secret = False
        end = 0
        for match in _TOKEN.finditer(text):
            between, token = text[end : match.start()], match[0]
            end = match.end()
            value, secret = ("${", False) if token == "$${" else self._value(token)
            if secret and value:
                secrets.add(value)
                is_secret = True
            filled += (between, value)
            shown += (between, token if secret else value)
        filled.append(text[end:])
        shown.append(text[end:])
        return "".join(filled), "".join(shown) if is_secret else None

    def _value(self, token: str) -> tuple[str, bool]:
        """The value of one placeholder, and True if it is secret."""
        match = _PARTS.fullmatch(token) if _WHOLE.fullmatch(token) else None
        if match is None:
            raise Unresolved(
                f"'{token}' is not a placeholder",
                "write ${env:NAME}, ${secret:NAME}, ${file:PATH} or ${env:NAME|default}, "
                "or $${ for a literal ${",
            )
        source, name, default = match.groups()
        if source == "file":
            return self._file(name, default)
        found = self._environment.get(name)
        if found is None:
            if default is not None:
                return default, False
            hint = f"set it, or give a default: ${{{source}:{name}|…}}"
            raise Unresolved(f"the environment variable '{name}' is not set", hint, unset=True)
        if not _is_text(found):
            raise Unresolved(
                f"the environment variable '{name}' is not UTF-8 text", "set it to UTF-8 text"
            )
        return found, source == "secret" and found != default

    def _file(self, path: str, default: str | None) -> tuple[str, bool]:
        if path not in self._files:
            try:
                text = read_text(self._folder / path, MAX_FILE)
            except Unreadable as error:
                if error.missing and default is not None:
                    return default, False
                hint = error.hint
                if error.missing:
                    hint = f"create it, or give a default: ${{file:{path}|…}}"
                message = f"the file '{path}' cannot be read: {error.reason}"
                raise Unresolved(message, hint, unset=error.missing) from None
            if "\0" in text:
                raise Unresolved(f"the file '{path}' has a NUL character and is not text", None)
            self._files[path] = re.sub(r"\r?\n\Z", "", text)
        text = self._files[path]
        return text, text != default


def is_placeholder(text: str) -> bool:
    """True if the text is exactly one placeholder, whose value then takes the field's type."""
    return _WHOLE.fullmatch(text) is not None


def _is_text(value: str) -> bool:
    """False for bytes that are not UTF-8, which `os.environ` decodes to lone surrogates."""
    return value.isascii() or not any("\ud800" <= char <= "\udfff" for char in value)


def _strings(value: Any, path: Path, in_names: list[Path]) -> Iterator[tuple[Any, Any, Path]]:
    """Every string with a `${`, as its container, its key there, and its path.

    Paths whose last key has one are appended to `in_names`.
    """
    items: Any = ()
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    for key, item in items:
        if isinstance(key, str) and "${" in key:
            in_names.append((*path, key))
        if isinstance(item, str):
            if "${" in item:
                yield value, key, (*path, key)
        else:
            yield from _strings(item, (*path, key), in_names)
