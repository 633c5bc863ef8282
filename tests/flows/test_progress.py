"""Progress: what it says, how often it is written, and that it never gets in the way."""

import logging

import httpx
import pytest

from configs.gate_policy import TokenPrices
from evals.baseline_bank.recorder import RecordingProgress
from flows import progress
from flows.progress import ProgressReporter, duration, recording_facts, time_left_s


@pytest.mark.parametrize(
    ("done", "total", "at_start", "seconds", "left"),
    [
        (10, 100, 0, 5.0, 45.0),
        (60, 100, 40, 10.0, 20.0),  # resumed at 40: 20 steps took 10 s
        (100, 100, 0, 7.0, 0.0),
        (40, 100, 40, 3.0, None),
    ],
)
def test_the_time_left_counts_what_this_attempt_did(done, total, at_start, seconds, left):
    assert time_left_s(done, total, at_start, seconds) == left


def test_durations_for_people():
    assert [duration(s) for s in (0.4, 59, 61, 3599, 3600, 86_399)] == [
        "0 s", "59 s", "1 min 01 s", "59 min 59 s", "1 h 00 min", "23 h 59 min",
    ]  # fmt: skip


@pytest.fixture
def written(monkeypatch):
    """What reaches the server: `(percent, description)` by artifact."""
    calls = []

    def create(progress, description):
        calls.append(("create", progress, description))
        return "artifact"

    def update(artifact, percent, description):
        calls.append((artifact, percent, description))

    monkeypatch.setattr(progress, "create_progress_artifact", create)
    monkeypatch.setattr(progress, "update_progress_artifact", update)
    monkeypatch.setattr(progress, "get_run_logger", lambda: logging.getLogger("test"))
    return calls


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


def test_one_artifact_is_written_every_two_seconds_and_at_the_end(written, caplog):
    caplog.set_level(logging.INFO)
    clock = Clock()
    report = ProgressReporter("Fine-tuning", "steps", clock)
    for step in range(1, 101):
        clock.now += 0.125  # a power of two: no rounding
        report(step, 100)
    assert [(what, round(percent)) for what, percent, _ in written] == [
        ("create", 1), ("artifact", 17), ("artifact", 33), ("artifact", 49), ("artifact", 65),
        ("artifact", 81), ("artifact", 97), ("artifact", 100),
    ]  # fmt: skip
    assert [record.getMessage() for record in caplog.records] == [
        "Fine-tuning: 1 of 100 steps",
        "Fine-tuning: 100 of 100 steps",
    ]


def test_the_table_has_what_was_noted(written):
    clock = Clock()
    report = ProgressReporter("Fine-tuning", "steps", clock)
    report(1, 10)
    report.note("training loss", "1.25")
    report.note_tokens(1000)
    clock.now += 4
    report.note_tokens(9000)
    report(3, 10)
    assert written[-1][2].splitlines() == [
        "### Fine-tuning", "", "|  | now |", "| --- | --- |",
        "| steps | 3 of 10 |", "| training loss | 1.25 |", "| tokens/s | 2,000 |",
        "| time so far | 4 s |", "| time left | about 14 s |",
    ]  # fmt: skip


def test_a_recording_shows_speed_and_cost(written):
    clock = Clock()
    report = ProgressReporter("Evaluating baseline", "examples", clock)
    price = TokenPrices(input_per_million=1, output_per_million=2, currency="EUR")
    recording_facts(report, price)(RecordingProgress(5, 20, 0.0123, 500, 10.0))
    report(5, 20)
    assert "| tokens/s | 50 |\n| cost so far | 0.0123 EUR |" in written[-1][2]


def test_a_server_that_is_away_is_told_once_and_stops_nothing(written, monkeypatch, caplog):
    def refuse(*arguments, **named):
        raise httpx.ConnectError("refused")

    monkeypatch.setattr(progress, "create_progress_artifact", refuse)
    clock = Clock()
    report = ProgressReporter("Fine-tuning", "steps", clock)
    for step in range(1, 6):
        clock.now += 5
        report(step, 10)
    assert [record.getMessage() for record in caplog.records].count(
        "progress cannot be shown at present: refused"
    ) == 1
