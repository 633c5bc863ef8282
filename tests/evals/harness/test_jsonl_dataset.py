"""JSONL files as the questions of a task."""

import pytest

from configs.errors import DataError
from evals.harness.jsonl_dataset import below_pawl_data, beside_task


def test_a_changed_file_is_read_anew(tmp_path):
    task = str(tmp_path / "task.yaml")
    for question in ("first", "second"):
        (tmp_path / "q.jsonl").write_text(f'{{"question": "{question}"}}\n')
        rows = beside_task(file="q.jsonl", config_source=task, version=1.0)["test"]
        assert rows["question"][:] == [question]


def test_working_directory_stands_in_for_pawl_data(tmp_path, monkeypatch):
    monkeypatch.delenv("PAWL_DATA", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "q.jsonl").write_text('{"question": "here"}')
    assert below_pawl_data(file="q.jsonl")["test"][0] == {"question": "here"}


@pytest.mark.parametrize(
    ("content", "problem"),
    [("", "empty file"), ('{"a": 1}\n{oops', "line 2: expected JSON"), ("[1]", "got list")],
)
def test_file_that_holds_no_questions_is_refused(content, problem, tmp_path):
    (tmp_path / "q.jsonl").write_text(content)
    with pytest.raises(DataError, match=problem):
        beside_task(file="q.jsonl", config_source=str(tmp_path / "task.yaml"))
