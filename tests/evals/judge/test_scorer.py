import json

import pytest

from configs.errors import EvidenceError
from configs.load import load_task
from evals.judge.scorer import JudgeScorer, judged, reference_text
from evals.stats.estimates import estimate
from tests.evals.judge.conftest import honest, judgement

TASK = load_task("clinical-notes")


@pytest.fixture
def scorer_that(judge_that, labels_of, tmp_path):
    """A scorer with a store, examined on labels unless these are None, and its server."""

    def make(think=honest, labels=None, role="candidate", **changes):
        if labels:
            path = tmp_path / "labels.jsonl"
            path.write_text("".join(f"{label.model_dump_json()}\n" for label in labels))
            changes["human_labels"] = str(path)
        judge, server = judge_that(think, **changes)
        return JudgeScorer(judge.config, judge.engine, store=tmp_path / "store", role=role), server

    return make


def rows(count):
    return [{"id": f"r{i}", "text": f"note {i}", "target": "gold"} for i in range(count)]


def test_an_evaluation_gets_columns_and_metrics_that_can_be_estimated(
    scorer_that, labels_of, evaluation_of
):
    scorer, _ = scorer_that(labels=labels_of(40)[::2])
    evaluation = evaluation_of(tp=[1] * 10)
    answers = [f"quality {i % 5}" for i in range(10)]
    evaluation.frame["raw_output"] = answers
    found = judged(evaluation, rows(10)[::-1], scorer)
    assert found.frame["judge.quality"].tolist() == [i % 5 / 4 for i in range(10)]
    assert found.metrics[: len(evaluation.metrics)] == evaluation.metrics
    assert estimate(found, "judge").value == 0.5
    assert estimate(found, "judge.unreadable").value == 0
    again = judged(found, rows(10), scorer)
    assert again.frame.equals(found.frame)
    assert again.metrics == found.metrics


def test_the_judge_is_examined_before_it_is_asked_about_any_answer(scorer_that, labels_of):
    scorer, server = scorer_that(lambda texts: judgement(2), labels_of(40)[::2])
    with pytest.raises(EvidenceError, match="kappa of quality"):
        scorer.score_all(["quality 1"], rows(1), TASK)
    assert not any("note 0" in prompt for prompt in server.prompts)
    assert scorer.report.refusals
    assert len(scorer.labels) == 40


def test_it_is_examined_and_asked_only_once(scorer_that, labels_of, tmp_path):
    scorer, server = scorer_that(labels=labels_of(40)[::2])
    first = scorer.score_all(["quality 1", "quality 3"], rows(2), TASK)
    asked = len(server.prompts)
    later = JudgeScorer(
        scorer.config, scorer.judge.engine, store=scorer.judge._store.directory.parent
    )
    assert later.score_all(["quality 1", "quality 3"], rows(2), TASK) == first
    assert len(server.prompts) == asked


def test_it_is_a_scorer_like_any_other(scorer_that):
    scorer, server = scorer_that(input="{text} ({id})")
    columns = scorer.score_all(["quality 4"], rows(1), TASK)
    assert set(columns[0]) == {c for metric in scorer.metrics(TASK) for c in metric.columns}
    assert scorer.row_fields(TASK) == ("text", "id")
    assert "note 0 (r0)" in server.prompts[0]


def test_an_unreadable_judgement_of_a_reference_counts_for_it(scorer_that):
    scorer, _ = scorer_that(
        lambda texts: "?" if texts[0] == "note 1" else honest(texts), role="reference",
        unreadable_tolerance=0.4,
    )  # fmt: skip
    columns = scorer.score_all(["quality 0"] * 3, rows(3), TASK)
    assert [line["judge"] for line in columns] == [0, 1, 0]
    assert [line["judge.unreadable"] for line in columns] == [False, True, False]


@pytest.mark.parametrize(
    ("target", "text"),
    [("gold", "gold"), ({"answer": "gold", "aliases": ["g"]}, "gold"), (None, ""),
     ({"b": ["é"], "a": []}, json.dumps({"b": ["é"], "a": []}, ensure_ascii=False))],
)  # fmt: skip
def test_the_reference_is_shown_as_text(target, text):
    assert reference_text({"target": target}) == text
