import os
import ssl
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

from medseg.errors import UserError
from medseg.runs.schema import artifact_root, make_default_experiment, prepare_schema

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

EXPERIMENT = "medseg"
MEND = "pass --no-log to work without MLflow, or set MLFLOW_TRACKING_URI to a store that works"
# MLflow's own defaults are to report usage, to print links, and to retry for four minutes while a training waits.
MLFLOW_SETTINGS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
}


def data_folder() -> Path:
    """The user's own folder for medseg: the default store, its artifacts and the key of the pseudonyms.

    MLflow writes where a store's artifacts lie into that store; it is the one path found there.
    """
    return Path(platformdirs.user_data_dir("medseg"))


def tracking_uri() -> str:
    """Where runs are logged: ``MLFLOW_TRACKING_URI`` if set, else SQLite in the user's data folder."""
    return os.environ.get("MLFLOW_TRACKING_URI") or default_uri()


def default_uri() -> str:
    """The SQLite store in the user's data folder."""
    return f"sqlite:///{data_folder() / 'mlflow.db'}"


def sqlite_file(uri: str) -> Path | None:
    """The database file of a SQLite store, None for a store of another kind."""
    if not uri.startswith("sqlite:///"):
        return None
    name = uri.removeprefix("sqlite:///").partition("?")[0]
    return Path(name) if name and name != ":memory:" else None


def without_credentials(uri: str) -> str:
    """The URI as it may be shown and written down."""
    parts = urllib.parse.urlsplit(uri)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl() if "@" in parts.netloc else uri


def connect(uri: str) -> "MlflowClient":
    """A client of a store that is there and whose schema is ready.

    Raises:
        UserError: The store cannot be reached or written.
    """
    prepare_store(uri)
    from mlflow.exceptions import MlflowException
    from mlflow.tracking import MlflowClient

    database = sqlite_file(uri)
    try:
        if database is not None:
            make_default_experiment(uri, database)
        client = MlflowClient(uri, registry_uri=uri)
        client.get_experiment_by_name(EXPERIMENT)
    except (MlflowException, OSError, ImportError) as error:  # ImportError: no driver for the database
        raise UserError(
            f"The MLflow store {without_credentials(uri)} cannot be used ({_reason(error)}): {MEND}."
        ) from None
    return client


def prepare_store(uri: str) -> None:
    """Make a SQLite store ready for use, or find out quickly that a server does not answer.

    Safe when several processes do it at once. Also settles how MLflow behaves in this process, unless the user's
    environment already says so, and therefore has to come before MLflow is imported.

    Raises:
        UserError: The store cannot be reached or written.
    """
    for name, value in MLFLOW_SETTINGS.items():
        os.environ.setdefault(name, value)
    database = sqlite_file(uri)
    try:
        if database is not None:
            prepare_schema(uri, database, may_upgrade=uri == default_uri())
        elif uri.startswith(("http://", "https://")):
            _check_reachable(uri)
    except OSError as error:
        raise UserError(
            f"The MLflow store {without_credentials(uri)} cannot be used ({_reason(error)}): {MEND}."
        ) from None


def experiment_id(client: "MlflowClient", name: str = EXPERIMENT) -> str:
    """The experiment of this name, created if need be; every process of a race gets the same one.

    The artifacts of a SQLite store lie in ``artifacts`` beside its database; a server decides for itself.

    Raises:
        UserError: The experiment was deleted in MLflow.
    """
    from mlflow.exceptions import MlflowException

    found = client.get_experiment_by_name(name)
    if found is None:
        database = sqlite_file(client.tracking_uri)
        location = artifact_root(database) if database else None
        try:
            # Without its kind MLflow 3 shows the experiment in its pages for chat applications.
            kind = {"mlflow.experimentKind": "custom_model_development"}
            return str(client.create_experiment(name, artifact_location=location, tags=kind))
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        found = client.get_experiment_by_name(name)
    if found.lifecycle_stage == "deleted":
        raise UserError(
            f"The MLflow experiment {name!r} was deleted: bring it back with "
            f"`mlflow experiments restore --experiment-id {found.experiment_id}`, or pass --no-log."
        )
    return str(found.experiment_id)


def _check_reachable(uri: str) -> None:
    try:
        with urllib.request.urlopen(f"{without_credentials(uri).rstrip('/')}/health", timeout=10):
            return
    except urllib.error.HTTPError:
        return  # an answer, if not a welcome: what it means is for MLflow's own client to say
    except urllib.error.URLError as error:
        # MLflow has settings of its own for certificates, which a plain request does not know
        if not isinstance(error.reason, ssl.SSLError):
            raise


def _reason(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:200] if lines else type(error).__name__
