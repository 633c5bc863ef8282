"""MLflow runs: parameters, metrics, attached files.

Does: write and read them in Pawl's experiment. Does not: know models (registry/store.py).
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from registry.mlflow_connection import MlflowConnection

EXPERIMENT = "pawl"
ARTIFACT_DIRECTORY = "pawl"


class RunStore(MlflowConnection):
    """Runs at one tracking URI."""

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

    def attached_names(self, run_id: str) -> set[str]:
        """Names of the files attached to a run."""
        with self._translated("listing attached files"):
            listed = self._client.list_artifacts(run_id, ARTIFACT_DIRECTORY)
            return {Path(file.path).name for file in listed}

    def tagged_run(self, tag: str, value: str) -> str | None:
        """Id of the oldest run in the experiment whose tag has this value, or None."""
        with self._translated("looking for a run"):
            experiment = self._client.get_experiment_by_name(EXPERIMENT)
            if experiment is None:
                return None
            found = self._client.search_runs(
                [experiment.experiment_id],
                f"tags.`{tag}` = '{value}'",
                max_results=1,
                order_by=["attributes.start_time ASC"],
            )
            return str(found[0].info.run_id) if found else None

    def lasting_run(self, name: str, tag: str, value: str) -> str:
        """Id of the oldest run whose tag has this value; without one, a run is made and ended.

        Args:
            name: what a new run is called.
        """
        found = self.tagged_run(tag, value)
        if found is None:
            self.end_run(self.start_run(name, {tag: value}), "FINISHED")
            found = self.tagged_run(tag, value)  # the oldest, if another process made one too
            assert found is not None, "MLflow lists every run that it created"
        return found

    def logged_steps(self, run_id: str, metric: str) -> set[int]:
        """Steps at which a run has a metric."""
        with self._translated("reading metrics"):
            return {int(point.step) for point in self._client.get_metric_history(run_id, metric)}
