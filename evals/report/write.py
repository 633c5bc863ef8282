"""Write the report of one decision: HTML, markdown and two plots."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from evals.critical_misses import Gold
from evals.decision import Decision
from evals.evaluation import Evaluation
from evals.readability import warnings_of
from evals.report.blocks import Markdown, Report, Section
from evals.report.critical import critical_section
from evals.report.html_page import report_html
from evals.report.markdown import below_section, report_markdown
from evals.report.plots import write_differences, write_scores
from evals.report.reading import reading_section
from evals.report.sections import (
    assumptions_section,
    checks_section,
    costs_section,
    guards_section,
    lineage_section,
    policy_section,
    regressions_section,
    scores_section,
    slices_section,
)
from evals.report.self_test import self_test_section
from evals.report.stability import stability_section
from evals.report.verdict import statistics_line, verdict
from evals.stability import Stability


def write_report(
    directory: Path,
    decision: Decision,
    evaluations: Mapping[str, Evaluation],
    *,
    guard_evaluations: Mapping[str, Mapping[str, Evaluation]] | None = None,
    sizes_bytes: Mapping[str, int],
    baseline_description: str,
    title: str,
    description: str,
    lineage: Mapping[str, str] | None = None,
    show_text: bool = False,
    extra_sections: Mapping[str, str] | None = None,
    gold: Gold | None = None,
    stability: Mapping[str, Stability] | None = None,
    not_asked_again: Mapping[str, str] | None = None,
) -> None:
    """Write `report.md`, `report.html`, `scores.png` and `differences.png`; where the policy has
    critical rules also `critical-false-negatives.json`.

    The same arguments give the same bytes.

    Args:
        directory: exists; files of these names are replaced.
        evaluations: at least one, by system, on the lifecycle's task; the first says which task that
            is and what its primary metric is.
        guard_evaluations: guard task -> system -> evaluation.
        sizes_bytes: weights on disk by system, where known.
        lineage: name -> digest or version of what the candidates were made from.
        show_text: whether answers may be shown. They may name people: True only if the task says that
            its texts may be shown, and not if it says that they hold personal data.
        extra_sections: title -> markdown, put at the end.
        gold: right answers, to name what was missed; only looked at where texts may be shown.
        stability: what asking rows again changed, by system.
        not_asked_again: system -> why it was not asked again.

    Raises:
        EvidenceError: when an evaluation is empty or lacks scores.
    """
    main = next(iter(evaluations.values()))
    primary = main.metrics[0].name
    sections = [
        scores_section(
            decision, evaluations, sizes_bytes, write_scores(directory, evaluations, primary)
        ),
        checks_section(decision, main.task, write_differences(directory, decision, main.task)),
        critical_section(directory, decision, evaluations, gold if show_text else None),
        self_test_section(decision.self_test),
        slices_section(evaluations, primary, decision.policy.min_clusters),
        guards_section(decision, guard_evaluations or {}),
        stability_section(decision.policy, stability or {}, not_asked_again or {}, show_text),
        regressions_section(decision, evaluations, primary, show_text),
        reading_section(evaluations),
        costs_section(decision, evaluations),
        lineage_section(decision, lineage or {}),
        policy_section(decision),
        assumptions_section(decision, evaluations, baseline_description),
        *(
            Section(name, (Markdown(below_section(text)),))
            for name, text in (extra_sections or {}).items()
        ),
    ]
    report = Report(
        title=title,
        outcome=decision.outcome,
        verdict=" ".join(
            [verdict(decision, main.task), *warnings_of(decision.policy, evaluations)]
        ),
        statistics=statistics_line(decision),
        introduction=tuple(text for text in (_warning(decision), description) if text),
        sections=tuple(section for section in sections if section is not None),
    )
    (directory / "report.md").write_text(report_markdown(report), encoding="utf-8")
    (directory / "report.html").write_text(report_html(report, directory), encoding="utf-8")


def _warning(decision: Decision) -> str:
    """What must stand above everything else: that alpha is not kept."""
    tested = decision.self_test
    return tested.sentence if tested is not None and tested.alpha_kept is False else ""
