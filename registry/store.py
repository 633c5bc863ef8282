"""The MLflow registry and tracking store: the only file that imports MLflow.

Does: write and read versions, tags, aliases, artifacts and runs; turn MLflow's failures into
RegistryError. Does not: decide what may be written (registry/promotion.py).
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from configs.errors import RegistryError
from registry.reachability import check_reachable, without_password
from registry.records import LEDGER_SUFFIX, TAG_PREFIX, VersionRecord, own_tags

EXPERIMENT = "pawl"
ARTIFACT_DIRECTORY = "pawl"
CREATE_ATTEMPTS = 5
PAGE_SIZE = 200
SHOWN_ERROR_CHARACTERS = 300
SIGNS_OF_ABSENCE = ("Max retries exceeded", "Connection refused", "OperationalError", "timed out")
LOOK = "Look at `pawl status` for what there is."
ASK_SERVER = "Correct MLFLOW_TRACKING_URI if it names no MLflow, or look into its log."


class ModelStore:
    """One MLflow tracking URI (SQLite file, PostgreSQL, or a server's address)."""

    def __init__(self, tracking_uri: str, artifacts_directory: Path | None = None) -> None:
        """Args:
        artifacts_directory: where evidence is kept when the URI names a database and no server;
            beside a SQLite file without it.
        """
        self.tracking_uri = tracking_uri
        if artifacts_directory is None and tracking_uri.startswith("sqlite:///"):
            artifacts_directory = (
                Path(tracking_uri.removeprefix("sqlite:///")).parent / "mlartifacts"
            )
        self._artifacts_directory = artifacts_directory
        self._where = f"MLflow at {without_password(tracking_uri)}"

    @cached_property
    def _client(self) -> Any:
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "20")
        os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
        from mlflow import MlflowClient

        with self._translated("connecting"):
            check_reachable(self.tracking_uri)
            return MlflowClient(self.tracking_uri, registry_uri=self.tracking_uri)

    @contextmanager
    def _translated(self, doing: str) -> Iterator[None]:
        import requests
        import sqlalchemy
        from mlflow.exceptions import MlflowException

        try:
            yield
        except requests.exceptions.HTTPError as error:
            gone = error.response is not None and error.response.status_code == 404
            raise self._failed(doing, error, LOOK if gone else ASK_SERVER) from self._cause(error)
        except (
            requests.exceptions.RequestException,
            sqlalchemy.exc.OperationalError,
            ConnectionError,
        ) as error:
            raise self._unreachable(doing, error) from self._cause(error)
        except ModuleNotFoundError as error:
            raise RegistryError(
                self._where,
                f"expected its driver {error.name}, found none",
                "For PostgreSQL: pip install 'pawl-llm[postgresql]', and write postgresql+psycopg2://.",
            ) from error
        except OSError as error:
            action = "Look at that path and whether this user may use it, then run again."
            raise self._failed(doing, error, action) from error
        except MlflowException as error:
            if any(sign in str(error) for sign in SIGNS_OF_ABSENCE):
                raise self._unreachable(doing, error) from self._cause(error)
            gone = error.error_code == "RESOURCE_DOES_NOT_EXIST"
            raise self._failed(doing, error, LOOK if gone else ASK_SERVER) from self._cause(error)

    def _failed(self, doing: str, error: Exception, action: str) -> RegistryError:
        reason = without_password(str(error)).strip()[:SHOWN_ERROR_CHARACTERS]
        return RegistryError(self._where, f"{doing} failed: {reason}", action)

    def _unreachable(self, doing: str, error: Exception) -> RegistryError:
        reason = without_password(str(error)).strip().partition("\n")[0][:SHOWN_ERROR_CHARACTERS]
        return RegistryError(
            self._where,
            f"unreachable while {doing}: {reason}",
            "Start it, or correct MLFLOW_TRACKING_URI; nothing was lost, run again.",
        )

    @staticmethod
    def _cause(error: Exception) -> Exception | None:
        """The error, for tracebacks in logs; None if it quotes a password."""
        return error if str(error) == without_password(str(error)) else None

    # Runs

    def start_run(self, name: str, tags: Mapping[str, str]) -> str:
        """Start a run in the experiment `pawl`; returns its id."""
        with self._translated("starting a run"):
            experiment = self._client.get_experiment_by_name(EXPERIMENT)
            experiment_id = experiment.experiment_id if experiment else self._create_experiment()
            run = self._client.create_run(experiment_id, run_name=name, tags=dict(tags))
            return str(run.info.run_id)

    def _create_experiment(self) -> str:
        from mlflow.exceptions import MlflowException

        # A server has its own place; for a bare database MLflow would take ./mlruns of this process.
        directory = None if self.tracking_uri.startswith("http") else self._artifacts_directory
        location = directory.resolve().as_uri() if directory else None
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
            path = self._client.download_artifacts(
                run_id, f"{ARTIFACT_DIRECTORY}/{name}", directory
            )
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
        self,
        model: str,
        source: str,
        tags: Mapping[str, str],
        description: str = "",
        run_id: str | None = None,
    ) -> VersionRecord:
        """Register a version; nothing is copied. MLflow numbers versions from 1 without gaps.

        Args:
            source: where MLflow's own pages link to; a server accepts no local path here, so Pawl
                names a run or another version and keeps the place of the weights in a tag.
        """
        prefixed = {TAG_PREFIX + name: value for name, value in tags.items()}
        for attempt in range(CREATE_ATTEMPTS):
            try:
                with self._translated(f"registering a version of {model}"):
                    return _record(
                        self._client.create_model_version(
                            model, source, run_id=run_id, tags=prefixed, description=description
                        )
                    )
            except RegistryError as error:
                # MLflow gives up after three collisions with other writers; nothing was written.
                if "Giving up after" not in error.problem or attempt == CREATE_ATTEMPTS - 1:
                    raise
        raise AssertionError("the last attempt returns or raises")

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
            # In order of number, for MLflow's pages are offsets: a version appended, or edited, while
            # they are turned must not push another out of sight.
            oldest_first = partial(
                self._client.search_model_versions,
                f"name='{model}'",
                order_by=["version_number ASC"],
            )
            return [_record(version) for version in self._pages(oldest_first)]

    def _pages(self, search: Any) -> Iterator[Any]:
        token = None
        while True:
            page = search(max_results=PAGE_SIZE, page_token=token)
            yield from page
            token = page.token
            if not token:
                return

    # Aliases

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

    def delete_alias(self, model: str, alias: str) -> None:
        """Remove an alias."""
        with self._translated(f"deleting alias {alias} of {model}"):
            self._client.delete_registered_model_alias(model, alias)

    def weights_directory(self, source: str) -> Path:
        """Directory of `models:/name/version`.

        Raises:
            RegistryError: when the source is malformed or there is no such version.
        """
        name, _, version = source.removeprefix("models:/").rpartition("/")
        if not name or not version.isdigit():
            raise RegistryError(
                source,
                "expected models:/name/version with a version number",
                "A version is fixed; an alias may move.",
            )
        return self.version(name, int(version)).weights_directory


def _record(version: Any) -> VersionRecord:
    tags = own_tags(version.tags)
    return VersionRecord(
        model=version.name,
        version=int(version.version),
        run_id=version.run_id or "",
        source=version.source or "",
        created_ms=version.creation_timestamp or 0,
        tags=tags,
    )
