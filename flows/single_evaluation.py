"""Evaluate or gate outside a lifecycle, from files, without Prefect."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from configs.asking_again import AskAgain
from configs.durable_files import write_durably
from configs.gate_policy import GateConfig
from configs.load import load_task
from evals.automatic_selftest import automatic_selftest
from evals.decision import Decision, Look
from evals.documents import documents_of_evaluations
from evals.engines.local import LocalEngine
from evals.engines.recorded import write_recording
from evals.evaluation import Evaluation, read_evaluation, write_evaluation
from evals.evidence import Evidence
from evals.gate import decide, require_decidable
from evals.runner import evaluate
from evals.selftest import SelfTest, run_selftest
from evals.stability import Stability, ask_and_compare
from evals.stability_files import forget_stability, read_second_answers, write_stability
from finetune.data import read_rows
from flows.steps.resolve import fetch
from registry.digests import digest_directory, digest_file

SEED_OF_ASKING_AGAIN = 17


def evaluate_weights(
    source: str,
    data: Path,
    task_reference: str,
    out: Path,
    name: str,
    batch_size: int,
    recording: Path | None,
    skip_bad_rows: bool,
    again: int = 0,
) -> tuple[Evaluation, Stability | None]:
    """Let the weights of `source` answer the rows of `data` and store the evaluation in `out`.

    Args:
        again: rows to ask a second time, with what that changed stored beside; 0 for none.

    Raises:
        PawlError: for unusable weights, task or rows; nothing is written then.
    """
    task = load_task(task_reference)
    rows = [row.as_dict() for row in read_rows(data, task, skip_bad_rows).rows]
    engine = LocalEngine(fetch(source), name, batch_size, "float32")
    evaluation = evaluate(engine, task, rows, system=name, data_digest=digest_file(data))
    forget_stability(out)
    write_evaluation(evaluation, out)
    if recording is not None:
        write_recording(recording, evaluation)
    if again == 0:
        return evaluation, None
    second = AskAgain(rows=again).second_batch_size(batch_size)
    answers, found = ask_and_compare(
        engine.in_batches_of(second),
        task,
        rows,
        evaluation,
        sample=again,
        seed=SEED_OF_ASKING_AGAIN,
        batch_sizes=(batch_size, second),
    )
    write_stability(out, answers, found)
    return evaluation, found


def decide_from_files(
    policy: GateConfig,
    candidate: Path,
    baseline: Path,
    champion: Path | None,
    seed: int,
    out: Path | None,
    *,
    counted: bool = True,
    tests_itself: bool = True,
) -> Decision:
    """Apply a gate's policy to stored evaluations.

    Args:
        counted: claim a look in the registry if the policy has an alpha budget; without one nothing
            is claimed. What refuses comes before the claim; the same question is the same look.
        tests_itself: say in the decision what the policy does with losses planted in these scores.
    Raises:
        EvidenceError: when they are missing, empty or not of the same rows, or the budget of their
            documents is used up.
        RegistryError: when a look is to be claimed and MLflow is unreachable.
    """
    places = {"candidate": candidate, "baseline": baseline}
    if champion is not None:
        places["champion"] = champion
    evidence = Evidence(
        evaluations={name: read_evaluation(place, name) for name, place in places.items()},
        digests={name: digest_directory(place).digest for name, place in places.items()},
        asked_again={
            name: again
            for name, place in places.items()
            if (again := read_second_answers(place, name)) is not None
        },
    )

    require_decidable(["candidate"], evidence)

    def decided(look: Look | None) -> Decision:
        tested = None
        if tests_itself:
            tested, _ = automatic_selftest(
                policy,
                evidence.evaluations["candidate"],
                evidence.evaluations["baseline"],
                candidates=1,
                look=look,
                seed=seed,
            )
        return decide(policy, ["candidate"], evidence, seed=seed, look=look, self_test=tested)

    if counted and policy.alpha_budget is not None:
        decision = _decided_and_counted(policy, evidence, seed, decided)
    else:
        decision = decided(None)
    if out is not None:
        write_durably(out, decision.canonical_json())
    return decision


def _decided_and_counted(
    policy: GateConfig, evidence: Evidence, seed: int, decided: Callable[[Look], Decision]
) -> Decision:
    """The decision at what its look may spend; claimed after it was made and before anybody saw it."""
    from flows.home import model_store
    from flows.look_claims import claim, policy_digest, question_digest
    from registry.looks import LookCounter, Question

    documents = documents_of_evaluations(evidence.evaluations.values())
    question = Question(
        policy=policy_digest(policy),
        model="",
        digest=question_digest(policy, ["candidate"], evidence.digests, seed),
        candidates=(evidence.digests["candidate"],),
    )
    made: list[Decision] = []
    look = claim(
        LookCounter(model_store(), documents.documents),
        policy,
        documents,
        question,
        "gate.alpha_budget",
        lambda expected: made.append(decided(expected)),
    )
    return made[0] if made and made[0].look == look else decided(look)


def selftest_from_files(
    policy: GateConfig, candidate: Path, baseline: Path, trials: int, candidates: int, seed: int
) -> SelfTest:
    """Measure a policy's error rates on the scores of two recorded systems, with a progress bar.

    Raises:
        EvidenceError: when the recordings are missing, do not pair, or cannot fall by a margin.
    """
    from flows.console import progress_bar

    recorded = read_evaluation(candidate, "candidate"), read_evaluation(baseline, "baseline")
    with progress_bar("Gates decided") as on_progress:
        return run_selftest(
            policy,
            *recorded,
            trials=trials,
            seed=seed,
            candidates=candidates,
            on_progress=on_progress,
        )
