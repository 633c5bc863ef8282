"""Evaluate or gate outside a lifecycle, from files, without Prefect."""

from __future__ import annotations

from pathlib import Path

from configs.durable_files import write_durably
from configs.lifecycle import LifecycleConfig
from configs.load import load_task
from evals.decision import Decision
from evals.engines.local import LocalEngine
from evals.engines.recorded import write_recording
from evals.evaluation import Evaluation, read_evaluation, write_evaluation
from evals.gate import decide
from evals.runner import evaluate
from finetune.data import read_rows
from flows.steps.resolve import fetch
from registry.digests import digest_directory, digest_file


def evaluate_weights(
    source: str,
    data: Path,
    task_reference: str,
    out: Path,
    name: str,
    batch_size: int,
    recording: Path | None,
    skip_bad_rows: bool,
) -> Evaluation:
    """Let the weights of `source` answer the rows of `data` and store the evaluation in `out`.

    Raises:
        PawlError: for unusable weights, task or rows; nothing is written then.
    """
    task = load_task(task_reference)
    rows = [row.as_dict() for row in read_rows(data, task, skip_bad_rows).rows]
    engine = LocalEngine(fetch(source), name, batch_size, "float32")
    evaluation = evaluate(engine, task, rows, system=name, data_digest=digest_file(data))
    write_evaluation(evaluation, out)
    if recording is not None:
        write_recording(recording, evaluation)
    return evaluation


def decide_from_files(
    config: LifecycleConfig,
    candidate: Path,
    baseline: Path,
    champion: Path | None,
    out: Path | None,
) -> Decision:
    """Apply the lifecycle's gate to stored evaluations.

    Raises:
        EvidenceError: when they are missing, empty or not of the same rows.
    """
    places = {"candidate": candidate, "baseline": baseline}
    if champion is not None:
        places["champion"] = champion
    loaded = {name: read_evaluation(place, name) for name, place in places.items()}
    evidence = {name: digest_directory(place).digest for name, place in places.items()}
    decision = decide(
        config.gate,
        {"candidate": loaded.pop("candidate")},
        loaded,
        seed=config.seed,
        evidence=evidence,
    )
    if out is not None:
        write_durably(out, decision.canonical_json())
    return decision
