"""db.sql.postgres: a PostgreSQL database, through a pool of connections."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from runtime.findings.extra import how_to_install, missing_package
from runtime.findings.finding import Note, Problem
from runtime.kind import BuildContext, EntryId, Kind, Linked, Stage, StartError

if TYPE_CHECKING:
    from runtime.engines.sql.postgres.database import Database
    from runtime.engines.sql.postgres.settings import Settings


class TLS(msgspec.Struct, frozen=True, kw_only=True):
    mode: str | None
    ca: str | None
    cert: str | None
    key: str | None


class Pool(msgspec.Struct, frozen=True, kw_only=True):
    size: int
    wait: float
    idle: float
    lifetime: float


class Config(msgspec.Struct, frozen=True, kw_only=True):
    dsn: str | None
    host: str | None
    port: int | None
    database: str | None
    username: str | None
    password: str | None
    schema: str | None
    tls: TLS
    pool: Pool
    statement_timeout: float
    transaction_timeout: float
    busy_timeout: float
    durability: str
    pooler: str
    direct: str | None
    application_name: str | None


def build(config: Config, context: BuildContext) -> Database:
    _import(context.id)
    # psycopg is installed only with the extra, and takes 60 ms that nobody else should pay.
    from runtime.engines.sql.postgres import tracing

    settings = _settings(config, context.id, context.folder)
    for parameters in (settings.parameters, settings.direct or {}):
        secrets = [parameters[name] for name in _SECRET if name in parameters]
        context.scope.redactor.hide(secrets)
        if context.scope.log is not None:
            context.scope.log.hide(secrets)
    database = tracing.database(settings, context.telemetry)
    if context.scope.counts:
        database.pool_waits = []
    return database


def _settings(config: Config, id: EntryId, folder: Path) -> Settings:
    from runtime.engines.sql.postgres import address
    from runtime.engines.sql.postgres.settings import PoolSettings, Settings

    def path(text: str | None) -> str | None:
        return text and str((folder / text).absolute())

    given = _parameters(config.dsn, {name: getattr(config, name) for name in _NAMES})
    tls = {
        "sslmode": config.tls.mode,
        "sslrootcert": path(config.tls.ca),
        "sslcert": path(config.tls.cert),
        "sslkey": path(config.tls.key),
    }
    chosen = {name: value for name, value in tls.items() if value is not None}
    application = config.application_name or str(id)
    direct = None if config.direct is None else address.read(config.direct) | chosen
    return Settings(
        name=str(id),
        label=address.label(given),
        parameters=address.complete(given | chosen, application),
        direct=direct and address.complete(direct, application),
        schema=config.schema,
        pooler=config.pooler == "transaction",
        statement_timeout=config.statement_timeout,
        transaction_timeout=config.transaction_timeout,
        lock_timeout=config.busy_timeout,
        durable=config.durability == "full",
        pool=PoolSettings(
            size=config.pool.size,
            wait=config.pool.wait,
            idle=config.pool.idle,
            lifetime=config.pool.lifetime,
        ),
    )


async def connect(entry: Linked, folder: Path) -> str:
    from runtime.engines.sql.postgres.connection import connect, version

    nested: dict[str, Any] = {"tls": TLS, "pool": Pool}
    values: dict[str, Any] = {name: entry.fields.get(name) for name in Config.__struct_fields__}
    for name, part in nested.items():
        values[name] = part(**{key: values[name].get(key) for key in part.__struct_fields__})
    settings = _settings(Config(**values), entry.id, folder)
    for direct in {False, settings.direct is not None}:
        connection = await connect(settings, direct=direct)
        answered = version(connection)
        await connection.close()
    return f"{settings.label} (PostgreSQL {answered})"


_SECRET = ("password", "sslpassword")
_NAMES = ("host", "port", "database", "username", "password")
_LIBPQ = {"database": "dbname", "username": "user"}


def _parameters(dsn: str | None, fields: Mapping[str, Any]) -> dict[str, str]:
    """The parameters of libpq. Raises InvalidAddress."""
    from runtime.engines.sql.postgres import address

    given = {} if dsn is None else address.read(dsn)
    own = {_LIBPQ.get(name, name): str(v) for name in _NAMES if (v := fields.get(name)) is not None}
    return given | own


def _import(id: object) -> None:
    try:
        import psycopg  # noqa: F401
    except ImportError as error:  # its C half, or libpq, may be what is missing
        why = f"'{id}' needs psycopg, which cannot be imported ({error})"
        raise StartError(f"{why}; {how_to_install('postgres')}") from None


def check(entry: Linked) -> Iterable[Problem]:
    if missing := [*missing_package("postgres", "psycopg", "psycopg")]:
        yield from missing
        return
    try:
        _import(entry.id)
    except StartError as error:
        yield Problem(("kind",), str(error))
        return
    yield from _check_address(entry)
    if entry.fields["pooler"] == "none" and entry.fields.get("direct") is not None:
        message = "'direct' goes around a pooler, and there is none"
        yield Problem(("direct",), message, "write 'pooler: transaction', or remove it")


def _check_address(entry: Linked) -> Iterable[Problem]:
    from runtime.engines.sql.postgres import address

    fields = entry.fields
    if fields.get("dsn") is None and fields.get("host") is None and fields.get("database") is None:
        hint = "write 'dsn: ${env:DATABASE_URL}', or 'host' and 'database'"
        yield Problem((), "no address; the entry needs 'dsn' or 'host'", hint)
        return
    for name in ("dsn", "direct"):
        own = fields if name == "dsn" else {}
        text = fields.get(name)
        if text is None and name == "direct":
            continue
        try:
            parameters = _parameters(text, own)
        except address.InvalidAddress as error:
            message = f"'{name}' is no address of PostgreSQL: {error}"
            yield Problem((name,), message, "write postgresql://user@host/database")
            continue
        yield from _check_mode(name, fields["tls"].get("mode"), parameters)


def _check_mode(name: str, chosen: str | None, parameters: Mapping[str, str]) -> Iterable[Problem]:
    """Find weak encryption. `disable` says what it is, and a mode that the entry itself asks for is
    the user's own choice; the others of an address only look as if somebody checked.
    """
    from runtime.engines.sql.postgres import address

    mode = chosen or address.with_environment(parameters).get("sslmode")
    if mode in (None, address.VERIFIED) or address.is_loopback(parameters):
        return
    message = f"with sslmode '{mode}' nobody checks which server answers"
    if chosen is None and mode != "disable":
        hint = f"remove it, or write 'tls: {{mode: {mode}}}' if that network is yours alone"
        yield Problem((name,), message, hint)
    else:
        hint = f"write '{address.VERIFIED}', unless that network is yours alone"
        yield Note(("tls", "mode") if chosen else (name,), message, hint)


kind = Kind(
    "db.sql.postgres",
    Config,
    build,
    stage=Stage.RESOURCE,
    check=check,
    connect=connect,
)
