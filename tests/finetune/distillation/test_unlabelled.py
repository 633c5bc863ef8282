import json
from pathlib import Path

import pytest

from configs.data import FileData, SyntheticNotes
from configs.distillation import UnlabelledFile, UnlabelledSynthetic
from configs.errors import DataError
from configs.load import load_task
from finetune.data import write_rows
from finetune.distillation.unlabelled import (
    gold_rows,
    labelled_rows,
    read_unlabelled,
    require_apart,
    sample_of_documents,
)
from finetune.splits import load_splits

TASK = load_task("clinical-notes")


@pytest.fixture
def documents(tmp_path):
    """Read a file of these rows."""

    def read(rows, skip_bad=False):
        path = tmp_path / "documents.jsonl"
        path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
        return read_unlabelled(UnlabelledFile(kind="file", path=str(path)), TASK, skip_bad)

    return read


def test_a_label_is_ignored_and_a_document_is_its_own_unless_named(documents):
    rows = [
        {"id": "a", "text": "x", "target": {"wrong": 1}},
        {"id": "b", "doc_id": "d", "text": "y"},
    ]
    assert documents(rows) == [
        {"id": "a", "doc_id": "a", "text": "x"}, {"id": "b", "doc_id": "d", "text": "y"},
    ]  # fmt: skip


def test_generated_documents_come_without_their_answers():
    made = UnlabelledSynthetic(kind="synthetic", generator="message-triage", documents=5, seed=3)
    rows = read_unlabelled(made, load_task("message-triage"), False)
    assert len(rows) >= 5
    assert all("target" not in row and row["text"] for row in rows)


def test_rows_that_cannot_be_asked_are_named_or_left_out(documents):
    rows = [{"id": "a", "text": "x"}, {"id": "b"}, {"text": "no id"}]
    with pytest.raises(DataError, match=r"(?s)2 bad rows.*line 2, text: .*line 3, id: "):
        documents(rows)
    assert [row["id"] for row in documents(rows, skip_bad=True)] == ["a"]


def test_an_id_that_repeats_is_refused(documents):
    with pytest.raises(DataError, match="expected a unique id, got 'a' again"):
        documents([{"id": "a", "text": "x"}, {"id": "a", "text": "y"}])


def test_no_documents_are_refused(documents):
    with pytest.raises(DataError, match="expected at least one document"):
        documents([])


def test_a_sample_takes_whole_documents_and_is_the_same_for_a_seed():
    rows = [{"id": f"{d}-{n}", "doc_id": f"d{d}"} for d in range(20) for n in range(2)]
    sample = sample_of_documents(rows, 5, seed=1)
    assert len(sample) == 10
    assert sample == sample_of_documents(rows, 5, seed=1)
    assert sample != sample_of_documents(rows, 5, seed=2)
    assert sample_of_documents(rows, None, seed=1) == rows


def test_gold_rows_are_those_that_the_lifecycle_itself_would_use(tmp_path):
    notes = SyntheticNotes(train_documents=3, validation_documents=2, test_documents=4, seed=5)
    splits = load_splits(notes, TASK, False, 17)
    assert gold_rows(labelled_rows(notes, "test", TASK, False), notes, "test", 17) == splits.test
    paths = {s: str(tmp_path / f"{s}.jsonl") for s in ("train", "validation", "test")}
    for split, path in paths.items():
        write_rows(getattr(splits, split), Path(path))
    files = FileData(kind="files", **paths, max_test_rows=4)
    every = labelled_rows(files, "test", TASK, False)
    used = gold_rows(every, files, "test", 17)
    assert used == load_splits(files, TASK, False, 17).test
    assert len(used) < len(every)


def test_a_document_of_the_test_set_is_refused_before_anybody_is_asked():
    notes = SyntheticNotes(train_documents=1, validation_documents=2, test_documents=4, seed=5)
    validation, test = (labelled_rows(notes, s, TASK, False) for s in ("validation", "test"))
    apart = [{"id": "new", "doc_id": "new", "text": "nothing like it"}]
    require_apart(apart, validation, test, TASK)
    leaked = [{"id": "new", "doc_id": "new", "text": f" {test[0].text.upper()}"}]
    with pytest.raises(DataError, match="expected no document in both"):
        require_apart(leaked, validation, test, TASK)
    same_id = [{**apart[0], "id": validation[0].id}]
    with pytest.raises(DataError, match="expected ids that no validation or test row has"):
        require_apart(same_id, validation, test, TASK)
