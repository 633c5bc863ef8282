"""Steps before anything is asked: the policy names what the task has, and the test set holds enough
of what the policy calls critical."""

from __future__ import annotations

from prefect.logging import get_run_logger

from configs.errors import EvidenceError
from configs.lifecycle import LifecycleConfig
from configs.task import TaskConfig
from evals.critical_sizes import critical_sizes, require_carriers
from evals.policy_names import require_names
from evals.report.tables import markdown_table
from flows.step_cache import StepOutcome
from flows.steps.prepare import read_split
from flows.steps.step_state import publish, step


def require_policy_names(config: LifecycleConfig, task_config: TaskConfig) -> None:
    """Refuse a policy that names metrics, slices, fields or labels that the task does not have.

    Raises:
        ConfigError: naming every problem.
    """
    rubric = None if config.judge is None else config.judge.rubric
    require_names(config.gate, task_config, f"gate of {config.name}", rubric)


@step(name="critical labels", task_run_name="critical labels of {config.name}")
def require_critical_labels(
    config: LifecycleConfig, task_config: TaskConfig, prepared: StepOutcome
) -> None:
    """Count the test documents that carry each critical label.

    Raises:
        EvidenceError: when a required rule could never hold and the policy's pre-flight refuses that.
    """
    policy = config.gate
    if not policy.critical:
        return
    rows = [row.as_dict() for row in read_split(prepared, "test", task_config)]
    sizes = critical_sizes(policy, task_config, rows)
    lines = [[s.rule.words, str(s.carriers), str(s.needed), str(s.documents)] for s in sizes]
    header = ["critical", "documents that carry it", "needed", "test documents"]
    publish(
        "critical-labels",
        f"## Does the test set hold what is critical?\n\n{markdown_table(header, lines)}",
        "Test documents that carry each critical label",
    )
    try:
        require_carriers(sizes, f"test set of {config.name}")
    except EvidenceError as error:
        if policy.preflight.action == "refuse":
            raise
        if policy.preflight.action == "warn":
            get_run_logger().warning("%s", error)
