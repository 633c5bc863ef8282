"""Re-evaluate what depends on something new, from a form, an event or a schedule."""

from __future__ import annotations

from typing import Any

from prefect import flow, runtime
from prefect.deployments import run_deployment
from prefect.logging import get_run_logger
from prefect.states import Completed

from configs.errors import PawlError, RegistryError
from evals.report.tables import markdown_table
from flows.expected_failures import hide_tracebacks_of_expected_failures
from flows.home import model_store
from flows.re_evaluation.once import in_other_hands
from flows.re_evaluation.one_model import ReEvaluated, re_evaluate_one
from flows.re_evaluation.release_check import checked_against_ledger, superseded_by
from flows.requests.re_evaluate import ReEvaluateRequest
from flows.steps.step_state import publish
from registry.dependents import Dependent, champions, dependents
from registry.store import ModelStore

hide_tracebacks_of_expected_failures()


@flow(name="re-evaluate", flow_run_name="re-evaluate for {request.reason}", persist_result=False)
def re_evaluate(request: ReEvaluateRequest) -> Any:
    """Run the recipe of each dependent champion again on what is new, and let the gate decide.

    Where nothing that a decision rests on has changed, nothing is computed and the run says so. However
    often a release is announced, each model is evaluated on it once.

    Args:
        request: what is new, and which models are asked about it.
    """
    store = model_store()
    request = checked_against_ledger(store, request)
    run_id = str(runtime.flow_run.id)
    if request.release_id is not None and request.model is None:
        other = in_other_hands(store, f"re-evaluate/{request.release_id}", run_id)
        if other is not None:
            return _nothing("Already done", f"Release {request.release_id}: {other}.")
    # A run that people let go on after an approval finishes what it began, whatever was released since.
    begun = (runtime.flow_run.run_count or 1) > 1
    if not begun and (newer := superseded_by(store, request)) is not None:
        return _nothing("Superseded", f"Superseded by {newer}: that one is evaluated instead.")
    asked, broken = _asked_about(store, request)
    if not asked and not broken:
        return _nothing("Nothing to do", _why_nobody(request))
    if len(asked) == 1 and not broken:
        outcomes = [re_evaluate_one(store, asked[0], request)]
    elif len(asked) > 1 and request.model is None and runtime.deployment.id:
        outcomes = [_start(one, request, run_id) for one in asked]
    else:
        outcomes = [_one_of_several(store, one, request) for one in asked]
    return _ended([*outcomes, *broken])


def _asked_about(
    store: ModelStore, request: ReEvaluateRequest
) -> tuple[list[Dependent], list[ReEvaluated]]:
    """The champions that are asked about, and models of which that cannot be told."""
    followed = request.followed or (request.source if request.model is None else None)
    found: list[Dependent] = []
    broken = []
    for name in store.models() if request.model is None else [request.model]:
        try:
            found += (
                champions(store, name) if followed is None else dependents(store, followed, name)
            )
        except RegistryError as error:
            broken.append(_failed(name, error))
    if request.model is not None and not broken and not champions(store, request.model):
        raise RegistryError(
            f"model {request.model}",
            "expected a registered model with a champion, got none",
            "`pawl status` shows what there is; the first champion comes from `pawl run`.",
        )
    return found, broken


def _why_nobody(request: ReEvaluateRequest) -> str:
    followed = request.followed or request.source
    if followed is None:
        return "No model has a champion yet."
    named = (
        "No champion was" if request.model is None else f"The champion of {request.model} was not"
    )
    return f"{named} made from a revision of {followed}."


def _start(one: Dependent, request: ReEvaluateRequest, run_id: str) -> ReEvaluated:
    """A run of its own for one model. Nobody waits for it: that would occupy a worker."""
    child = request.model_copy(update={"model": one.model})
    started: Any = run_deployment(
        runtime.deployment.id,
        parameters={"request": child.model_dump(mode="json")},
        timeout=0,
        idempotency_key=f"re-evaluate {run_id} {one.model}",
    )
    return ReEvaluated(model=one.model, kind="started", text=f"Run {started.name} ({started.id}).")


def _one_of_several(store: ModelStore, one: Dependent, request: ReEvaluateRequest) -> ReEvaluated:
    try:
        return re_evaluate_one(store, one, request)
    except PawlError as error:
        return _failed(one.model, error)


def _failed(model: str, error: PawlError) -> ReEvaluated:
    get_run_logger().error("%s: %s", model, error)
    return ReEvaluated(model=model, kind="failed", text=str(error))


def _ended(outcomes: list[ReEvaluated]) -> Any:
    rows = [[one.model, one.kind, one.text] for one in outcomes]
    publish(
        "re-evaluation",
        "## Re-evaluation\n\n" + markdown_table(["model", "", "what became of it"], rows),
        "What became of each champion",
    )
    failed = [one for one in outcomes if one.kind == "failed"]
    if failed:
        raise RegistryError(
            f"re-evaluation of {', '.join(one.model for one in failed)}",
            f"failed: {'; '.join(one.text for one in failed)}",
            "Correct it and start the run again; what was done is kept.",
        )
    text = " ".join(one.text for one in outcomes)
    get_run_logger().info("%s", text)
    kinds = {one.kind for one in outcomes}
    name = {"unchanged": "Unchanged", "in other hands": "Already done"}.get(kinds.pop())
    if kinds or name is None:
        name = "Completed"
    return Completed(name=name, message=text, data=outcomes)


def _nothing(name: str, why: str) -> Any:
    get_run_logger().info("%s", why)
    publish("re-evaluation", f"## {name}\n\n{why}", "Why nothing was evaluated")
    return Completed(name=name, message=why, data=[])
