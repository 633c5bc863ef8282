"""The scores are those of lm_eval's own command line for the same weights."""

import json
import subprocess
import sys

import lm_eval
import pytest
from lm_eval.tasks import TaskManager

from configs.harness import HarnessTask
from evals.harness.evaluate import evaluate_harness_task
from evals.stats.estimates import estimate

LIMIT = 8


@pytest.fixture(scope="module")
def command_line(tasks_dir, tiny_dir, tmp_path_factory):
    """Results and samples that `lm_eval run` wrote."""
    output = tmp_path_factory.mktemp("lm_eval")
    subprocess.run(
        [sys.executable, "-m", "lm_eval", "run", "--model", "hf",
         "--model_args", f"pretrained={tiny_dir},dtype=float32", "--tasks", "note-writing",
         "by-task", "--include_path", str(tasks_dir), "--device", "cpu", "--limit", str(LIMIT),
         "--apply_chat_template", "--output_path", str(output), "--log_samples"],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    samples = {
        name: [json.loads(line) for line in next(output.rglob(f"samples_{name}_*")).open()]
        for name in ("note-writing", "part-a")
    }
    return json.loads(next(output.rglob("results_*")).read_text())["results"], samples


@pytest.fixture(scope="module")
def asked(tiny, tasks_dir):
    """Evaluate one of the tasks, as the command line does."""

    def ask(name, **settings):
        task = HarnessTask(
            task=str(tasks_dir / f"{name}.yaml"), limit=LIMIT, apply_chat_template=True, **settings
        )
        return evaluate_harness_task(tiny, task, system="base")

    return ask


def printed(value):
    """A score as lm_eval's table shows it."""
    return f"{value:.4f}"


def scores(evaluation):
    return {m.name: printed(estimate(evaluation, m.name).value) for m in evaluation.metrics}


def test_generation_scores_equal_those_of_the_command_line(asked, command_line):
    results, samples = command_line
    evaluation = asked("note-writing")
    of_cli = results["note-writing"]
    assert scores(evaluation) == {
        "exact_match.whole": printed(of_cli["exact_match,whole"]),
        "exact_match.first-word": printed(of_cli["exact_match,first-word"]),
    }
    texts = {str(s["doc_id"]): s["resps"] for s in samples["note-writing"]}
    for row, raw in zip(evaluation.frame["id"], evaluation.frame["raw_output"], strict=True):
        assert json.loads(raw)["responses"] == texts[row.rpartition("-")[2]]


def test_multiple_choice_scores_and_likelihoods_equal_those_of_the_command_line(
    asked, command_line
):
    results, samples = command_line
    evaluation = asked("part-a")
    assert scores(evaluation) == {
        name: printed(results["part-a"][f"{name},none"]) for name in ("acc", "acc_norm")
    }
    for sample, raw in zip(samples["part-a"], evaluation.frame["raw_output"], strict=True):
        # lm_eval writes the numbers of its samples as strings.
        of_cli = [float(answer[0]) for ((answer),) in sample["resps"]]
        assert [answer[0] for ((answer),) in json.loads(raw)["responses"]] == of_cli


def test_mean_over_the_tasks_of_a_group_equals_that_of_the_command_line(asked, command_line):
    results, _ = command_line
    evaluation = asked("by-task")
    assert scores(evaluation) == {"acc": printed(results["by-task"]["acc,none"])}


def test_mean_over_the_questions_of_a_group_equals_that_of_lm_eval(asked, tasks_dir, tiny_dir):
    evaluation = asked("by-question")
    of_lm_eval = lm_eval.simple_evaluate(
        model="hf", model_args=f"pretrained={tiny_dir},dtype=float32", device="cpu",
        tasks=["by-question"], limit=LIMIT, apply_chat_template=True, bootstrap_iters=0,
        task_manager=TaskManager(include_path=str(tasks_dir), include_defaults=False),
    )["results"]  # fmt: skip
    assert scores(evaluation) == {"acc": printed(of_lm_eval["by-question"]["acc,none"])}
    assert of_lm_eval["part-a"]["acc,none"] != of_lm_eval["part-b"]["acc,none"]
    assert evaluation.frame["slice.task"].value_counts().to_dict() == {"part-a": 8, "part-b": 5}
