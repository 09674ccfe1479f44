"""templates: pages and mails that handlers fill in.

async def show(id: int):
    task = await sql.get("db").query_one("SELECT * FROM tasks WHERE id = ?", [id])
    return templates.page("pages", "task.html", task=task)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.responses import HTMLResponse

from runtime.handlers.context import component

if TYPE_CHECKING:
    from runtime.engines.template.template_set import TemplateSet

__all__ = ["page", "render"]


def render(id: str, name: str, /, **values: Any) -> str:
    """The text of a template of a `template.set`, with the values that it names.

    `id` may be a bare name, in the namespace of the calling entry. Raises LookupError for an
    unknown entry or template, TypeError for an entry that is no set, and jinja2.UndefinedError for
    a value that is missing.
    """
    return _set(id).render(name, **values)


def page(id: str, name: str, /, **values: Any) -> HTMLResponse:
    """The same as an HTML response, whose `status_code` and `headers` may be changed."""
    return HTMLResponse(_set(id).render(name, **values))


def _set(id: str) -> TemplateSet:
    found: TemplateSet = component(id, "set of templates", "template.set", "render")
    return found
