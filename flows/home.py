"""Where Pawl keeps its files on this machine, and the defaults that need no server.

Does: choose the directory and the tracking and Prefect settings that apply when nobody set any.
Does not: override what the user configured through the environment or a Prefect profile.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

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


def use_running_stack() -> None:
    """Let this process use the servers that `pawl up` runs on this home; call before importing prefect.

    Prefect's settings are left alone when the user chose a server, in the environment, in
    prefect.toml or in a profile; MLflow's when `MLFLOW_TRACKING_URI` is set. Without a running
    stack nothing changes.
    """
    from flows.stack.running import running_stack

    stack = running_stack(home())
    if stack is None:
        return
    if not _user_chose_prefect():
        _set_defaults(stack.environment, "PREFECT_")
    if "MLFLOW_TRACKING_URI" not in os.environ:
        _set_defaults(stack.environment, "MLFLOW_")


def _set_defaults(settings: Mapping[str, str], prefix: str) -> None:
    for name, value in settings.items():
        if name.startswith(prefix):
            os.environ.setdefault(name, value)


def _user_chose_prefect() -> bool:
    if "PREFECT_API_URL" in os.environ or "url" in _toml("prefect.toml").get("api", {}):
        return True
    prefect_home = Path(os.environ.get("PREFECT_HOME", Path.home() / ".prefect"))
    found = _toml(os.environ.get("PREFECT_PROFILES_PATH", prefect_home / "profiles.toml"))
    active = os.environ.get("PREFECT_PROFILE", found.get("active", ""))
    return "PREFECT_API_URL" in found.get("profiles", {}).get(active, {})


def _toml(path: str | Path) -> dict[str, Any]:
    """Content of a file of Prefect's, which complains of a malformed one itself; {} without one."""
    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (FileNotFoundError, tomllib.TOMLDecodeError):
        return {}


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
    # A busy machine takes longer than Prefect's 20 s.
    os.environ.setdefault("PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS", "180")
    # Prefect 3.8.8 cuts the interval to whole seconds, and spins on a core when that gives 0.
    for setting, value in (
        ("BATCH_SIZE", "50"),
        ("READ_BATCH_SIZE", "50"),
        ("FLUSH_INTERVAL", "1"),
    ):
        os.environ.setdefault(f"PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_{setting}", value)
