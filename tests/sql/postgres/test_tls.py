"""TLS: which servers are trusted, by the certificates of an authority of the test's own."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime.engines.sql.contract import Database
from runtime.service import StartError
from tests.support.authority import Authority
from tests.support.databases import run, serving
from tests.support.postgres_databases import database
from tests.support.postgres_server import USER, PostgresServer, require_postgres
from tests.support.server_process import give

ENCRYPTED = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("openssl") is None:
        pytest.skip("no openssl here")
    return tmp_path_factory.mktemp("tls")


@pytest.fixture(scope="module")
def authority(folder: Path) -> Authority:
    return Authority(folder, "authority")


@pytest.fixture(scope="module")
def server(authority: Authority) -> Iterator[PostgresServer]:
    """A server that has a certificate for `db.test`."""
    require_postgres()
    server = PostgresServer()
    certificate, key = authority.sign("db.test")
    for name, file in (("ssl_cert_file", certificate), ("ssl_key_file", key)):
        copied = Path(shutil.copy(file, server.folder))
        copied.chmod(0o600)
        give(copied, USER)
        server.settings[name] = copied
    server.settings["ssl"] = "on"
    with server.running():
        yield server


def connecting(server: PostgresServer, host: str, **parameters: object) -> Database:
    """A database at the server under a name, which no resolver has to know."""
    chosen = {"hostaddr": server.host, "port": server.port, **parameters}
    query = "&".join(f"{name}={value}" for name, value in chosen.items())
    return database(f"postgresql://{USER}@{host}/postgres?{query}")


async def is_encrypted(db: Database) -> bool:
    async with serving(db):
        row = await db.query_one(ENCRYPTED)
    return row == {"ssl": True}


def test_a_server_with_the_right_name_and_authority_is_trusted(
    server: PostgresServer, authority: Authority
) -> None:
    verified = {"sslmode": "verify-full", "sslrootcert": authority.certificate}

    assert run(is_encrypted(connecting(server, "db.test", **verified)))


def test_a_server_on_this_machine_is_trusted_and_encrypted_if_it_can(
    server: PostgresServer, postgres_server: PostgresServer
) -> None:
    assert run(is_encrypted(connecting(server, "localhost")))
    assert not run(is_encrypted(connecting(postgres_server, "localhost")))


def test_a_server_with_another_name_is_refused_for_good(
    server: PostgresServer, authority: Authority
) -> None:
    verified = {"sslmode": "verify-full", "sslrootcert": authority.certificate}
    other = connecting(server, "other.test", **verified)

    with pytest.raises(
        StartError, match=r'"db.test".* does not match host name "other.test".*mode'
    ):
        run(is_encrypted(other))


def test_a_server_of_another_authority_is_refused_with_the_mend(
    server: PostgresServer, folder: Path
) -> None:
    stranger = Authority(folder, "stranger")
    for root in ({"sslrootcert": stranger.certificate}, {}):  # the authorities of the system
        parameters = {"sslmode": "verify-full", **root}

        with pytest.raises(StartError, match=r"certificate verify failed; name .* in `tls\.ca`"):
            run(is_encrypted(connecting(server, "db.test", **parameters)))


def test_a_file_of_authorities_that_is_missing_is_named(
    server: PostgresServer, folder: Path
) -> None:
    parameters = {"sslmode": "verify-full", "sslrootcert": folder / "nope.pem"}

    with pytest.raises(StartError, match=r'root certificate file ".*/nope\.pem"'):
        run(is_encrypted(connecting(server, "db.test", **parameters)))


def test_a_server_without_tls_is_refused_with_the_mend(
    postgres_server: PostgresServer, authority: Authority
) -> None:
    verified = {"sslmode": "verify-full", "sslrootcert": authority.certificate}

    with pytest.raises(StartError, match=r"does not support SSL.*give the server a certificate"):
        run(is_encrypted(connecting(postgres_server, "db.test", **verified)))
