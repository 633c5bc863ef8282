import json

import pytest

from configs.errors import DataError
from configs.load import load_task
from finetune.data import read_rows, write_rows
from finetune.distillation.answers import Answer
from finetune.distillation.taught_rows import require_enough, taught_rows

TASK = load_task("clinical-notes")
GOOD = json.dumps(
    {"medications": [], "problems": ["gout"], "allergies": [], "adverse_events": []}
)  # fmt: skip
DOCUMENTS = [{"id": f"r{i}", "doc_id": f"d{i}", "text": f"note {i}"} for i in range(4)]


def taught(texts, agreement=1):
    answers = [[Answer(text) for text in samples] for samples in texts]
    digests = [f"sha256:{i}" for i in range(len(texts))]
    return taught_rows(DOCUMENTS[: len(texts)], answers, digests, TASK, "big model", agreement)


def test_kept_rows_are_rows_of_the_task_with_their_origin(tmp_path):
    found = taught([[GOOD], ["prose"], [GOOD]])
    write_rows(found.rows, tmp_path / "train.jsonl")
    rows = read_rows(tmp_path / "train.jsonl", TASK, skip_bad_rows=False).rows
    assert [row.id for row in rows] == ["r0", "r2"]
    assert rows[1].target["problems"] == ["gout"]
    assert rows[1].extra["taught_by"] == {
        "teacher": "big model", "prompt_digest": "sha256:2", "agreed": 1, "samples": 1,
    }  # fmt: skip


def test_what_is_left_out_is_named_and_counted():
    found = taught([[GOOD] * 3, ["prose", GOOD, "[]"], ["prose"] * 3], agreement=2)
    assert [(out.id, out.reason) for out in found.left_out] == [
        ("r1", "unreadable"), ("r2", "unreadable"),
    ]  # fmt: skip
    assert found.reasons == {"unreadable": 2}
    assert found.rows[0].extra["taught_by"]["agreed"] == 3


def test_too_few_usable_answers_are_refused_with_the_reasons():
    found = taught([[GOOD], ["prose"], ["[]"], ["prose"]])
    require_enough(found, 0.25, "distillation x")
    with pytest.raises(
        DataError, match=r"at least 0\.5 of 4 rows, got 1 \(1 breaks the task, 2 unreadable\)"
    ):
        require_enough(found, 0.5, "distillation x")


def test_no_usable_answer_at_all_is_always_refused():
    with pytest.raises(DataError, match="got 0"):
        require_enough(taught([["prose"]]), 0.0, "distillation x")
