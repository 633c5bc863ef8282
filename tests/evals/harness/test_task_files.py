"""Which files kept scores of a task depend on."""

from evals.harness.task_files import task_files
from evals.harness.tasks import SHIPPED

TASK = """
task: mine
include: common.yaml
custom_dataset: !function reading.questions
dataset_kwargs: {file: questions.jsonl}
doc_to_text: "{{question}}"
"""


def names(reference):
    return [path.name for path in task_files(str(reference))]


def test_a_task_file_brings_everything_that_it_names(tmp_path, monkeypatch):
    monkeypatch.delenv("PAWL_DATA", raising=False)
    monkeypatch.chdir(tmp_path)
    place = tmp_path / "tasks"
    place.mkdir()
    (place / "mine.yaml").write_text(TASK)
    (place / "common.yaml").write_text("dataset_path: json\nmetadata: {extra: more.jsonl}\n")
    for name in ("reading.py", "questions.jsonl", "more.jsonl", "unrelated.txt"):
        (place / name).write_text("x")
    wanted = ["common.yaml", "mine.yaml", "more.jsonl", "questions.jsonl", "reading.py"]
    assert names(place / "mine.yaml") == wanted
    assert names(place) == [*wanted, "unrelated.txt"]


def test_questions_below_the_data_directory_count_by_that_directory(tmp_path, monkeypatch):
    (tmp_path / "arc_easy").mkdir()
    (tmp_path / "arc_easy" / "test.jsonl").write_text("{}")
    (tmp_path / "other.jsonl").write_text("{}")
    monkeypatch.setenv("PAWL_DATA", str(tmp_path))
    assert set(names("arc-easy-500")) == {"test.jsonl", "arc-easy-500.yaml"}


def test_a_shipped_task_brings_its_own_questions_alone():
    assert task_files("note-reading") == [
        SHIPPED / "note-reading.jsonl",
        SHIPPED / "note-reading.yaml",
    ]


def test_a_task_of_lm_eval_has_no_files_here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert task_files("hellaswag") == []
    assert task_files("absent.yaml") == []


def test_malformed_yaml_is_left_to_the_evaluation_to_complain_of(tmp_path):
    (tmp_path / "broken.yaml").write_text("task: [")
    assert names(tmp_path / "broken.yaml") == ["broken.yaml"]
