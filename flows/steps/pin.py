"""Step 8: write the pin that a serving deployment resolves to exact bytes."""

from __future__ import annotations

from pathlib import Path

from prefect.logging import get_run_logger

from configs.lifecycle import LifecycleConfig
from flows.home import home, model_store
from flows.steps.step_state import publish, step
from registry.alias_ledger import read_champion
from registry.pins import pin_current_champion, verify_pin, write_pin


@step(name="pin", task_run_name="pin {config.registry.model_name}")
def pin(config: LifecycleConfig) -> Path | None:
    """Write and verify the pin of the champion; None when the model has no champion yet.

    Raises:
        PinError: when the champion's files are not the bytes that were evaluated.
    """
    store = model_store()
    registry = config.registry
    if read_champion(store, registry.model_name, registry.alias) is None:
        get_run_logger().info("pin: %s has no champion, nothing to pin", registry.model_name)
        return None
    champion_pin = pin_current_champion(store, registry.model_name, registry.alias, config.serving)
    verify_pin(champion_pin)
    path = home() / "pins" / f"{registry.model_name}.yaml"
    write_pin(champion_pin, path)
    get_run_logger().info("pin: %s version %d, every file verified", path, champion_pin.version)
    publish("pin", f"## Pin\n\n```yaml\n{path.read_text()}```", "Exact bytes for serving")
    return path
