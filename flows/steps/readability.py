"""Step 2d: whether baseline and champion can be read, before anything is trained."""

from __future__ import annotations

from prefect.logging import get_run_logger

from configs.lifecycle import LifecycleConfig
from configs.task import TaskConfig
from evals.readability import needs_a_warning, readable_share, warning
from evals.report.markdown import escaped
from evals.unreadable_answers import require_readable
from flows.step_cache import StepCache, StepOutcome
from flows.steps.champion import find_champion
from flows.steps.evaluate import evaluate_weights, load_evaluation
from flows.steps.fine_tune import is_trained
from flows.steps.resolve import ResolvedBase
from flows.steps.step_state import publish, result_of, step


@step(name="readable", task_run_name="whether {system} can be read")
def check_readable(
    system: str, config: LifecycleConfig, task_config: TaskConfig, evaluated: StepOutcome
) -> None:
    """Say how a reference's answers are read and how many can be.

    Raises:
        EvidenceError: when these are fewer than the policy asks for and it refuses that.
    """
    rule = config.gate.readable_references
    evaluation = load_evaluation(evaluated, system)
    share = readable_share(evaluation)
    if share is None:
        return
    found = f"Answers are read as {task_config.reading}: {share.words} of {system} can be."
    publish(
        f"readable-{system}",
        f"## Can the answers of {system} be read?\n\n{escaped(found)}",
        f"Readable answers of {system}",
    )
    require_readable(evaluation, task_config, rule)
    if needs_a_warning(share, rule):
        get_run_logger().warning("%s %s", found, warning(share, rule))
    else:
        get_run_logger().info("%s", found)


def check_champion_before_training(
    config: LifecycleConfig,
    task_config: TaskConfig,
    base: ResolvedBase,
    data: StepOutcome,
    cache: StepCache,
) -> StepOutcome | None:
    """Let the present champion answer the test rows before a training, and check that it can be read.

    Its answers are kept by its weights, so the evaluation after the training asks it nothing more.
    They tell the pre-flight how much documents differ between two systems.
    Without a champion, or where nothing would be trained, nothing is done; the gate checks again.

    Raises:
        EvidenceError: as `check_readable`.
        RegistryError: when MLflow is unreachable, or the ledger was tampered with.
    """
    if is_trained(config, task_config, base, data, cache):
        return None
    champion = result_of(find_champion(config.registry))
    for name, (directory, digest) in champion.unless_among({base.digest}).items():
        answered: StepOutcome = result_of(
            evaluate_weights(name, directory, digest, config, task_config, data, cache)
        )
        check_readable(name, config, task_config, answered)
        return answered
    return None
