"""CommandLine: the parameters of a function as the arguments of a command."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Collection, Sequence
from pathlib import PurePath
from typing import Annotated, Any, get_args, get_origin

import msgspec

from runtime.findings.suggestion import did_you_mean
from runtime.handlers.arguments import hints, shape
from runtime.handlers.arguments.document import check_type
from runtime.handlers.arguments.expectation import expected
from runtime.handlers.arguments.faults import Fault, Unfit
from runtime.handlers.arguments.origin import split
from runtime.handlers.arguments.signature import EMPTY, Parameter
from runtime.handlers.arguments.texts import Texts

_NEGATIVE = re.compile(r"-[0-9.]")
"""The beginning of a negative number, which is no option."""


class WrongArguments(ValueError):
    """The arguments do not fit the function; `mistakes` has a line for each."""

    def __init__(self, mistakes: Sequence[str]) -> None:
        super().__init__("; ".join(mistakes))
        self.mistakes = tuple(mistakes)


class Argument(msgspec.Struct, frozen=True, kw_only=True):
    """One parameter: `FILE` if it is required, an option such as `--limit` if not."""

    parameter: Parameter
    label: str
    expected: str
    """`an integer`, `one of 'a', 'b'`; empty for a flag."""
    help: str
    """The `description` of a `msgspec.Meta` in its annotation."""
    is_option: bool
    is_flag: bool
    is_list: bool
    default: Any
    """The value that the function gets without it; None if that is nothing."""
    paths: Any
    """The annotation, if there are paths in it, which are given as texts; else None."""


class CommandLine:
    """Makes the values of a function's parameters from the words of a command line."""

    def __init__(self, function: Callable[..., Any], filled: Collection[str]) -> None:
        """`filled` are the parameters that others fill. Raises StartError, with the place of the
        function, for one that no text can fill.
        """
        self._place = hints.place(function)
        self.description = inspect.getdoc(hints.innermost(function)) or ""
        self.arguments = [
            argument
            for each in hints.parameters(function)
            if each.name not in filled and each.kind is not inspect.Parameter.VAR_KEYWORD
            for argument in self._read(function, each)
        ]
        self._positional = [each for each in self.arguments if not each.is_option]
        lists = [each.label for each in self._positional if each.is_list]
        if len(lists) > 1:
            text = f"{lists[0]} and {lists[1]} are each a list of any length; give one a default"
            raise hints.unusable(self._place, text)
        self._options = {each.label: each for each in self.arguments if each.is_option}
        self._options |= {
            f"--no-{label[2:]}": each for label, each in self._options.items() if each.is_flag
        }
        self._texts = Texts([each.parameter for each in self.arguments])

    def parse(self, words: Sequence[str]) -> dict[str, Any]:
        """The values by parameter, without those that keep their default.

        Raises WrongArguments with all mistakes.
        """
        values: dict[str, Any] = {}
        mistakes: list[str] = []
        plain: list[str] = []
        known: set[str] = set()
        """Options that are faulty already."""
        pending = [*reversed(words)]
        while pending:
            word = pending.pop()
            if word == "--":
                plain += reversed(pending)
                break
            if not word.startswith("-") or word == "-" or _NEGATIVE.match(word):
                plain.append(word)
                continue
            name, has_value, value = word.partition("=")
            option = self._options.get(name)
            if option is None:
                hint = did_you_mean(name, self._options)
                mistakes.append(f"no option '{name}'" + (f"; {hint}" if hint else ""))
            elif option.is_flag:
                if has_value:
                    mistakes.append(f"{name} is a flag, which has no value")
                values[option.parameter.name] = name == option.label
            elif not has_value and not pending:
                mistakes.append(f"{name} needs a value")
                known.add(option.parameter.name)
            else:
                _give(values, option, value if has_value else pending.pop())
        mistakes += self._give_plain(values, plain)
        return self._converted(values, mistakes, known)

    def _give_plain(self, values: dict[str, Any], plain: Sequence[str]) -> list[str]:
        slots = self._positional
        index = next((i for i, each in enumerate(slots) if each.is_list), None)
        if index is None:
            for argument, word in zip(slots, plain, strict=False):
                values[argument.parameter.name] = word
            return [f"'{word}' is one argument too many" for word in plain[len(slots) :]]
        after = slots[index + 1 :]
        end = max(index, len(plain) - len(after))
        for argument, word in zip(slots[:index], plain, strict=False):
            values[argument.parameter.name] = word
        for argument, word in zip(after, plain[end:], strict=False):
            values[argument.parameter.name] = word
        if rest := [*plain[index:end]]:
            values[slots[index].parameter.name] = rest
        return []

    def _converted(
        self, values: dict[str, Any], mistakes: list[str], known: Collection[str]
    ) -> dict[str, Any]:
        try:
            converted = self._texts.convert(values)
        except Unfit as error:
            mistakes += [
                self._told(fault, values) for fault in error.faults if fault.path[0] not in known
            ]
        if mistakes:
            raise WrongArguments(mistakes)
        return {
            each.parameter.name: value
            if each.paths is None
            else msgspec.convert(
                value, each.paths, strict=False, dec_hook=lambda to, text: to(text)
            )
            for each, value in zip(self.arguments, converted, strict=True)
            if each.parameter.name in values
        }

    def _told(self, fault: Fault, values: dict[str, Any]) -> str:
        name, *inner = fault.path
        argument = next(each for each in self.arguments if each.parameter.name == name)
        given = values.get(str(name))
        if inner and isinstance(given, list) and isinstance(inner[0], int):
            given = given[inner[0]]
        shown = f" '{given}'" if isinstance(given, str) else ""
        return f"{argument.label}{shown} {fault.detail}"

    def _read(self, function: Callable[..., Any], declared: inspect.Parameter) -> list[Argument]:
        name = declared.name
        is_rest = declared.kind is inspect.Parameter.VAR_POSITIONAL
        type_, _ = split(_annotation(function, declared))
        if is_rest:
            type_ = list[type_]  # type: ignore[valid-type]
        is_required = declared.default is EMPTY and not is_rest
        if shape.is_document(type_):
            if not is_required and not is_rest:
                return []  # it keeps its default
            text = f"'{name}' is a record, which a command line has not; take its fields one by one"
            raise hints.unusable(self._place, text)
        text_type = _as_text(type_)
        is_flag = shape.without_none(type_) is bool
        is_keyword = declared.kind is inspect.Parameter.KEYWORD_ONLY
        is_option = is_flag or is_keyword or not (is_required or is_rest)
        label = name.strip("_").replace("_", "-")
        parameter = Parameter(
            name=name,
            location="query",
            alias=name,
            type=text_type,
            required=is_required and not is_flag,
            default=EMPTY if is_required and not is_flag else False if is_required else None,
        )
        try:
            words = "a path" if text_type is not type_ else expected(check_type(_one(type_)))
        except TypeError as error:
            raise hints.unusable(self._place, f"'{name}': {error}") from None
        if shape.is_list(type_):
            items = [each for each in get_args(shape.without_none(type_)) if each is not ...]
            if text_type is type_ and len(items) == 1:
                words = expected(check_type(items[0]))
            words += ", any number of times" if is_option else ", any number"
        return [
            Argument(
                parameter=parameter,
                label=f"--{label}" if is_option else label.upper(),
                expected="" if is_flag else words,
                help=_description(type_),
                is_option=is_option,
                is_flag=is_flag,
                is_list=shape.is_list(type_),
                default=None if declared.default is EMPTY else declared.default,
                paths=type_ if text_type is not type_ else None,
            )
        ]


