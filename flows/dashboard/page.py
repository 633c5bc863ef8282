"""The page about every model: what is pinned, how old its evidence is, what comes next.

Does: put facts into words, tables and plots. Does not: read the registry (flows/dashboard/facts.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from evals.report.blocks import Block, Bullets, Figure, Heading, Report, Section, Table, Text
from evals.report.wording import counted, n_words, value_with_interval
from flows.dashboard.facts import ModelFacts
from flows.dashboard.schedule import ReEvaluationSchedule
from flows.dashboard.trend_plot import write_trend
from registry.score_history import ROLES, DecidedScores

SHOWN_DECISIONS = 20
DRAWN_METRICS = 2
NO_SERVER = "no Prefect server"


def dashboard(
    models: Sequence[ModelFacts],
    schedule: ReEvaluationSchedule | None,
    directory: Path,
    now: datetime,
    registry: str,
) -> Report:
    """The page; its plots are written into a directory.

    Args:
        schedule: None when no Prefect server is known.
        directory: exists; receives one PNG per model and metric.
        now: with a time zone.
        registry: address of MLflow, without password.
    """
    attention = [f"{m.status.name}: {text}" for m in models for text in problems_of(m)]
    sections = [Section("Models", (_overview(models, schedule),))]
    if attention:
        sections.append(Section("Look into", (Bullets(tuple(attention)),)))
    sections += [_model_section(model, directory) for model in models]
    return Report(
        title="Models",
        outcome=None,
        verdict=_verdict(models, attention),
        statistics=f"{registry}; written {now.astimezone(UTC):%Y-%m-%d %H:%M} UTC.",
        introduction=(),
        sections=tuple(sections),
    )


def problems_of(model: ModelFacts) -> tuple[str, ...]:
    """What people should look into about a model."""
    evidence = model.status.evidence
    stale = [f"stale evidence: {reason}" for reason in evidence.reasons] if evidence else []
    pin = [model.pin_problem] if model.pin_problem else []
    return (*model.status.warnings, *stale, *pin)


def _verdict(models: Sequence[ModelFacts], attention: Sequence[str]) -> str:
    if not models:
        return "No model is registered yet."
    serving = sum(model.status.champion_version is not None for model in models)
    calm = "nothing needs a person" if not attention else f"{len(attention)} to look into"
    return f"{counted(len(models), 'model')}, {serving} with a champion; {calm}."


def _overview(models: Sequence[ModelFacts], schedule: ReEvaluationSchedule | None) -> Table:
    rows = []
    for model in models:
        status, pin = model.status, model.pin
        rows.append(
            (
                status.name,
                f"version {status.champion_version}" if status.champion_version else "none",
                f"version {pin.version}, {pin.candidate}, {pin.files} files" if pin else "none",
                pin.weights_digest if pin else "",
                status.evidence.summary if status.evidence else "none",
                next_words(schedule, status.name),
                status.last_outcome or "none",
                f"version {status.challenger_version}" if status.challenger_version else "none",
            )
        )
    header = ("model", "champion", "pin", "digest of the pinned weights", "age of its evidence",
              "next re-evaluation", "last decision", "challenger")  # fmt: skip
    return Table("What is pinned, and how old its evidence is", header, tuple(rows), (), (3,))


def next_words(schedule: ReEvaluationSchedule | None, model: str) -> str:
    """When the model is evaluated again, in words."""
    if schedule is None:
        return NO_SERVER
    when = schedule.next_of(model)
    return f"{when.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if when else "not scheduled"


def _model_section(model: ModelFacts, directory: Path) -> Section:
    history = model.history[-SHOWN_DECISIONS:]
    blocks: list[Block] = []
    for metric in _metrics_of(history)[:DRAWN_METRICS]:
        file = f"{model.status.name}-{metric}.png"
        write_trend(directory / file, history, metric)
        words = (
            f"{metric} of candidate, champion, baseline and base at every decision, 95% intervals"
        )
        blocks.append(Figure(file, f"{words}.", f"{words}; the table below has the figures."))
    if history:
        blocks.append(_history_table(history))
    else:
        blocks.append(Text("No decision with recorded scores yet."))
    if model.status.changes:
        blocks.append(Heading("Changes of the champion"))
        changes = (
            f"{entry.written}: {entry.kind} of version {entry.version} by {entry.actor}: "
            f"{entry.reason}"
            for entry in model.status.changes
        )
        blocks.append(Bullets(tuple(changes)))
    return Section(model.status.name, tuple(blocks))


def _metrics_of(history: Sequence[DecidedScores]) -> list[str]:
    names = (name for decided in history for scores in decided.scores.values() for name in scores)
    return list(dict.fromkeys(names))


def _history_table(history: Sequence[DecidedScores]) -> Table:
    shown = _metrics_of(history)[:DRAWN_METRICS]
    rows = []
    for decided in reversed(history):
        for role in ROLES:
            scores = decided.scores.get(role)
            if not scores:
                continue
            cells = [
                value_with_interval(scores[m].value, scores[m].low, scores[m].high)
                if m in scores
                else ""
                for m in shown
            ]
            first = next(iter(scores.values()))
            when = datetime.fromtimestamp(decided.decided_ms / 1000, UTC)
            name = f"{role} ({decided.candidate})" if role == "candidate" else role
            rows.append(
                (
                    f"version {decided.version}", f"{when:%Y-%m-%d %H:%M}", name, *cells,
                    n_words(first.rows, first.clusters), decided.outcome,
                )
            )  # fmt: skip
    header = ("decision", "UTC", "system", *shown, "n", "outcome")
    return Table("Scores by decision, newest first", header, tuple(rows))
