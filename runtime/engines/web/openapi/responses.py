"""Responses: what an operation answers, as far as its annotations and its code tell."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, Union, get_args, get_origin

import msgspec
from starlette.responses import Response

from runtime.engines.web.openapi.generator import Schema
from runtime.engines.web.openapi.schemas import Schemas, reference_to
from runtime.engines.web.openapi.statuses import Statuses
from runtime.engines.web.problem import title
from runtime.engines.web.response_builder import ResponseBuilder
from runtime.handlers.arguments import shape

PROBLEM: Schema = {
    "title": "Problem",
    "description": "An error, as RFC 9457 has it.",
    "type": "object",
    "properties": {
        "type": {"type": "string", "format": "uri-reference", "default": "about:blank"},
        "title": {"type": "string", "description": "The phrase of the status."},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string", "description": "What is wrong with this request."},
        "request_id": {"type": "string", "description": "The id in the log, of a 5xx."},
        "errors": {
            "type": "array",
            "description": "All that is wrong with the arguments, of a 422.",
            "items": {
                "type": "object",
                "properties": {
                    "in": {"type": "string"},
                    "name": {"type": "string"},
                    "pointer": {"type": "string", "description": "A JSON Pointer: `#/action`."},
                    "detail": {"type": "string"},
                },
                "required": ["in", "detail"],
            },
        },
    },
    "required": ["type", "title", "status"],
}
_OTHER = "Other"


class Answer(msgspec.Struct, frozen=True):
    """The return annotation of a handler, taken apart."""

    json: Any = inspect.Parameter.empty
    """The type of the values that are sent as JSON; `empty` if there are none."""
    media: tuple[str, ...] = ()
    """Media types of the other bodies."""
    is_none: bool = False
    """True if it may return None, which is a 204."""
    is_open: bool = True
    """True if it may be anything: there is no annotation, or one of a whole response."""


def read_answer(annotation: Any) -> Answer:
    """Take a return annotation apart; `inspect.Parameter.empty` if there is none."""
    if annotation is inspect.Parameter.empty or annotation is Any:
        return Answer()
    values, media = [], []
    is_none = is_open = False
    for each in get_args(annotation) if shape.is_union(annotation) else (annotation,):
        kind = shape.bare(each)
        if get_origin(kind) is Literal:
            kind = type(get_args(kind)[0])
        if kind is None or kind is type(None):
            is_none = True
        elif isinstance(kind, type) and issubclass(kind, Response | ResponseBuilder):
            is_open = True
        elif kind is str:
            media.append("text/plain")
        elif kind in (bytes, bytearray, memoryview):
            media.append("application/octet-stream")
        else:
            values.append(each)
    json = Union[tuple(values)] if values else inspect.Parameter.empty  # noqa: UP007 - of a list
    return Answer(json, tuple(dict.fromkeys(media)), is_none, is_open)


def stream(media_type: str) -> Answer:
    """The answer of a generator, whose values are sent one by one in this type."""
    return Answer(media=(media_type,), is_open=False)


def describe_responses(
    answer: Answer, statuses: Statuses, errors: set[int], schemas: Schemas
) -> Schema:
    """The responses by status. `errors` are those of the server before the handler is called."""
    found = dict(_successes(answer, statuses, schemas))
    for status in statuses.set:
        if status >= 300:
            found.setdefault(
                status, {"description": title(status) if status >= 400 else "Redirect"}
            )
    for status in sorted(errors | statuses.raised):
        found[status] = {"$ref": f"#/components/responses/{_name(status)}"}
    responses = {str(status): found[status] for status in sorted(found)}
    if answer.is_open:
        return {**responses, "default": {"description": "Any other response of the handler."}}
    return {**responses, "default": {"$ref": f"#/components/responses/{_OTHER}"}}


def _successes(
    answer: Answer, statuses: Statuses, schemas: Schemas
) -> Iterator[tuple[int, Schema]]:
    chosen = sorted(status for status in statuses.set if status < 300)
    if statuses.always is not None:
        chosen = [statuses.always] if statuses.always < 300 else []
    content: Schema = {kind: {"schema": {"type": "string"}} for kind in answer.media}
    if answer.json is not inspect.Parameter.empty:
        content["application/json"] = {"schema": schemas.of(answer.json)}
    if answer.is_open and not content:
        for status in chosen:
            yield status, {"description": _phrase(status)}
        return
    if answer.is_none and statuses.always is None:
        yield 204, {"description": _phrase(204)}
    if content:
        for status in chosen if statuses.always is not None else [200, *chosen]:
            body = {} if status == 204 else {"content": content}
            yield status, {"description": _phrase(status), **body}
    else:
        for status in chosen:
            yield status, {"description": _phrase(status)}


def describe_problems(statuses: set[int], name: str) -> Mapping[str, Schema]:
    """The components that `describe_responses` refers to; `name` is that of the schema."""
    content = {"application/problem+json": {"schema": reference_to(name)}}
    found = {
        _name(status): {"description": title(status), "content": content}
        for status in sorted(statuses)
    }
    return {**found, _OTHER: {"description": "Any other error.", "content": content}}


def _name(status: int) -> str:
    return "".join(word for word in title(status).replace("-", " ").split())


_PHRASES: Sequence[tuple[int, str]] = (
    (200, "OK"),
    (201, "Created"),
    (202, "Accepted"),
    (204, "No content"),
    (206, "Partial content"),
)


def _phrase(status: int) -> str:
    return dict(_PHRASES).get(status, f"Status {status}")
