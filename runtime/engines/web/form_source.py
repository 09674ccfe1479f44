"""FormSource: reads the fields and files that a handler asks for from a form."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, get_args

from msgspec import inspect as kinds
from starlette.datastructures import FormData, UploadFile

from runtime.engines.web.exchange import Exchange
from runtime.handlers.arguments import shape
from runtime.handlers.arguments.document import check_type
from runtime.handlers.arguments.faults import Fault, Unfit
from runtime.handlers.arguments.signature import Parameter
from runtime.handlers.arguments.texts import Texts


class FormSource:
    """The parameters that a form fills."""

    def __init__(self, parameters: Sequence[Parameter], *, blocking: bool) -> None:
        """Raises TypeError, naming the parameter, for a type that nothing is made of."""
        self._blocking = blocking
        self._files = [each for each in parameters if each.is_file]
        self._fields = [each for each in parameters if not each.is_file]
        self._texts = Texts(self._fields)
        self._whole = next((each for each in self._fields if each.is_whole), None)
        self._lists: dict[str, bool] = {}
        if self._whole is not None:
            kind: Any = check_type(shape.without_none(self._whole.type))
            self._lists = {
                field.encode_name: _is_list(field.type) for field in getattr(kind, "fields", ())
            }
        for each in self._files:
            if not (_file_type(each) in (bytes, str) or issubclass(_file_type(each), UploadFile)):
                raise TypeError(
                    f"the parameter '{each.name}' is a file; write http.UploadFile, or bytes or "
                    "str for all of its contents"
                )

    async def read(self, exchange: Exchange) -> dict[str, Any]:
        """The values by the parameter's name; those that have their default may be left out.

        Raises Unfit, with paths that begin with that name, and what `request.form()` raises.
        """
        if self._blocking:
            form = await asyncio.to_thread(exchange.blocking_request.form)
        else:
            form = await exchange.request.form()
        faults: list[Fault] = []
        values: dict[str, Any] = {}
        try:
            converted = self._texts.convert(self._collect(form, faults))
            values |= zip((each.name for each in self._fields), converted, strict=True)
        except Unfit as error:
            faults += [each for each in error.faults if not _is_told(each, faults)]
        for each in self._files:
            await self._read_files(each, form, values, faults)
        if faults:
            raise Unfit(faults)
        return values

    def _collect(self, form: FormData, faults: list[Fault]) -> dict[str, Any]:
        """The fields by the parameter's name, without those that the client did not send."""
        if self._whole is not None:
            known = {each.alias for each in self._files}
            fields = {
                name: _texts(form, name, (self._whole.name, name), self._lists.get(name), faults)
                for name in form
                if name not in known
            }
            return {self._whole.name: fields}
        return {
            each.name: _texts(form, each.alias, (each.name,), shape.is_list(each.type), faults)
            for each in self._fields
            if each.alias in form
        }

    async def _read_files(
        self, parameter: Parameter, form: FormData, values: dict[str, Any], faults: list[Fault]
    ) -> None:
        given = [value for value in form.getlist(parameter.alias) if not _is_empty(value)]
        uploads = [value for value in given if isinstance(value, UploadFile)]
        if len(uploads) < len(given):
            faults.append(Fault((parameter.name,), "must be a file"))
        elif not uploads:
            if parameter.required:
                faults.append(Fault((parameter.name,), "is missing"))
        else:
            wanted = _file_type(parameter)
            files: list[Any] = [*uploads]
            if wanted in (bytes, str):
                files = [await asyncio.to_thread(upload.file.read) for upload in uploads]
            if wanted is str:
                try:
                    files = [content.decode() for content in files]
                except UnicodeDecodeError:
                    faults.append(Fault((parameter.name,), "must be text in UTF-8"))
            values[parameter.name] = files if shape.is_list(parameter.type) else files[-1]


def _texts(
    form: FormData, name: str, path: tuple[str, ...], is_list: bool | None, faults: list[Fault]
) -> Any:
    values = form.getlist(name)
    if not all(isinstance(value, str) for value in values):
        faults.append(Fault(path, "must be text, not a file"))
        return [] if is_list else ""
    return values if is_list else values[-1]


def _is_told(fault: Fault, faults: list[Fault]) -> bool:
    return any(fault.path[: len(each.path)] == each.path for each in faults)


def _file_type(parameter: Parameter) -> Any:
    """The type of a file, or of each of them."""
    wanted = shape.without_none(parameter.type)
    if shape.is_list(wanted):
        return next(iter(get_args(wanted)), None)
    return wanted


def _is_empty(value: str | UploadFile) -> bool:
    """True for what a browser sends for a file that the user did not choose."""
    return value == "" if isinstance(value, str) else not value.filename and not value.size


def _is_list(kind: kinds.Type) -> bool:
    if isinstance(kind, kinds.UnionType):
        return any(map(_is_list, kind.types))
    return isinstance(
        kind, kinds.ListType | kinds.SetType | kinds.FrozenSetType | kinds.VarTupleType
    )
