"""TemplateSet: the templates of a folder, compiled before the first of them is filled in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path, PurePath
from typing import Any

from jinja2 import (
    Environment,
    FileSystemLoader,
    StrictUndefined,
    TemplateNotFound,
    TemplateSyntaxError,
    meta,
)

from runtime.findings.fault import Fault
from runtime.findings.suggestion import did_you_mean
from runtime.service import StartError

HTML = frozenset({".html", ".htm", ".xhtml", ".xml", ".svg"})
"""Ends of names, before `.j2` too, whose values are escaped."""
MAX_FILES = 10_000


class TemplateSet:
    """Fills in templates by their path below a folder, such as `mail/welcome.txt`.

    In templates of HTML and XML, values are escaped. A variable that is not given is an error.
    """

    def __init__(self, id: str, folder: Path, globals: Mapping[str, Any]) -> None:
        """Raises StartError for a template that does not compile."""
        self._id = id
        self._environment = environment(folder)
        self._environment.globals.update(globals)
        for name in names(folder):
            try:
                self._environment.get_template(name)
            except TemplateSyntaxError as error:
                raise StartError(f"{place(folder, error)}: {error.message}") from None
            except (OSError, UnicodeDecodeError) as error:
                raise StartError(f"{folder / name}: {error}") from None

    def render(self, name: str, /, **values: Any) -> str:
        """The text of a template with values. Raises LookupError for a name that there is not."""
        try:
            template = self._environment.get_template(name)
        except TemplateNotFound as error:
            known = self._environment.list_templates()
            hint = did_you_mean(str(error.name), known)
            text = f"'{self._id}' has no template '{error.name}'"
            raise LookupError(f"{text}; {hint}" if hint else text) from None
        return template.render(values)


def environment(folder: Path) -> Environment:
    """The settings of all sets."""
    return Environment(
        loader=FileSystemLoader(folder),
        autoescape=_is_escaped,
        undefined=StrictUndefined,
        auto_reload=False,
        cache_size=-1,
    )


def names(folder: Path) -> list[str]:
    """The paths of the templates below a folder; those that begin with a dot are left out."""
    found = (path.relative_to(folder) for path in sorted(folder.rglob("*")) if path.is_file())
    return [
        path.as_posix() for path in found if not any(part.startswith(".") for part in path.parts)
    ][:MAX_FILES]


def faults(folder: Path, shown: str) -> Iterator[Fault]:
    """The mistakes in the templates below a folder, which messages call `shown`."""
    compiling = environment(folder)
    known = names(folder)
    for name in known:
        try:
            source = (folder / name).read_text(encoding="utf-8")
            compiling.compile(source, name, str(folder / name))
            tree = compiling.parse(source, name)
        except TemplateSyntaxError as error:
            yield Fault(f"{shown}/{name}:{error.lineno}: {error.message}")
            continue
        except UnicodeDecodeError:
            yield Fault(f"'{shown}/{name}' is not UTF-8", "save it as UTF-8, or move it elsewhere")
            continue
        except OSError as error:
            yield Fault(f"'{shown}/{name}' cannot be read: {error.strerror}")
            continue
        for other in meta.find_referenced_templates(tree):
            if other is not None and other not in known:
                message = f"{shown}/{name} names a template '{other}', which is not there"
                yield Fault(message, did_you_mean(other, known))


def place(folder: Path, error: TemplateSyntaxError) -> str:
    """File and line of a mistake."""
    return f"{folder / (error.name or '')}:{error.lineno}"


def _is_escaped(name: str | None) -> bool:
    if name is None:
        return True
    path = PurePath(name)
    if path.suffix in (".j2", ".jinja", ".jinja2"):
        path = path.with_suffix("")
    return path.suffix.lower() in HTML
