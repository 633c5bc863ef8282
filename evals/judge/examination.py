"""Examine a judge before it counts: agreement with people, position bias, length bias.

Does: have the judge score the labelled answers and compare them in both orders.
Does not: measure self-preference, a judge's bias for its own answers, for which labelled answers of
the judge itself would be needed.
"""

from __future__ import annotations

from collections.abc import Sequence

from configs.errors import EvidenceError
from configs.judge import JudgeConfig
from evals.judge.agreement import Agreement, agreement
from evals.judge.human_labels import HumanLabel, labelled_items, labelled_pairs
from evals.judge.judge import Judge
from evals.judge.length_bias import LengthBias, length_bias
from evals.judge.position_bias import PositionBias, position_bias
from evals.judge.report import JudgeReport


def examine(judge: Judge, labels: Sequence[HumanLabel], seed: int = 0) -> JudgeReport:
    """Examine a judge on answers that people scored.

    Position bias is measured on the labelled answers that share a row; it is None without such.

    Args:
        labels: as `read_human_labels` returns them.
        seed: of the bootstrap.

    Raises:
        EngineError: when the judge does not answer.
        EvidenceError: when too many of its judgements are unreadable, or the labels cannot test it.
    """
    config = judge.config
    items = labelled_items(labels)
    scored = judge.score(items)
    clusters = [label.document for label in labels]
    agreements, lengths = [], []
    for criterion in config.rubric.criteria:
        given = [s.scores[criterion.name] if s.scores else None for s in scored]
        human = [label.scores[criterion.name] for label in labels]
        agreements.append(
            agreement(criterion, given, human, clusters, alpha=config.alpha, seed=seed)
        )
        read = [i for i, score in enumerate(given) if score is not None]
        lengths.append(
            length_bias(
                criterion.name,
                [score for score in given if score is not None],
                [len(labels[i].answer) for i in read],
                [clusters[i] for i in read],
                human=[human[i] for i in read],
                alpha=config.alpha,
                seed=seed,
            )
        )
    pairs = labelled_pairs(labels)
    position = (
        position_bias(pairs, judge.compare(pairs), alpha=config.alpha, seed=seed) if pairs else None
    )
    return _report(
        judge,
        tuple(agreements),
        tuple(lengths),
        position,
        unreadable=tuple(
            item.id for item, s in zip(items, scored, strict=True) if s.scores is None
        ),
    )


def unexamined(judge: Judge) -> JudgeReport:
    """The report on a judge that was never held against people."""
    return _report(judge, (), (), None, ())


def _report(
    judge: Judge,
    agreements: tuple[Agreement, ...],
    lengths: tuple[LengthBias, ...],
    position: PositionBias | None,
    unreadable: tuple[str, ...],
) -> JudgeReport:
    config = judge.config
    return JudgeReport(
        judge=judge.name,
        judge_digest=judge.digest,
        rubric=config.rubric.name,
        agreements=agreements,
        length=lengths,
        position=position,
        unreadable=unreadable,
        minimum_kappa=config.minimum_kappa,
        refusals=_refusals(config, agreements),
    )


def _refusals(config: JudgeConfig, agreements: Sequence[Agreement]) -> tuple[str, ...]:
    if not agreements:
        allowed = config.allow_uncalibrated
        return () if allowed else ("expected human labels to test the judge by, got none",)
    problems = []
    documents = agreements[0].clusters
    if documents < config.min_labelled_documents:
        problems.append(
            f"expected labels of at least {config.min_labelled_documents} documents, got {documents}"
        )
    problems += [
        f"expected kappa of {found.criterion} to be at least {config.minimum_kappa:g} with error "
        f"{found.alpha:g}, got a lower bound of {found.kappa.low:.3f} (kappa {found.kappa.value:.3f})"
        for found in agreements
        if found.kappa.low < config.minimum_kappa
    ]
    return tuple(problems)


def require_believed(report: JudgeReport) -> None:
    """Refuse the judge as evidence if the examination found a reason to.

    Raises:
        EvidenceError: naming every reason.
    """
    if report.refusals:
        raise EvidenceError(
            f"judge {report.judge} by {report.rubric}",
            "; ".join(report.refusals),
            "Use a better judge, a clearer rubric, or more human labels.",
        )
