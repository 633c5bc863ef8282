"""The MLflow registry and tracking store: the only file that imports MLflow.

Does: write and read versions, tags, aliases, artifacts, runs and ledger entries; turn MLflow's
failures into RegistryError. Does not: decide what may be written (registry/promotion.py).
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

from configs.errors import RegistryError
from registry.ledger import LedgerEntry, LedgerState, replay
from registry.records import TAG_PREFIX, VersionRecord

EXPERIMENT = "pawl"
ARTIFACT_DIRECTORY = "pawl"
LEDGER_SUFFIX = ".ledger"
CONVERGENCE_ATTEMPTS = 10


class ModelStore:
    """One MLflow tracking URI (SQLite file, PostgreSQL, or a server's address)."""

    def __init__(self, tracking_uri: str) -> None:
        self.tracking_uri = tracking_uri

    @cached_property
    def _client(self) -> Any:
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "20")
        from mlflow import MlflowClient

        with self._translated("connecting"):
            return MlflowClient(self.tracking_uri, registry_uri=self.tracking_uri)

    @contextmanager
    def _translated(self, doing: str) -> Iterator[None]:
        import requests
        import sqlalchemy
        from mlflow.exceptions import MlflowException

        try:
            yield
        except (requests.exceptions.RequestException, sqlalchemy.exc.OperationalError,
                ConnectionError) as error:  # fmt: skip
            raise self._unreachable(doing, error) from error
        except MlflowException as error:
            signs = ("Max retries exceeded", "Connection refused", "OperationalError", "timed out")
            if any(sign in str(error) for sign in signs):
                raise self._unreachable(doing, error) from error
            raise RegistryError(f"MLflow at {self.tracking_uri}", f"{doing} failed: {error}",
                                "Look into the server's log.") from error  # fmt: skip

    def _unreachable(self, doing: str, error: Exception) -> RegistryError:
        reason = str(error).splitlines()[0][:200]
        return RegistryError(
            f"MLflow at {self.tracking_uri}", f"unreachable while {doing}: {reason}",
            "Start it, or correct MLFLOW_TRACKING_URI; nothing was lost, run again.",
        )  # fmt: skip

    # Runs

    def start_run(self, name: str, tags: Mapping[str, str]) -> str:
        """Start a run in the experiment `pawl`; returns its id."""
        with self._translated("starting a run"):
            experiment = self._client.get_experiment_by_name(EXPERIMENT)
            experiment_id = (
                experiment.experiment_id if experiment else self._create_experiment()
            )  # fmt: skip
            run = self._client.create_run(experiment_id, run_name=name, tags=dict(tags))
            return str(run.info.run_id)

    def _create_experiment(self) -> str:
        from mlflow.exceptions import MlflowException

        location = None
        if self.tracking_uri.startswith("sqlite:///"):
            database = Path(self.tracking_uri.removeprefix("sqlite:///"))
            location = (database.resolve().parent / "mlartifacts").as_uri()
        try:
            return str(self._client.create_experiment(EXPERIMENT, artifact_location=location))
        except MlflowException:
            # Another process may have created it in between; if not, the lookup says so.
            experiment = self._client.get_experiment_by_name(EXPERIMENT)
            if experiment is None:
                raise
            return str(experiment.experiment_id)

    def log_params(self, run_id: str, params: Mapping[str, Any]) -> None:
        """Attach parameters to a run."""
        from mlflow.entities import Param

        with self._translated("logging parameters"):
            entities = [Param(key, str(value)) for key, value in params.items()]
            self._client.log_batch(run_id, params=entities)

    def log_metrics(self, run_id: str, metrics: Mapping[str, float], step: int) -> None:
        """Attach metrics to a run at a step."""
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        with self._translated("logging metrics"):
            entities = [Metric(key, value, now, step) for key, value in metrics.items()]
            self._client.log_batch(run_id, metrics=entities)

    def end_run(self, run_id: str, status: str) -> None:
        """Close a run as FINISHED or FAILED."""
        with self._translated("ending a run"):
            self._client.set_terminated(run_id, status)

    def attach(self, run_id: str, files: Sequence[Path]) -> None:
        """Attach files to a run."""
        with self._translated("attaching files"):
            for path in files:
                self._client.log_artifact(run_id, str(path), ARTIFACT_DIRECTORY)

    def read_attachment(self, run_id: str, name: str) -> bytes:
        """Bytes of a file attached to a run."""
        with self._translated(f"reading {name}"), tempfile.TemporaryDirectory() as directory:
            path = self._client.download_artifacts(run_id, f"{ARTIFACT_DIRECTORY}/{name}", directory)
            return Path(path).read_bytes()

    # Models and versions

    def create_model(self, name: str, description: str = "") -> None:
        """Create a registered model unless it exists."""
        from mlflow.exceptions import MlflowException

        with self._translated(f"creating {name}"):
            try:
                self._client.create_registered_model(name, description=description)
            except MlflowException as error:
                if error.error_code != "RESOURCE_ALREADY_EXISTS":
                    raise

    def models(self) -> list[str]:
        """Names of all models, ledgers left out."""
        with self._translated("listing models"):
            names = [model.name for model in self._pages(self._client.search_registered_models)]
        return sorted(name for name in names if not name.endswith(LEDGER_SUFFIX))

    def create_version(
        self, model: str, run_id: str, tags: Mapping[str, str], description: str
    ) -> VersionRecord:
        """Register a version whose weights stay where they are; nothing is copied."""
        prefixed = {TAG_PREFIX + name: value for name, value in tags.items()}
        with self._translated(f"registering a version of {model}"):
            version = self._client.create_model_version(
                model, source=f"runs:/{run_id}/{ARTIFACT_DIRECTORY}", run_id=run_id, tags=prefixed,
                description=description,
            )  # fmt: skip
        return self.version(model, int(version.version))

    def version(self, model: str, version: int) -> VersionRecord:
        """One version.

        Raises:
            RegistryError: when there is none, or the store is unreachable.
        """
        with self._translated(f"reading {model} version {version}"):
            return _record(self._client.get_model_version(model, str(version)))

    def versions(self, model: str) -> list[VersionRecord]:
        """All versions of a model, oldest first."""
        with self._translated(f"listing versions of {model}"):
            found = self._pages(self._client.search_model_versions, f"name='{model}'")
        return sorted((_record(version) for version in found), key=lambda record: record.version)

    def _pages(self, search: Any, *arguments: Any) -> Iterator[Any]:
        token = None
        while True:
            page = search(*arguments, max_results=200, page_token=token)
            yield from page
            token = page.token
            if not token:
                return

    # Aliases and their ledgers

    def alias(self, model: str, alias: str) -> int | None:
        """Version an alias names, or None."""
        from mlflow.exceptions import MlflowException

        with self._translated(f"reading alias {alias} of {model}"):
            try:
                return int(self._client.get_model_version_by_alias(model, alias).version)
            except MlflowException as error:
                if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                    return None
                raise

    def set_alias(self, model: str, alias: str, version: int) -> None:
        """Point an alias at a version."""
        with self._translated(f"setting alias {alias} of {model}"):
            self._client.set_registered_model_alias(model, alias, str(version))

    def ledger(self, model: str, alias: str) -> LedgerState:
        """The replayed ledger of an alias; empty when it has none."""
        name = f"{model}.{alias}{LEDGER_SUFFIX}"
        with self._translated(f"reading the ledger {name}"):
            found = list(self._pages(self._client.search_model_versions, f"name='{name}'"))
        return replay(_entry(version) for version in found)

    def append(self, model: str, alias: str, entry: Mapping[str, Any]) -> int:
        """Append an entry to the ledger; returns its number. Whether it took effect, replay says."""
        name = f"{model}.{alias}{LEDGER_SUFFIX}"
        self.create_model(name, f"Append-only ledger of alias {alias} of {model}. Never delete.")
        tags = {TAG_PREFIX + key: str(value) for key, value in entry.items()}
        with self._translated(f"appending to the ledger {name}"):
            version = self._client.create_model_version(
                name, source=f"models:/{model}/{entry['version']}", tags=tags
            )
        return int(version.version)

    def project(self, model: str, alias: str) -> int | None:
        """Make the alias say what the ledger says, whoever changed it; returns the version.

        Raises:
            RegistryError: when others keep changing it.
        """
        for _ in range(CONVERGENCE_ATTEMPTS):
            wanted = self.ledger(model, alias).version
            if wanted == self.alias(model, alias):
                return wanted
            self._set_or_delete(model, alias, wanted)
        raise RegistryError(f"alias {alias} of {model}", "does not stay as the ledger says",
                            "Find out who else sets it.")  # fmt: skip

    def _set_or_delete(self, model: str, alias: str, wanted: int | None) -> None:
        if wanted is None:
            with self._translated(f"deleting alias {alias} of {model}"):
                self._client.delete_registered_model_alias(model, alias)
            return
        try:
            self.set_alias(model, alias, wanted)
        except RegistryError as error:
            # On PostgreSQL two first writers of an alias collide; the loser only has to look again.
            if "UniqueViolation" not in error.problem and "UNIQUE constraint" not in error.problem:
                raise

    def champion(self, model: str, alias: str) -> VersionRecord | None:
        """Version that the ledger puts in production, or None."""
        version = self.ledger(model, alias).version
        return self.version(model, version) if version is not None else None

    def weights_directory(self, source: str) -> Path:
        """Directory of `models:/name/version`.

        Raises:
            RegistryError: when the source is malformed or there is no such version.
        """
        name, _, version = source.removeprefix("models:/").rpartition("/")
        if not name or not version.isdigit():
            raise RegistryError(source, "expected models:/name/version with a version number",
                                "A version is fixed; an alias may move.")  # fmt: skip
        return self.version(name, int(version)).weights_directory


def _own_tags(tags: Mapping[str, str]) -> dict[str, str]:
    return {k.removeprefix(TAG_PREFIX): v for k, v in tags.items() if k.startswith(TAG_PREFIX)}


def _record(version: Any) -> VersionRecord:
    return VersionRecord(model=version.name, version=int(version.version),
                         run_id=version.run_id or "", tags=_own_tags(version.tags))  # fmt: skip


def _entry(version: Any) -> LedgerEntry:
    return LedgerEntry.model_validate({"number": int(version.version), **_own_tags(version.tags)})
