import numpy as np
import pandas as pd
import pytest

from configs.gate_policy import Comparison, GateConfig, PooledGuard
from evals.evaluation import Evaluation
from evals.evidence import Evidence
from evals.gate import decide
from evals.metric import mean_metric
from evals.report.write import write_report


@pytest.fixture
def report(evaluation_of, tmp_path):
    """The markdown report of a decision on two guard tasks, on which so many answers are lost."""

    def make(lost, *rules):
        guards = {}
        for task, rows in (("reading", 300), ("science", 700)):
            guards[task] = {}
            for system in ("fine-tuned", "awq"):
                right = np.ones(rows)
                right[: lost if system == "awq" else 0] = 0
                frame = pd.DataFrame(
                    {
                        "id": [f"{task}-{i}" for i in range(rows)],
                        "cluster": [f"{task}-{i}" for i in range(rows)], "acc": right,
                        "prompt_digest": "p", "raw_output": "{}", "finish_reason": "stop",
                        "input_tokens": 0, "output_tokens": 0, "latency_s": 0.0,
                    }
                )  # fmt: skip
                metrics = (mean_metric("acc", binary=True),)
                guards[task][system] = Evaluation(
                    system, "e", task, f"sha256:{task}", metrics, frame
                )
        main = {s: evaluation_of(s, tp=np.full(100, 5)) for s in ("awq", "fine-tuned", "baseline")}
        named = {**{s: s for s in main}, **{f"{t}/{s}": s for t in guards for s in guards[t]}}
        comparison = Comparison(metric="exact_match", margin=0.05)
        policy = GateConfig(comparisons=(comparison,), guards=rules, resamples=1000)
        decision = decide(policy, ["awq"], Evidence(main, named, guards), seed=1)
        write_report(
            tmp_path, decision, main, sizes_bytes={}, guard_evaluations=guards,
            baseline_description="a big model", title="t", description="d",
        )  # fmt: skip
        return (tmp_path / "report.md").read_text()

    return make


def test_a_rejection_by_an_alarm_is_said_first_and_shown_per_task(report):
    text = report(6, PooledGuard())
    assert (
        "awq: pooled over 2 guard tasks: 12 of 1,000 answers lost, 0 gained against the fine-tuned "
        "model before quantization, which is more than chance explains." in text
    )
    assert "pooled no-significant-drop of acc on reading + science" in text
    assert "without a drop at p ≤ 0.05" in text
    assert "| reading | acc | 6 | 0 | -0.0200 | 300 rows, 300 documents |" in text
    assert "| together | acc | 12 | 0 | -0.0120 (" in text


def test_an_alarm_that_found_nothing_says_what_it_would_have_found(report):
    text = report(1, PooledGuard())
    assert "2 of 1,000 answers lost, 0 gained: ✓ holds; no significant drop" in text
    assert "points would be found with a chance of 80% from so many answers." in text
    assert "every other requirement holds" in text


def test_a_promise_shows_its_margin(report):
    text = report(1, PooledGuard(test="non-inferiority", margin=0.02))
    assert "✓ holds at a margin of 0.02; p of any drop 0.2500" in text
    assert "pooled non-inferiority of acc on reading + science" in text


def test_without_such_a_rule_nothing_is_said(report):
    assert "Guard tasks together" not in report(1)
