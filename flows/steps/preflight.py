"""Step 2c: whether the test set can show what the gate asks for, before anything is trained."""

from __future__ import annotations

from prefect.logging import get_run_logger

from configs.errors import EvidenceError
from configs.lifecycle import LifecycleConfig
from evals.preflight import check_sizes, require_sufficient
from evals.report.tables import markdown_table
from flows.step_cache import StepOutcome
from flows.steps.evaluate import load_evaluation
from flows.steps.step_state import publish, step


@step(name="pre-flight", task_run_name="pre-flight of {config.name}")
def preflight(config: LifecycleConfig, baseline: StepOutcome) -> None:
    """Compare the number of test documents with what margin, alpha and power need.

    Raises:
        EvidenceError: when there are too few and the policy refuses that.
    """
    plan = config.gate.preflight
    if plan.action == "off":
        return
    evaluated = {"baseline": load_evaluation(baseline, "baseline")}
    checks = check_sizes(config.gate, len(config.gated_candidates), evaluated)
    lines = [
        [
            f"{c.metric} against {c.reference}",
            f"{c.margin:g}",
            str(c.documents),
            str(c.required_documents or "no number is enough"),
            f"{c.deviation:.3f} ({c.deviation_from})",
            f"{c.power:.2f}",
            f"{c.detectable:.3f}",
        ]
        for c in checks
    ]
    header = ["comparison", "margin", "documents", "needed", "deviation", "power", "detectable"]
    publish(
        "pre-flight",
        f"## Is the test set large enough?\n\n{markdown_table(header, lines)}\n\nPlanned: power "
        f"{plan.power:g} for a true difference of {plan.expected_difference:+g}. Detectable is the "
        "smallest distance from the margin that these documents show with that power.",
        "Size of the test set against the gate's margins",
    )
    try:
        require_sufficient(checks, f"test set of {config.name}")
    except EvidenceError as error:
        if plan.action == "refuse":
            raise
        get_run_logger().warning("%s", error)
