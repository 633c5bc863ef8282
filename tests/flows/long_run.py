"""A flow for tests: the start of a lifecycle up to a training that takes its time."""

from prefect import flow

from configs.lifecycle import LifecycleConfig
from configs.load import load_task
from configs.named_files import SHIPPED
from configs.yaml_file import read_yaml
from flows.home import home
from flows.step_cache import StepCache
from flows.steps.fine_tune import fine_tune
from flows.steps.prepare import prepare
from flows.steps.resolve import resolve
from flows.steps.step_state import result_of

STEPS_PER_EPOCH = 21


def long_config(steps, checkpoints):
    """The demo's training over 64 documents, with this many steps."""
    demo = read_yaml(SHIPPED / "lifecycles" / "demo.yaml")
    demo["data"] |= {"train_documents": 64, "validation_documents": 2, "test_documents": 2}
    demo["lora"] |= {"epochs": steps / STEPS_PER_EPOCH, "batch_size": 4}
    demo["lora"] |= {"checkpoints": checkpoints}
    return LifecycleConfig.model_validate(demo | {"name": "long"})


@flow(name="long-run", persist_result=False)
def long_run(steps: int, checkpoints: int = 1) -> int:
    """Train; returns the step that training went on from."""
    config = long_config(steps, checkpoints)
    cache, task = StepCache(home() / "cache"), load_task(config.task)
    base = result_of(resolve(config.base_model))
    data = result_of(prepare(config, task, cache))
    return result_of(fine_tune(config, task, base, data, cache)).result["resumed_from_step"]
