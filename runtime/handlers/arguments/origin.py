"""Origin: decides for each parameter of a function where its value comes from."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Annotated, Any, Union, get_args, get_origin

from runtime.entry_id import EntryId
from runtime.handlers.arguments import foreign, hints, shape
from runtime.handlers.arguments.markers import LOCATIONS, File, Header, Marker
from runtime.handlers.arguments.signature import EMPTY, Caller, Parameter, Signature
from runtime.service import StartError

_UNNAMED = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def read(function: Callable[..., Any], caller: Caller) -> Signature:
    """The signature of a function for its caller.

    Raises StartError, with the place of the `def`, for a parameter that the caller cannot fill, an
    annotation that cannot be read, and a contradiction.
    """
    declared = hints.parameters(function)
    typed = is_typed(declared)
    text = inspect.getdoc(hints.innermost(function)) or ""
    summary, _, description = text.partition("\n")
    place = hints.place(function)
    parameters: tuple[Parameter, ...] = ()
    if typed:
        named = [each for each in declared if each.kind not in _UNNAMED]
        parameters = tuple(_Reader(function, each, caller, place).read() for each in named)
        _check_whole(parameters, caller, place)
    return Signature(
        parameters=parameters,
        typed=typed,
        returns=_returns(function, typed),
        summary=summary.strip(),
        description=description.strip(),
        place=place,
    )


def by_position(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function with what it takes by keyword after its other arguments.

    Itself, unless its parameters are annotated and some are passed by keyword only.
    """
    declared = hints.parameters(function)
    named = [each for each in declared if each.kind not in _UNNAMED]
    keywords = [each.name for each in named if each.kind is inspect.Parameter.KEYWORD_ONLY]
    if not keywords or not is_typed(declared):
        return function
    count = len(named) - len(keywords)

    def call(*arguments: Any) -> Any:
        return function(*arguments[:count], **dict(zip(keywords, arguments[count:], strict=False)))

    return call


def is_typed(declared: list[inspect.Parameter]) -> bool:
    """True if a parameter has an annotation that says something."""
    return any(
        each.annotation is not EMPTY
        and not shape.is_unknown(each.annotation)
        and each.annotation not in ("Any", "object", "typing.Any")
        for each in declared
        if each.kind not in _UNNAMED
    )


def _returns(function: Callable[..., Any], typed: bool) -> Any:
    inner = hints.innermost(function)
    annotation = getattr(inner, "__annotations__", {}).get("return", EMPTY)
    if annotation is EMPTY:
        return EMPTY
    try:
        found = hints.resolve(function, "return", annotation)
    except StartError:
        if typed:
            raise
        return EMPTY
    return None if found is type(None) else found


