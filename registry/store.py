"""Models, versions and aliases in MLflow, and the runs behind them.

Does: write and read them; turn MLflow's failures into RegistryError.
Does not: decide what may be written (registry/promotion.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from configs.errors import RegistryError
from registry.mlflow_runs import ARTIFACT_DIRECTORY, RunStore
from registry.records import LEDGER_SUFFIX, TAG_PREFIX, VersionRecord, own_tags

CREATE_ATTEMPTS = 5
PAGE_SIZE = 200
LEDGER_TAG = "pawl.ledger"
"""Tag of the run that entries of a ledger name as their source."""


class ModelStore(RunStore):
    """One MLflow tracking URI (SQLite file, PostgreSQL, or a server's address)."""

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

    def append_entry(
        self, ledger: str, description: str, tags: Mapping[str, str], about: str = ""
    ) -> VersionRecord:
        """Append an entry to a ledger: a registered model whose versions are a log, never edited.

        Args:
            description: of the ledger, if it is new; one sentence without its end.
            about: version that the entry is about, `models:/name/version`. Without one the entry
                names a run of the ledger's own, for MLflow asks every version for a source.
        Returns:
            The entry; its number is the version's.
        """
        self.create_model(ledger, f"{description}. Never delete.")
        if about:
            return self.create_version(ledger, about, tags)
        run_id = self.lasting_run(ledger, LEDGER_TAG, ledger)
        source = f"runs:/{run_id}/{ARTIFACT_DIRECTORY}"
        return self.create_version(ledger, source, tags, run_id=run_id)

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
