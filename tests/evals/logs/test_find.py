"""Logs are recognised by content, and what is none of them is named."""

import shutil
import zipfile

import pytest

from configs.errors import EvidenceError
from evals.logs.find import read_log


def test_the_format_is_recognised_by_content_whatever_the_file_is_called(inspect_log, tmp_path):
    log = inspect_log("candidate").rename(tmp_path / "run.zip")
    assert read_log(log).tool == "inspect_ai"


def test_a_directory_a_bundle_or_its_results_name_the_same_run(nemo_log):
    directory = nemo_log("candidate")
    bundle = next(directory.glob("eval-*.json"))
    logs = [read_log(path) for path in (directory, bundle, directory / "results.jsonl")]
    assert {log.path for log in logs} == {bundle}
    assert {log.tool for log in logs} == {"NeMo Evaluator"}


def test_several_runs_are_listed_and_the_newest_is_not_guessed(nemo_log, tmp_path):
    nemo_log("candidate")
    nemo_log("baseline")
    with pytest.raises(
        EvidenceError, match=r"one run, found 2:\n.*baseline/eval.*\n.*candidate/eval"
    ):
        read_log(tmp_path)


def test_a_task_chooses_among_runs(nemo_log, inspect_log, tmp_path):
    nemo_log("candidate")
    inspect_log("candidate")
    assert read_log(tmp_path, "note_reading").tool == "inspect_ai"
    assert read_log(tmp_path, "note-reading").tool == "NeMo Evaluator"
    with pytest.raises(
        EvidenceError, match="one of the tasks note-reading, note_reading, got 'poems'"
    ):
        read_log(tmp_path, "poems")


def zipped(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("word/document.xml", "<w/>")


@pytest.mark.parametrize(
    ("name", "write", "message"),
    [
        ("a.zip", zipped, "got a ZIP with word/document.xml"),
        ("a.eval", zipped, "got a ZIP with word/document.xml"),
        ("a.eval", lambda p: p.write_text("no zip"), r"expected a whole \.eval file"),
        ("a.json", lambda p: p.write_text('{"score": 1}'), "got JSON with the keys score"),
        ("a.json", lambda p: p.write_text('{"score": '), "begins with b'{\"score"),
        ("a.jsonl", lambda p: p.touch(), "got an empty file"),
        ("a", lambda p: p.mkdir(), "got an empty directory"),
        ("a", lambda p: None, "found nothing"),
    ],
)  # fmt: skip
def test_what_is_no_log_is_named(tmp_path, name, write, message):
    write(tmp_path / name)
    with pytest.raises(EvidenceError, match=message):
        read_log(tmp_path / name)


def test_a_directory_without_a_log_lists_what_it_has(tmp_path, nemo_log):
    directory = nemo_log("candidate")
    shutil.move(directory / "trajectories.jsonl", tmp_path / "elsewhere.jsonl")
    shutil.rmtree(directory)
    with pytest.raises(EvidenceError, match=r"a directory with elsewhere\.jsonl"):
        read_log(tmp_path)