class _Reader:
    """Reads one parameter."""

    def __init__(
        self, function: Callable[..., Any], declared: inspect.Parameter, caller: Caller, place: str
    ) -> None:
        self._name = declared.name
        self._caller = caller
        self._place = place
        self._default = declared.default
        annotation = declared.annotation
        if annotation is not EMPTY:
            annotation = hints.resolve(function, declared.name, annotation)
        self._annotation = annotation
        self._type, marks = split(annotation)
        self._markers = [each for each in marks if isinstance(each, Marker)]
        self._ids = [each for each in marks if isinstance(each, str)]

    def read(self) -> Parameter:
        if isinstance(self._default, Marker) or _is_marker_class(self._default):
            name = getattr(self._default, "__name__", type(self._default).__name__)
            raise self._error(
                f"has a marker for its default; write Annotated[…, http.{name}()] as its annotation"
            )
        for problem in self._foreign():
            raise self._error(problem)
        if len(self._markers) + len(self._ids) > 1:
            shown = [type(each).__name__ for each in self._markers] + [*map(repr, self._ids)]
            raise self._error(f"has more than one source: {', '.join(shown)}; keep one of them")
        if self._markers:
            return self._marked(self._markers[0])
        if (given := self._given()) is not None:
            return given
        if self._ids:
            id = str(EntryId.parse(self._ids[0], self._caller.namespace))
            return self._parameter("component", id)
        return self._by_type()

    def _foreign(self) -> Iterator[str]:
        """Without this, a dependency of FastAPI would be filled from the query, by the client."""
        if problem := foreign.mark_of(self._default):
            yield problem
        yield from foreign.marks_in(self._annotation, within_model=shape.uses_pydantic(self._type))

    def _given(self) -> Parameter | None:
        wanted = shape.without_none(self._type)
        if not isinstance(wanted, type):
            return None
        if wanted in self._caller.given:
            return self._parameter("given", self._name)
        if wanted in self._caller.foreign:
            if self._default is not EMPTY:
                return self._parameter("given", self._name)
            mend = self._caller.foreign[wanted]
            raise self._error(f"is a {wanted.__name__}, which {self._caller.name} has not; {mend}")
        return None

    def _by_type(self) -> Parameter:
        name, caller = self._name, self._caller
        item = shape.without_none(self._type)
        if shape.is_list(item):
            item = next(iter(get_args(item)), None)
        if isinstance(item, type) and item in caller.files:
            return self._parameter("form", name, is_file=True)
        if name in caller.path:
            if shape.is_document(self._type):
                raise self._error(f"is a part of the path of {caller.name}, which is a text")
            return self._parameter("path", name)
        if caller.one_body or shape.is_document(self._type):
            return self._body()
        return self._at("query", name)

    def _marked(self, marker: Marker) -> Parameter:
        location = LOCATIONS[type(marker)]
        if location == "body":
            return self._body()
        name = self._name
        if isinstance(marker, Header):
            name = name.replace("_", "-").lower()
        name = marker.name or name
        if location == "path" and name not in self._caller.path:
            has = ", ".join(f"'{each}'" for each in self._caller.path) or "none"
            raise self._error(f"is '{name}' of the path, but {self._caller.name} has {has}")
        if isinstance(marker, Header):
            name = name.lower()
        is_document = location != "state" and shape.is_document(self._type)
        if is_document and location != "form":
            raise self._error(f"is a {type(marker).__name__}, which is a text, not a record")
        whole = location == "form" and is_document and not isinstance(marker, File)
        return self._at(location, name, is_file=isinstance(marker, File), is_whole=whole)

    def _body(self) -> Parameter:
        return self._at("body", self._name)

    def _at(self, location: str, alias: str, **more: bool) -> Parameter:
        caller = self._caller
        if location in ("body", "form") and caller.no_body:
            raise self._error(
                f"is a {location}, but {caller.no_body}; "
                "write Annotated[…, http.Query()] if it is in the query"
            )
        if location not in caller.locations:
            if self._default is not EMPTY:  # for another caller of the function
                return self._parameter("given", self._name)
            raise self._error(f"comes from the {location}, but {caller.name} has none")
        return self._parameter(location, alias, **more)

    def _parameter(self, location: str, alias: str, **more: bool) -> Parameter:
        return Parameter(
            name=self._name,
            location=location,
            alias=alias,
            type=str if self._type is EMPTY else self._type,
            required=self._default is EMPTY,
            default=self._default,
            **more,
        )

    def _error(self, text: str) -> StartError:
        return StartError(f"{self._place}: the parameter '{self._name}' {text}")


def split(annotation: Any) -> tuple[Any, list[Marker | str]]:
    """An annotation without markers and ids of entries, and those."""
    if get_origin(annotation) is Annotated:
        inner, *metadata = get_args(annotation)
        kept = [each for each in metadata if not _is_mark(each)]
        marks = [each() if isinstance(each, type) else each for each in metadata if _is_mark(each)]
        type_, more = split(inner)
        if kept and type(None) in shape.choices(type_) and shape.is_union(type_):
            return _optional(type_, kept), [*marks, *more]
        return (Annotated[(type_, *kept)] if kept else type_), [*marks, *more]
    if shape.is_union(annotation):
        parts = [split(each) for each in get_args(annotation)]
        if any(marks for _, marks in parts):
            union: Any = Union.__getitem__(tuple(part for part, _ in parts))
            return union, [mark for _, marks in parts for mark in marks]
    return annotation, []


def _optional(union: Any, metadata: list[Any]) -> Any:
    """`Annotated[int | None, Meta(ge=1)]` with the bound where msgspec takes it: at the `int`."""
    members = [
        each if each is type(None) else Annotated[(each, *metadata)]
        for each in shape.choices(union)
    ]
    return Union.__getitem__(tuple(members))


def _is_mark(value: object) -> bool:
    return isinstance(value, Marker | str) or _is_marker_class(value)


def _is_marker_class(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, Marker)


def _check_whole(parameters: tuple[Parameter, ...], caller: Caller, place: str) -> None:
    """Raise StartError for parameters that contradict each other."""
    for problem in _contradictions(parameters):
        raise StartError(f"{place}: {problem}")


def _contradictions(parameters: tuple[Parameter, ...]) -> Iterator[str]:
    bodies = [each.name for each in parameters if each.location == "body"]
    forms = [each for each in parameters if each.location == "form"]
    if len(bodies) > 1:
        shown = "' and '".join(bodies)
        yield f"'{shown}' are each the body, of which there is one; make one record of them"
    if bodies and forms:
        yield f"'{bodies[0]}' is the body, and '{forms[0].name}' a part of a form; keep one of them"
    whole = [each for each in forms if each.is_whole]
    if whole and len([each for each in forms if not each.is_file]) > 1:
        yield f"'{whole[0].name}' is the whole form; make the other fields a part of it"
    seen: dict[tuple[str, str], str] = {}
    for each in parameters:
        if each.location in ("path", "query", "header", "cookie", "form"):
            other = seen.setdefault((each.location, each.alias), each.name)
            if other != each.name:
                yield f"'{other}' and '{each.name}' are both '{each.alias}' of the {each.location}"
