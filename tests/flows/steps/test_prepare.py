"""What the step says of rows of every kind, and from where it takes them."""

import pytest

from configs.data import FileData, HubData, SyntheticNotes
from configs.load import load_task
from finetune.data import Row, row_from_mapping
from finetune.synthetic.generators import generate_rows
from flows.steps.prepare import content_digests, located, target_counts

EMPTY = {"medications": [], "problems": [], "allergies": [], "adverse_events": []}


def counts(name, rows):
    return target_counts(load_task(name), rows)


def test_extraction_counts_items_per_field():
    rows = [Row("a", "d", "x", EMPTY | {"problems": ["gout", "fever"]}), Row("b", "d", "x", EMPTY)]
    assert counts("clinical-notes", rows) == {
        "medications": 0, "problems": 2, "allergies": 0, "adverse_events": 0,
    }  # fmt: skip
    assert counts("phee", [Row("a", "d", "x", {"drug": ["x"]})])["drug"] == 1


def test_classification_counts_rows_per_label_those_without_rows_too():
    rows = [
        Row(str(n), "d", "x", target) for n, target in enumerate(["urgent", "urgent", "routine"])
    ]
    assert counts("message-triage", rows) == {
        "emergency": 0, "urgent": 2, "routine": 1, "medication": 0, "administrative": 0,
    }  # fmt: skip


def test_summaries_are_counted_in_words():
    rows = [Row("a", "d", "x", "Two words."), Row("b", "d", "x", "And three more.")]
    assert counts("discharge-summary", rows) == {"words of summaries": 5}


def test_questions_are_counted_by_whether_they_have_an_answer():
    task = load_task("guideline-qa")
    contents = list(generate_rows("guideline-qa", "test", 20, 3))
    rows = [row_from_mapping(content, task) for content in contents]
    answerable = sum(content["answerable"] for content in contents)
    assert counts("guideline-qa", rows) == {
        "answerable": answerable, "unanswerable": len(rows) - answerable,
    }  # fmt: skip


@pytest.fixture
def data_directory(tmp_path, monkeypatch):
    monkeypatch.setenv("PAWL_DATA", str(tmp_path))
    return tmp_path


def test_relative_files_and_directories_are_below_the_data_directory(data_directory):
    files = FileData(
        kind="files", train="a.jsonl", validation="/elsewhere/b.parquet", test="c.jsonl"
    )
    assert located(files).train == str(data_directory / "a.jsonl")
    assert located(files).validation == "/elsewhere/b.parquet"
    local = HubData(kind="hub", dataset="file://sets/phee")
    assert located(local).directory == str(data_directory / "sets" / "phee")


@pytest.mark.parametrize(
    "data",
    [SyntheticNotes(), HubData(kind="hub", dataset="org/name", revision="0123abcd")],
    ids=["synthetic", "hub"],
)
def test_what_stands_in_no_file_here_is_left_as_it_is(data_directory, data):
    assert located(data) == data
    assert content_digests(data) == {}


def test_a_changed_or_missing_file_changes_what_the_step_depends_on(data_directory):
    directory = data_directory / "set"
    directory.mkdir()
    local = located(HubData(kind="hub", dataset="file://set"))
    seen = [content_digests(local)]
    for text in ("one", "two"):
        (directory / "train.jsonl").write_text(text)
        seen.append(content_digests(local))
    assert len({found["dataset"] for found in seen}) == 3
    files = located(FileData(kind="files", train="set/train.jsonl", validation="v", test="t"))
    found = content_digests(files)
    assert found["train"].startswith("sha256:")
    assert (found["validation"], found["test"]) == (None, None)
