"""Page: the document to read, and to try, as one page that is complete without its script."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from runtime.engines.web.openapi.assets import assets
from runtime.engines.web.openapi.generator import Schema
from runtime.engines.web.openapi.markup import anchor, escape, icon, prose
from runtime.engines.web.openapi.outline import property_table, type_text
from runtime.engines.web.openapi.panel import method_label, operation_panel

_Operation = tuple[str, str, Mapping[str, Any]]
"""Method, path, and the operation."""

_SYMBOLS = {
    "theme": "M8 2.2a5.8 5.8 0 1 0 0 11.6zM8 2.2a5.8 5.8 0 0 1 0 11.6",
    "lock": "M3.6 7h8.8v6.6H3.6zM5.4 7V5a2.6 2.6 0 0 1 5.2 0v2",
    "send": "M2.2 8 13.6 2.6 9.8 13.6 7.4 8.8zM7.4 8.8l6.2-6.2",
    "more": "M6 3.6 10.4 8 6 12.4",
    "copy": "M5.4 5.4h8v8h-8zM10.6 5.4V2.6h-8v8h2.8",
    "file": "M4 2h5.4L12.4 5v9H4zM9.2 2.2v3h3",
}


def render(document: Mapping[str, Any], path: str, docs: str) -> str:
    """The page of a document that is served at `path`; its own path is `docs`.

    All addresses in it are relative, so that it works behind a proxy that takes a prefix off.
    """
    title, version = (escape(document["info"][key]) for key in ("title", "version"))
    components = document["components"]["schemas"]
    groups = _groups(document)
    root = posixpath.relpath("/", posixpath.dirname(docs)) + "/"
    address = {name: f"{root}{docs[1:]}/{asset.name}" for name, asset in assets().items()}
    source = escape(root + path[1:])
    navigation = _navigation(groups, components)
    panels = "".join(_group(tag, operations, document) for tag, operations in groups)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover">
<title>{title}</title>
<link rel="icon" href="{escape(address["icon.svg"])}">
<link rel="stylesheet" href="{escape(address["page.css"])}">
<script src="{escape(address["page.js"])}"></script>
</head>
<body data-root="{escape(root)}">
<svg width="0" height="0" aria-hidden="true" class="sr"><defs>{_symbols()}</defs></svg>
<a class="skip" href="#main">Skip to the content</a>
<div class="frame">
<nav class="rail" aria-label="Operations">
<a class="brand" href="#main">
<img src="{escape(address["icon.svg"])}" alt="" width="28" height="28">
<span>{title}<small>version {version}</small></span></a>
<label class="find"><span class="sr">Find an operation</span>
<input class="field" type="search" placeholder="Find, by name or path" data-do="find">
<kbd>/</kbd></label>
<div class="list">{navigation}</div>
</nav>
<main id="main">
<header class="top"><h1>{title} <span class="chip">{version}</span></h1>
<div class="side"><a class="btn" href="{source}">{icon("file")}OpenAPI</a>
<label class="token"><span class="sr">Bearer token</span>{icon("lock")}
<input class="field" type="password" autocomplete="off" spellcheck="false"
 placeholder="Bearer token" data-do="token"></label>
<button class="btn quiet" type="button" data-do="theme" aria-label="Light or dark">
{icon("theme")}</button>
</div></header>
<details class="menu"><summary>{icon("more")}All operations</summary>{navigation}</details>
{_servers(document)}{panels or '<p class="empty">This server has no endpoints.</p>'}
{_schemas(components)}
<p class="none" hidden>No operation has all these words.</p>
</main>
</div>
</body>
</html>
"""


def _groups(document: Mapping[str, Any]) -> Sequence[tuple[str, list[_Operation]]]:
    """The operations by their first tag, in the order of the tags."""
    groups: dict[str, list[_Operation]] = {tag["name"]: [] for tag in document["tags"]}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            tag = next(iter(operation.get("tags", ())), "")
            groups.setdefault(tag, []).append((method.upper(), path, operation))
    return [(tag, operations) for tag, operations in groups.items() if operations]


def _navigation(
    groups: Sequence[tuple[str, list[_Operation]]], components: Mapping[str, Schema]
) -> str:
    return "".join(_navigation_parts(groups, components))


def _navigation_parts(
    groups: Sequence[tuple[str, list[_Operation]]], components: Mapping[str, Schema]
) -> Iterator[str]:
    for tag, operations in groups:
        yield f"<h2>{escape(tag or 'Operations')}</h2><ul>"
        for method, path, operation in operations:
            target = anchor("op", operation["operationId"])
            yield (
                f'<li data-find="{escape(_words(method, path, operation))}">'
                f'<a class="go" href="#{escape(target)}">{method_label(method)}'
                f'<span class="mono">{escape(path)}</span></a></li>'
            )
        yield "</ul>"
    yield '<h2>Schemas</h2><ul class="names">'
    for name in components:
        target = escape(anchor("schema", name))
        text = f'<span class="mono">{escape(name)}</span>'
        yield f'<li><a class="go" href="#{target}">{text}</a></li>'
    yield "</ul>"


def _words(method: str, path: str, operation: Mapping[str, Any]) -> str:
    """All that a reader may look for."""
    given = (operation["operationId"], operation.get("summary", ""), *operation.get("tags", ()))
    return " ".join((method, path, *given)).lower()


def _group(tag: str, operations: Sequence[_Operation], document: Mapping[str, Any]) -> str:
    panels = "".join(
        operation_panel(method, path, each, document, _words(method, path, each))
        for method, path, each in operations
    )
    return f'<section class="group"><h2>{escape(tag or "Operations")}</h2>{panels}</section>'


def _servers(document: Mapping[str, Any]) -> str:
    urls = [f"<code>{escape(each['url'])}</code>" for each in document.get("servers", ())]
    return f'<p class="sub">Served at {", ".join(urls)}</p>' if urls else ""


def _schemas(components: Mapping[str, Schema]) -> str:
    panels = "".join(
        f'<article class="panel schema" id="{escape(anchor("schema", name))}">'
        f'<header><h3 class="mono">{escape(name)}</h3>'
        f'<span class="hint">{type_text({**schema, "title": ""})}</span></header>'
        f'<div class="body">{prose(schema.get("description", ""))}'
        f"{property_table(schema, components)}</div></article>"
        for name, schema in components.items()
    )
    return f'<section class="group"><h2>Schemas</h2><div class="schemas">{panels}</div></section>'


def _symbols() -> str:
    return "".join(
        f'<symbol id="i-{name}" viewBox="0 0 16 16"><path d="{path}"/></symbol>'
        for name, path in _SYMBOLS.items()
    )
