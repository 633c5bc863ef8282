"""Harness tasks as evaluations: rows, clusters, digests, and what is refused."""

import json

import pytest

from configs.errors import ConfigError, EvidenceError
from configs.harness import HarnessTask
from evals.evaluation import read_evaluation, write_evaluation
from evals.harness.evaluate import evaluate_harness_task
from evals.stats.estimates import estimate


@pytest.fixture(scope="module")
def ask(tiny, tasks_dir):
    def evaluate(name, **settings):
        return evaluate_harness_task(
            tiny, HarnessTask(task=str(tasks_dir / f"{name}.yaml"), **settings), system="base"
        )

    return evaluate


def test_base_model_can_read_notes_so_that_forgetting_shows(tiny):
    asked = HarnessTask(task="note-reading", limit=60, apply_chat_template=True, slices=("kind",))
    evaluation = evaluate_harness_task(tiny, asked, system="base")
    assert estimate(evaluation, "acc").low > 0.8
    assert evaluation.metric("acc").binary
    assert evaluation.frame["slice.kind"].value_counts().to_dict() == dict.fromkeys(
        ("dose", "route", "drugs", "conditions", "allergies", "side_effects"), 10
    )


def test_the_answer_of_each_question_is_kept(ask):
    evaluation = ask("part-a")
    raw = json.loads(evaluation.frame["raw_output"][0])
    likelihoods = [answer[0][0] for answer in raw["responses"]]
    assert len(likelihoods) == 4 and all(value < 0 for value in likelihoods)
    assert raw["filtered"]["none"] == [answer[0] for answer in raw["responses"]]
    best = likelihoods.index(max(likelihoods))
    assert evaluation.frame["acc"][0] == float(best == raw["target"])
    assert evaluation.frame["id"].is_unique and evaluation.clusters == evaluation.rows == 11


def test_primary_metric_comes_first(ask):
    assert [m.name for m in ask("part-a", limit=2).metrics] == ["acc", "acc_norm"]
    asked_for = ask("part-a", limit=2, metric="acc_norm")
    assert [m.name for m in asked_for.metrics] == ["acc_norm", "acc"]


def test_cluster_field_groups_questions(ask):
    evaluation = ask("part-a", cluster_field="patient")
    assert (evaluation.rows, evaluation.clusters) == (11, 6)


def test_unknown_field_is_refused_with_the_fields_there_are(ask):
    with pytest.raises(EvidenceError, match=r"expected field 'person'.*patient"):
        ask("part-a", limit=1, cluster_field="person")


def test_evaluation_survives_being_written_and_read(ask, tmp_path):
    evaluation = ask("by-task", limit=2)
    write_evaluation(evaluation, tmp_path)
    again = read_evaluation(tmp_path, "base")
    assert again.metrics == evaluation.metrics
    assert again.frame.equals(evaluation.frame)
    assert estimate(again, "acc") == estimate(evaluation, "acc")


def test_same_questions_have_the_same_digest_and_others_do_not(ask, tasks_dir, tmp_path):
    digest = ask("part-a", limit=2).data_digest
    assert ask("part-a", limit=2).data_digest == digest
    assert ask("part-a", limit=3).data_digest != digest
    assert ask("part-a", limit=2, num_fewshot=0).data_digest != digest
    assert ask("part-a", limit=2, apply_chat_template=True).data_digest != digest


def test_digest_follows_the_prompt_and_the_answers_but_not_the_place(
    ask, tiny, tasks_dir, tmp_path
):
    digest = ask("part-a", limit=2).data_digest
    yaml = (tasks_dir / "part-a.yaml").read_text()
    rows = (tasks_dir / "a.jsonl").read_text()

    def moved(yaml, rows):
        (tmp_path / "part-a.yaml").write_text(yaml)
        (tmp_path / "a.jsonl").write_text(rows)
        asked = HarnessTask(task=str(tmp_path / "part-a.yaml"), limit=2)
        return evaluate_harness_task(tiny, asked, system="base").data_digest

    assert moved(yaml, rows) == digest
    assert moved(yaml.replace("{{note}}", "Note: {{note}}"), rows) != digest
    first = json.loads(rows.split("\n")[0])
    other = json.dumps({**first, "answer": (first["answer"] + 1) % 4})
    assert moved(yaml, "\n".join([other, *rows.split("\n")[1:]])) != digest


def test_nothing_reaches_the_terminal(ask, capfd):
    ask("part-a", limit=2)
    assert capfd.readouterr() == ("", "")


def test_perplexity_cannot_be_gated_on(ask):
    with pytest.raises(EvidenceError, match=r"mean of values in \[0, 1\].*word_perplexity: it is"):
        ask("note-surprise", limit=2)


def test_own_scores_count_if_they_lie_between_0_and_1(tiny, tasks_dir, tmp_path):
    (tmp_path / "scoring.py").write_text(
        "def score(doc, results):\n"
        "    return {'wordless': float(not results[0].split()), 'letters': float(len(doc['note']))}"
    )
    text = (tasks_dir / "note-writing.yaml").read_text()
    head, tail = text[: text.index("filter_list")], text[text.index("custom_dataset") :]
    (tmp_path / "own.yaml").write_text(
        f"{head}process_results: !function scoring.score\nmetric_list:\n"
        "  - {metric: wordless, aggregation: mean, higher_is_better: false}\n"
        f"  - {{metric: letters, aggregation: mean, higher_is_better: true}}\n{tail}"
    )
    (tmp_path / "a.jsonl").write_text((tasks_dir / "a.jsonl").read_text())
    asked = HarnessTask(task=str(tmp_path / "own.yaml"), limit=2)
    (metric,) = evaluate_harness_task(tiny, asked, system="base").metrics
    assert (metric.name, metric.higher_is_better, metric.binary) == ("wordless", False, True)
    with pytest.raises(EvidenceError, match=r"letters', but its values leave \[0, 1\]"):
        evaluate_harness_task(tiny, asked.model_copy(update={"metric": "letters"}), system="base")


def test_metric_that_is_not_measured_is_refused_with_those_that_are(ask):
    with pytest.raises(EvidenceError, match="one of acc, acc_norm, got 'f1'"):
        ask("part-a", limit=2, metric="f1")


def test_examples_for_a_task_that_allows_none_are_refused(tiny, tasks_dir, tmp_path):
    text = (tasks_dir / "part-a.yaml").read_text().replace("num_fewshot: 1", "num_fewshot: 0")
    (tmp_path / "part-a.yaml").write_text(text)
    (tmp_path / "a.jsonl").write_text((tasks_dir / "a.jsonl").read_text())
    asked = HarnessTask(task=str(tmp_path / "part-a.yaml"), num_fewshot=2)
    with pytest.raises(ConfigError, match="allows no examples"):
        evaluate_harness_task(tiny, asked, system="base")


@pytest.mark.parametrize(
    ("key", "problem"), [("unsafe_code: true", "runs no code"), ("doc_to_image: note", "pictures")]
)
def test_tasks_that_run_code_or_show_pictures_are_refused(key, problem, tiny, tasks_dir, tmp_path):
    (tmp_path / "part-a.yaml").write_text(f"{(tasks_dir / 'part-a.yaml').read_text()}{key}\n")
    (tmp_path / "a.jsonl").write_text((tasks_dir / "a.jsonl").read_text())
    with pytest.raises(ConfigError, match=problem):
        evaluate_harness_task(tiny, HarnessTask(task=str(tmp_path / "part-a.yaml")), system="base")
