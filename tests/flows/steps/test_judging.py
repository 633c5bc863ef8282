"""What the report says about a judge, from what every system's evaluation kept."""

from evals.judge.scorer import JudgeScorer, judged
from flows.step_cache import StepOutcome
from flows.steps.judging import judge_section, write_judge_report
from tests.evals.judge.conftest import (  # noqa: F401
    config_of,
    engine_of,
    judge_that,
    labels_of,
    rubric,
)


def test_the_judges_section_has_the_mean_of_every_system(
    judge_that,  # noqa: F811
    labels_of,  # noqa: F811
    evaluation_of,
    tmp_path,
):
    labels = tmp_path / "labels.jsonl"
    labels.write_text("".join(f"{label.model_dump_json()}\n" for label in labels_of(40)[::2]))
    judge, _ = judge_that(human_labels=str(labels))
    scorer = JudgeScorer(judge.config, judge.engine)
    rows = [{"id": f"r{i}", "text": f"note {i}", "target": "gold"} for i in range(10)]
    outcomes = {}
    for system, quality in (("baseline", 2), ("awq", 3)):
        evaluation = evaluation_of(system, tp=[1] * 10)
        evaluation.frame["raw_output"] = [f"quality {quality} of {i}" for i in range(10)]
        directory = tmp_path / system
        directory.mkdir()
        write_judge_report(scorer, judged(evaluation, rows, scorer), directory)
        outcomes[system] = StepOutcome(
            step="evaluate", files=directory, digest="sha256:d", result={}, reused=False, seconds=0
        )
    section = judge_section(outcomes)
    assert "Agreement with people" in section
    assert "| baseline | quality |  | 0.500" in section
    assert "| awq | quality |  | 0.750" in section


def test_without_a_judge_there_is_no_section(tmp_path):
    plain = StepOutcome(
        step="evaluate", files=tmp_path, digest="sha256:d", result={}, reused=False, seconds=0
    )
    assert judge_section({"baseline": plain, "awq": plain}) is None
