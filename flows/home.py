"""Where Pawl keeps its files on this machine, and the defaults that need no server.

Does: choose the directory and the tracking and Prefect settings that apply when nobody set any.
Does not: override what the user configured through the environment or a Prefect profile.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from registry.store import ModelStore

QUIET = {
    "TQDM_DISABLE": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "TRANSFORMERS_VERBOSITY": "error",
    "LLM_COMPRESSOR_LOG_DISABLED": "true",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "TOKENIZERS_PARALLELISM": "false",
}


def home() -> Path:
    """Directory of cached steps, converted weights, pins and the default databases.

    `PAWL_HOME` when set, otherwise `.pawl` in the working directory.
    """
    return Path(os.environ.get("PAWL_HOME", ".pawl")).resolve()


def data_directory() -> Path:
    """Where relative paths of data files start: `PAWL_DATA` when set, else the working directory."""
    return Path(os.environ.get("PAWL_DATA", "."))


def tracking_uri() -> str:
    """`MLFLOW_TRACKING_URI` when set, otherwise a SQLite file under `home()`."""
    default = home() / "mlflow.db"
    if "MLFLOW_TRACKING_URI" not in os.environ:
        home().mkdir(parents=True, exist_ok=True)
    return os.environ.get("MLFLOW_TRACKING_URI", f"sqlite:///{default}")


def model_store() -> ModelStore:
    """The registry at `tracking_uri()`; beside a bare database, evidence is kept under `home()`."""
    from registry.store import ModelStore

    return ModelStore(tracking_uri(), home() / "mlartifacts")


def quiet_libraries() -> None:
    """Turn off progress bars and banners of libraries; Pawl shows its own progress."""
    for variable, value in QUIET.items():
        os.environ.setdefault(variable, value)


def use_embedded_prefect() -> None:
    """Keep an ephemeral Prefect server's files under `home()`; call before importing prefect.

    Leaves everything alone when the user set `PREFECT_API_URL` or `PREFECT_HOME`, or has Prefect
    profiles of their own.
    """
    os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
    profiles = Path.home() / ".prefect" / "profiles.toml"
    if {"PREFECT_API_URL", "PREFECT_HOME"} & os.environ.keys() or profiles.exists():
        return
    prefect_home = home() / "prefect"
    prefect_home.mkdir(parents=True, exist_ok=True)
    os.environ["PREFECT_HOME"] = str(prefect_home)
    os.environ.setdefault("PREFECT_SERVER_ALLOW_EPHEMERAL_MODE", "true")
    # Prefect 3.8.8 cuts the interval to whole seconds, and spins on a core when that gives 0.
    for setting, value in (
        ("BATCH_SIZE", "50"),
        ("READ_BATCH_SIZE", "50"),
        ("FLUSH_INTERVAL", "1"),
    ):
        os.environ.setdefault(f"PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_{setting}", value)