def _annotation(function: Callable[..., Any], declared: inspect.Parameter) -> Any:
    if declared.annotation is not EMPTY:
        return hints.resolve(function, declared.name, declared.annotation)
    default = type(declared.default)
    return default if declared.default is not EMPTY and default in (bool, int, float) else str


def _as_text(annotation: Any) -> Any:
    """The annotation with texts in the place of paths; itself, if there are none in it."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if isinstance(annotation, type) and issubclass(annotation, PurePath):
        return str
    if origin is Annotated:
        text = _as_text(inner[0])
        return annotation if text is inner[0] else Annotated[(text, *inner[1:])]
    texts = tuple(map(_as_text, inner))
    if all(text is each for text, each in zip(texts, inner, strict=True)):
        return annotation
    if shape.is_union(annotation):
        union = texts[0]
        for each in texts[1:]:
            union |= each
        return union
    return origin[texts] if origin is not None else annotation


def _one(annotation: Any) -> Any:
    """`T` of `T | None`."""
    return shape.without_none(annotation) if shape.is_union(annotation) else annotation


def _description(annotation: Any) -> str:
    """The description in the annotation, its own or that of what it is a list of."""
    if get_origin(annotation) is Annotated:
        inner, *marks = get_args(annotation)
        for mark in marks:
            if isinstance(mark, msgspec.Meta) and mark.description:
                return mark.description
        return _description(inner)
    return next(filter(None, map(_description, get_args(annotation))), "")


def _give(values: dict[str, Any], option: Argument, value: str) -> None:
    name = option.parameter.name
    if option.is_list:
        values.setdefault(name, []).append(value)
    else:
        values[name] = value
