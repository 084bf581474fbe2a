import importlib.metadata
import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from filelock import FileLock

from medseg.errors import UserError
from medseg.io.atomic import atomic_path


def prepare_schema(uri: str, database: Path, *, may_upgrade: bool) -> None:
    """Give a SQLite store the tables of the installed MLflow, once, however many processes ask at the same time.

    Its experiment `Default`, which MLflow makes itself, gets the store's artifact folder.

    MLflow migrates a fresh database in seconds and without a lock, which breaks when two processes do it. What was
    reached is remembered in ``<database>.ready``, so that later starts need neither the lock nor MLflow.

    Args:
        uri: The store as MLflow names it.
        database: Its file.
        may_upgrade: Whether a database that already holds tables may be migrated; not so where others may share it.

    Raises:
        UserError: The file is not a SQLite database.
        OSError: The folder cannot be written.
    """
    ready = database.with_name(f"{database.name}.ready")
    if _is_ready(database, ready):
        return
    database.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{database}.lock"):
        if _is_ready(database, ready):
            return
        if _revision(database) is not None and not may_upgrade:
            return
        _upgrade(uri, database)
        with atomic_path(ready) as temporary:
            temporary.write_text(_state(database))


def artifact_root(database: Path) -> str:
    """Where the artifacts of a SQLite store lie, as a URI: ``artifacts`` beside its database."""
    return (database.absolute().parent / "artifacts").as_uri()


def make_default_experiment(uri: str, database: Path) -> None:
    """Make MLflow's experiment `Default` where it lacks; MLflow's client would write the current folder into it.

    Raises:
        MlflowException: The store cannot be used.
    """
    from mlflow.tracking import _get_store

    _get_store(uri, artifact_root(database))


def _is_ready(database: Path, ready: Path) -> bool:
    try:
        return ready.read_text() == _state(database)
    except FileNotFoundError:
        return False


def _state(database: Path) -> str:
    return f"mlflow {importlib.metadata.version('mlflow')} schema {_revision(database)}"


def _revision(database: Path) -> str | None:
    if not database.exists():
        return None
    try:
        with closing(sqlite3.connect(database, timeout=20)) as connection:
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.DatabaseError as error:
        if "no such table" in str(error):
            return None
        raise UserError(f"{database} cannot be read as SQLite ({error}): move it away or pass --no-log.") from None
    return str(row[0]) if row else None


def _upgrade(uri: str, database: Path) -> None:
    import mlflow.db
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        with _quiet("mlflow.store.db.utils", "alembic"):
            mlflow.db.upgrade.callback(uri)
            make_default_experiment(uri, database)
    except (SQLAlchemyError, MlflowException) as error:
        raise OSError(str(error)) from error


@contextmanager
def _quiet(*names: str) -> Iterator[None]:
    levels = {name: logging.getLogger(name).level for name in names}
    try:
        for name in names:
            logging.getLogger(name).setLevel(logging.WARNING)
        yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
