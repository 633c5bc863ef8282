"""Logs of lm-evaluation-harness, written by its own command line in this test."""

import json
import shutil
import sys

import pytest
from lm_eval.__main__ import cli_evaluate
from lm_eval.loggers.utils import add_env_info

from configs.errors import EvidenceError
from evals.harness.tasks import SHIPPED
from evals.logs.as_evaluation import as_evaluation
from evals.logs.find import read_log
from evals.stats.totals import metric_value

LIMIT = 6
MODEL = SHIPPED.parent / "models" / "tiny-clinical"
TASK = """
task: {name}
custom_dataset: !function evals.harness.jsonl_dataset.beside_task
dataset_kwargs: {{file: notes.jsonl}}
test_split: test
doc_to_text: "{{{{note}}}}\\n{{{{question}}}}"
"""
CHOOSE = """
output_type: multiple_choice
doc_to_target: answer
doc_to_choice: choices
metric_list:
  - {metric: acc, aggregation: mean, higher_is_better: true}
  - {metric: mcc}
"""
WRITE = """
output_type: generate_until
doc_to_target: "{{choices[answer]}}"
generation_kwargs: {until: ["\\n"], max_gen_toks: 12, do_sample: false}
filter_list:
  - name: whole
    filter: [{function: take_first}]
  - name: first-word
    filter: [{function: regex, regex_pattern: '(\\w+)'}, {function: take_first}]
metric_list:
  - {metric: exact_match, aggregation: mean, higher_is_better: true, ignore_case: true}
  - {metric: bleu, aggregation: bleu, higher_is_better: true}
"""


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Output directories of two runs: asked as a chat, and as plain text."""
    tasks = tmp_path_factory.mktemp("tasks")
    rows = (SHIPPED / "note-reading.jsonl").read_text().splitlines()[: LIMIT + 4]
    (tasks / "notes.jsonl").write_text("\n".join(rows))
    for name, kind in {"choosing": CHOOSE, "writing": WRITE}.items():
        (tasks / f"{name}.yaml").write_text(TASK.format(name=name) + kind)
    outputs = {}
    with pytest.MonkeyPatch.context() as patch:
        # Standard errors of corpus metrics take minutes, and nothing here reads them.
        patch.setattr("lm_eval.api.metrics.bootstrap_stderr", lambda f, xs, iters: 0.0)
        # A log says which version wrote it; tests of the harness leave that out of theirs.
        patch.setattr("lm_eval.evaluator.add_env_info", add_env_info)
        for name, options in {"chat": ["--apply_chat_template"], "plain": []}.items():
            outputs[name] = tmp_path_factory.mktemp(name)
            patch.setattr(
                sys, "argv",
                ["lm_eval", "run", "--model", "hf", "--model_args",
                 f"pretrained={MODEL},dtype=float32", "--tasks", "choosing", "writing",
                 "--include_path", str(tasks), "--device", "cpu", "--limit", str(LIMIT),
                 "--output_path", str(outputs[name]), "--log_samples", *options],
            )  # fmt: skip
            cli_evaluate()
    return outputs


@pytest.fixture
def run(runs, tmp_path):
    """A copy of the run as a chat that a test may damage."""
    return shutil.copytree(runs["chat"], tmp_path / "run")


def results_of(directory):
    return json.loads(next(directory.rglob("results_*")).read_text())


def samples_of(directory, task="choosing"):
    return next(directory.rglob(f"samples_{task}_*"))


def test_scores_equal_those_that_lm_eval_printed(runs):
    for task, metrics in {
        "choosing": {"acc": "acc,none"},
        "writing": {
            "exact_match.whole": "exact_match,whole",
            "exact_match.first-word": "exact_match,first-word",
        },
    }.items():
        imported = as_evaluation(read_log(runs["chat"], task))
        evaluation = imported.evaluation
        assert {
            m.name: pytest.approx(metric_value(evaluation.frame, m)) for m in evaluation.metrics
        } == {name: results_of(runs["chat"])["results"][task][key] for name, key in metrics.items()}
        assert set(evaluation.frame["input_tokens"]) == {0}


def test_metrics_of_a_whole_corpus_are_left_out_and_named(runs):
    assert "mcc" in as_evaluation(read_log(runs["chat"], "choosing")).left_out
    left_out = as_evaluation(read_log(runs["chat"], "writing")).left_out
    assert set(left_out) == {"bleu.whole", "bleu.first-word"}
    assert "by bleu" in left_out["bleu.whole"]


def test_two_runs_pair_whatever_the_prompt_around_the_question(runs):
    ours, theirs = (as_evaluation(read_log(r, "choosing")).evaluation for r in runs.values())
    assert ours.data_digest == theirs.data_digest
    columns = ["id", "cluster", "text_digest"]
    assert ours.frame[columns].equals(theirs.frame[columns])
    assert not ours.frame["prompt_digest"].equals(theirs.frame["prompt_digest"])


def test_documents_may_be_named_by_a_field_of_the_question(runs):
    log = read_log(runs["chat"], "choosing")
    kinds = {json.loads(line)["doc"]["kind"] for line in samples_of(runs["chat"]).open()}
    assert set(as_evaluation(log, cluster="doc.kind").evaluation.frame["cluster"]) == kinds


def test_several_tasks_are_listed(runs):
    with pytest.raises(
        EvidenceError, match=r"one task, got choosing, writing\. Choose with --task"
    ):
        read_log(runs["chat"])


def test_a_file_of_samples_names_its_task(runs):
    assert read_log(samples_of(runs["chat"], "writing")).task == "writing"


def test_results_without_samples_are_refused(run):
    samples_of(run).unlink()
    with pytest.raises(EvidenceError, match="expected the samples of choosing beside it"):
        read_log(run, "choosing")


def test_samples_without_results_are_refused(run):
    next(run.rglob("results_*")).unlink()
    with pytest.raises(
        EvidenceError, match=r"lacks the results_.*json that belongs to samples_choosing"
    ):
        read_log(run)
    with pytest.raises(EvidenceError, match="expected the results file of its run beside it"):
        read_log(samples_of(run))


def rewritten(change):
    def write(path):
        lines = [json.loads(line) for line in path.open()]
        path.write_text("".join(json.dumps(line) + "\n" for line in change(lines)))

    return write


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda p: p.write_text(p.read_text()[:-40]), r"line 6: .* cut off or damaged"),
        (lambda p: p.write_text(""), "got an empty file"),
        (rewritten(lambda lines: lines[:-1]), "expected the 6 questions that the run asked, got 5"),
        (rewritten(lambda lines: [*lines, lines[2]]), r"several of doc_id 2 \(none\)"),
        (rewritten(lambda lines: [*lines[:-1], lines[-1] | {"metrics": ["f1"]}]), "Two tasks were mixed"),
        (rewritten(lambda lines: lines[::-1]), "samples whose hash the results file has, got others"),
        (rewritten(lambda lines: [{"doc_id": 1}]), "without arguments, doc, filter"),
    ],
)  # fmt: skip
def test_samples_that_are_not_those_of_the_run_are_refused(run, damage, message):
    damage(samples_of(run))
    with pytest.raises(EvidenceError, match=message):
        read_log(run, "choosing")


@pytest.mark.parametrize(
    ("score", "message"), [("NaN", r"of 1: 0 \(no score of acc\)"), ("7", r"such as 7 of 0")]
)
def test_scores_that_are_none_or_leave_the_range_are_refused(run, score, message):
    path = samples_of(run)
    first, rest = path.read_text().split("\n", 1)
    changed = json.dumps(json.loads(first) | {"acc": float(score)})
    path.write_text(f"{changed}\n{rest}")
    with pytest.raises(EvidenceError, match=message):
        as_evaluation(read_log(run, "choosing"))


def test_an_unknown_version_is_refused(run):
    path = next(run.rglob("results_*"))
    path.write_text(json.dumps(results_of(run) | {"lm_eval_version": "0.5.0"}))
    with pytest.raises(EvidenceError, match=r"0\.4\.x, got one of 0\.5\.0"):
        read_log(run, "choosing")
