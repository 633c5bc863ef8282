"""What the report says about a judge, from what every system's evaluation kept."""

import shutil

from configs.judge import JudgeConfig, load_rubric
from configs.lifecycle import EvaluationConfig
from configs.named_files import SHIPPED
from evals.judge.scorer import JudgeScorer, judged
from flows.step_cache import StepOutcome
from flows.steps.judging import judge_section, judging_inputs, write_judge_report
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


def test_scores_by_local_weights_are_of_those_bytes_and_of_that_precision(tmp_path):
    directory = tmp_path / "judge"
    shutil.copytree(SHIPPED / "models" / "tiny-clinical", directory)
    judge = JudgeConfig(
        model={"kind": "local", "source": f"file://{directory}"},
        rubric=load_rubric("summary-faithfulness"),
        allow_uncalibrated=True,
    )
    first = judging_inputs(judge, EvaluationConfig())
    assert judging_inputs(judge, EvaluationConfig()) == first
    assert judging_inputs(judge, EvaluationConfig(dtype="bfloat16")) != first
    (directory / "generation_config.json").write_text("{}")
    assert judging_inputs(judge, EvaluationConfig()) != first
    assert judging_inputs(None, EvaluationConfig()) is None
