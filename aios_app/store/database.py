"""The SQLite file: connections, transactions, migrations, and its errors in our words."""

from __future__ import annotations

import contextlib
import functools
import os
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

from aios_app.domain.errors import StoreError

#: How long a writer waits for another one, of whatever process.
BUSY_TIMEOUT_S = 5.0

_HERE = Path(__file__).parent
#: Primary result codes of SQLite, and what a person should know about each.
_CAUSES = {
    sqlite3.SQLITE_BUSY: "is held by another program for more than 5 s; try again",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened: look at the permissions of its directory",
    sqlite3.SQLITE_CORRUPT: "is damaged: move it away, or put a backup in its place",
    sqlite3.SQLITE_FULL: "cannot be written: the disk is full",
    sqlite3.SQLITE_IOERR: "cannot be read or written: look at the disk",
    sqlite3.SQLITE_NOTADB: "is not a database: move it away, or put a backup in its place",
    sqlite3.SQLITE_READONLY: "cannot be written: look at the permissions of the file and its directory",
}


class Transaction:
    """One transaction; queries are called by their names in ``queries.sql``."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def rows(self, query: str, **values: object) -> list[sqlite3.Row]:
        return self._connection.execute(_queries()[query], values).fetchall()

    def run(self, query: str, **values: object) -> None:
        self._connection.execute(_queries()[query], values)


#: Puts the first rows into a file, or makes the founding rows that it finds there complete.
Fill = Callable[[Transaction], None]


class Database:
    """One database file. Threads and processes may use it at once; idle connections are kept until ``close``.

    ``fill`` is called once in the life of the file, inside its first migration. Read-only, nothing is made or
    migrated.
    """

    def __init__(self, path: Path, fill: Fill, *, is_read_only: bool) -> None:
        self._path = path
        self._is_read_only = is_read_only
        self._idle: list[sqlite3.Connection] = []
        try:
            with translated(path):
                self._prepare(fill)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        while self._idle:
            self._idle.pop().close()

    @contextlib.contextmanager
    def reading(self) -> Iterator[Transaction]:
        """Reads of one state of the database, whatever is written meanwhile."""
        with self._transaction("BEGIN") as connection:
            yield Transaction(connection)

    @contextlib.contextmanager
    def writing(self) -> Iterator[Transaction]:
        """Excludes every other writer from before the first read; an error inside leaves nothing written."""
        with self._transaction("BEGIN IMMEDIATE") as connection:
            yield Transaction(connection)

    @contextlib.contextmanager
    def _transaction(self, begin: str) -> Iterator[sqlite3.Connection]:
        with translated(self._path), self._connection() as connection:
            connection.execute(begin)
            try:
                yield connection
                connection.execute("COMMIT")
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")

    @contextlib.contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = self._open()
        try:
            yield connection
        finally:
            self._idle.append(connection)

    def _open(self) -> sqlite3.Connection:
        mode = "ro" if self._is_read_only else "rw"
        connection = sqlite3.connect(
            f"{self._path.absolute().as_uri()}?mode={mode}",
            uri=True,
            timeout=BUSY_TIMEOUT_S,
            isolation_level=None,
            check_same_thread=False,
        )
        connection.row_factory = sqlite3.Row
        connection.create_function("new_uuid", 0, _new_uuid)
        connection.execute("PRAGMA foreign_keys = ON")
        return connection

    def _prepare(self, fill: Fill) -> None:
        if not self._is_read_only:
            _make_private_file(self._path)
        with self._connection() as connection:
            if not self._is_behind(connection):
                return
            if self._is_read_only:
                raise StoreError(f"{self._path} is of an older AIOS: aios up brings it up to date")
            self._path.chmod(0o600)
            _choose_wal(connection)
        while self._migrate(fill):
            pass

    def _is_behind(self, connection: sqlite3.Connection) -> bool:
        version = _version(connection)
        if version > len(_migrations()):
            raise StoreError(f"{self._path} was made by a newer AIOS: update this one (git pull)")
        return version < len(_migrations())

    def _migrate(self, fill: Fill) -> bool:
        """Runs the next migration; False when there is none left, be it that another process was first."""
        with self._transaction("BEGIN IMMEDIATE") as connection:
            if not self._is_behind(connection):
                return False
            version = _version(connection)
            for statement in _statements(_migrations()[version]):
                connection.execute(statement)
            if version == 0:
                fill(Transaction(connection))
            connection.execute(f"PRAGMA user_version = {version + 1}")
        return True


class Table:
    """What a part of the catalogue is made of."""

    def __init__(self, database: Database) -> None:
        self._db = database


@contextlib.contextmanager
def translated(path: Path) -> Iterator[None]:
    """Errors of SQLite and of the file system come out as one line of ``StoreError`` about ``path``."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        raise StoreError(f"{path} {_CAUSES.get(code, 'cannot be used')}", str(error)) from error
    except OSError as error:
        raise StoreError(f"{path} cannot be used", error.strerror or str(error)) from error


def _make_private_file(path: Path) -> None:
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))


def _choose_wal(connection: sqlite3.Connection) -> None:
    """Readers and a writer at once. The choice stays with the file; who comes second finds it made."""
    try:
        connection.execute("PRAGMA journal_mode = WAL")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
            raise


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


@functools.cache
def _migrations() -> list[str]:
    return [path.read_text("utf-8") for path in sorted((_HERE / "migrations").glob("*.sql"))]


@functools.cache
def _queries() -> dict[str, str]:
    _, *parts = (_HERE / "queries.sql").read_text("utf-8").split("-- name: ")
    return {name: sql for name, _, sql in (part.partition("\n") for part in parts)}


def _statements(script: str) -> Iterator[str]:
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def _new_uuid() -> str:
    digits = os.urandom(16).hex()
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-8{digits[17:20]}-{digits[20:]}"
