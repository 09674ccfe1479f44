"""Deployment: programs of the application on one PostgreSQL server, and what its tables tell."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from runtime.engines.queue.sql.store import State
from tests.reliability import application
from tests.reliability.audit import STATES, Audit, account
from tests.support.blackbox import eventually
from tests.support.postgres_server import PostgresServer, require_postgres
from tests.support.program import Program, running

LEFT = "SELECT count(*) FROM runtime_message WHERE state < 3 AND queue = 'tasks'"
MISCOUNTED = """
SELECT queue, sum(more) FROM (
    SELECT queue, change AS more FROM runtime_length
    UNION ALL SELECT queue, -1 FROM runtime_message WHERE state < 3) AS changes
GROUP BY queue HAVING sum(more) <> 0
"""
WORKER = "app:worker"
WHILE_AWAY = ("Unavailable", "Uncertain", "TransactionLost")
"""What handlers may raise while the server is away: their tasks are tried again."""


@contextmanager
def serving(**settings: Any) -> Iterator[PostgresServer]:
    """A PostgreSQL server of one's own."""
    require_postgres()
    with PostgresServer(**settings).running() as server:
        yield server


class Deployment:
    """The application in a folder, moved to PostgreSQL by overrides alone.

    `server` is asked for what became of messages; `dsn` is how programs reach it, by default its
    own address. `more` are entries beside those of the application that `write` writes.
    """

    def __init__(
        self,
        folder: Path,
        server: PostgresServer,
        dsn: str = "",
        more: str = "",
        write: Callable[[Path, str], object] = application.write_transactional,
    ) -> None:
        self.folder = folder
        self.server = server
        self.options: tuple[str, ...] = (
            *("-o", "app:db:kind=db.sql.postgres"),
            *("-o", f"app:db:dsn={dsn or server.url}"),
            *("-o", "app:db:pool.size=10"),  # for the transactions of eight handlers
        )
        write(folder, more)
        server.execute("CREATE TABLE written (id text)")

    def change(self, **fields: str) -> None:
        """Change fields of the driver in the programs started from now on."""
        for name, value in fields.items():
            self.options += ("-o", f"app:driver:{name}={value}")

    @contextmanager
    def program(self, *options: str, **how: Any) -> Iterator[Program]:
        """One more program, once it is ready; killed in the end."""
        with running(self.folder, *self.options, *options, **how) as program:
            yield program

    @contextmanager
    def replicas(self, count: int) -> Iterator[Replicas]:
        """So many programs."""
        with Replicas(self) as replicas:
            for _ in range(count):
                replicas.add()
            yield replicas

    def settle(self, accepted: Iterable[str], lost: int = 0, within: float = 60.0) -> Audit:
        """Wait until every task is done, then look for the accepted ones.

        Raises AssertionError if more than `lost` of them are nowhere.
        """
        eventually(lambda: self.server.execute(LEFT) == [(0,)], within)
        result = account(self.server.execute(STATES), application.ended(self.folder), accepted)
        assert len(result.lost) <= lost, f"lost: {sorted(result.lost)}"
        assert result.open == 0, result
        assert result.states[State.DEAD] == 0, result
        assert self.server.execute(MISCOUNTED) == []
        return result

    def written(self) -> Counter[str]:
        """The rows that handlers wrote in the transaction of their ack, by message."""
        rows = self.server.execute("SELECT id FROM written")
        return Counter(str(id) for (id,) in rows)

    def check_written(self, accepted: Iterable[str]) -> None:
        """Assert that each accepted task has its row, and none two."""
        rows = self.written()
        assert rows.total() == len(rows), "a row was written twice"
        assert set(accepted) <= rows.keys()


class Replicas:
    """Programs of one deployment, of which any is taken away and another one added."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._stack = ExitStack()
        self.programs: list[Program] = []

    def __enter__(self) -> Replicas:
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    @property
    def ports(self) -> Sequence[int]:
        return [program.port for program in self.programs]

    def add(self, ready: bool = True) -> Program:
        """One more, by default once it is ready."""
        program = self._stack.enter_context(self._deployment.program(ready=ready))
        self.programs.append(program)
        return program

    def stop(self) -> None:
        """Stop all, which must end well."""
        for program in self.programs:
            assert program.stop() == 0, program.stderr
