"""Step 2c: whether the test set can show what the gate asks for, before anything is trained."""

from __future__ import annotations

from prefect.logging import get_run_logger

from configs.lifecycle import LifecycleConfig
from evals.certain_shortage import require_possible
from evals.decision import Look
from evals.preflight import forecast_size
from evals.report.tables import markdown_table
from evals.size_forecast import SizeForecast, require_sufficient, size_sentence
from evals.stats.multiplicity import spend
from flows.step_cache import StepOutcome
from flows.steps.evaluate import load_evaluation
from flows.steps.step_state import publish, step


@step(name="pre-flight", task_run_name="pre-flight of {config.name}")
def preflight(
    config: LifecycleConfig,
    baseline: StepOutcome,
    champion: StepOutcome | None = None,
    look: Look | None = None,
) -> None:
    """Compare the number of test documents with what the gate needs, by simulating the gate.

    Args:
        champion: its evaluation on the same rows; without it there is a range, which never stops a run.
        look: what the coming decision may spend; that of a first look if None.
    Raises:
        EvidenceError: when two pilots say clearly that there are too few and the policy refuses that.
    """
    plan = config.gate.preflight
    if plan.action == "off":
        return
    if look is None and (budget := config.gate.alpha_budget) is not None:
        alpha = spend(config.gate.alpha, 1, budget.planned_looks)
        look = Look(number=1, alpha=alpha, budgeted=True)
    where = f"test set of {config.name}"
    asked = load_evaluation(baseline, "baseline")
    if plan.action == "refuse":
        require_possible(config.gate, asked, look.alpha if look else config.gate.alpha, where)
    forecast = forecast_size(
        config.gate,
        len(config.gated_candidates),
        asked,
        None if champion is None else load_evaluation(champion, "champion"),
        look=look,
        seed=config.seed,
    )
    publish("pre-flight", _page(forecast), "Size of the test set against what the gate needs")
    if plan.action == "refuse":
        require_sufficient(forecast, where)
    if forecast.perhaps_too_few or not forecast.scenarios:
        get_run_logger().warning("%s: %s.", where, size_sentence(forecast))


def _page(forecast: SizeForecast) -> str:
    header = ["if a candidate", "documents", "needed", "power now, 95% interval", "what limits"]
    lines = [
        [
            s.candidate,
            str(forecast.documents),
            str(s.needed or f"more than {s.most}"),
            f"{s.power:.2f} ({s.low:.2f} to {s.high:.2f}), n = {s.gates} gates",
            f"{s.limiting} (held in {s.limiting_held:.2f})",
        ]
        for s in forecast.scenarios
    ]
    unknown = "".join(f"\n- not simulated: {rule}" for rule in forecast.left_out)
    if not lines:
        return f"## Is the test set large enough?\n\nNo required rule can be simulated yet.\n{unknown}\n"
    assumed = (
        "Both systems were evaluated."
        if forecast.known
        else "Only the baseline was evaluated, so this is a range and stops nothing."
    )
    return (
        f"## Is the test set large enough?\n\n{markdown_table(header, lines)}\n\nSimulated gates with "
        f"alpha {forecast.alpha:.4g}, planned: power {forecast.planned_power:g} for a true difference "
        f"of {forecast.expected_difference:+g}. {assumed}\n{unknown}\n"
    )
