import pytest

from configs.errors import EvidenceError
from evals.engines.completion import Completion
from evals.judge.answer_store import AnswerStore

ANSWER = Completion("{}", "stop", 2, 7, 0.5)


def test_answers_are_read_back_by_digest(tmp_path):
    AnswerStore(tmp_path, "sha256:j").add({"sha256:a": ANSWER})
    store = AnswerStore(tmp_path, "sha256:j")
    store.add({"sha256:b": Completion("cut", "length", 9)})
    assert store.read() == {"sha256:a": ANSWER, "sha256:b": Completion("cut", "length", 9)}


def test_another_judge_has_none_of_them(tmp_path):
    AnswerStore(tmp_path, "sha256:j").add({"sha256:a": ANSWER})
    assert AnswerStore(tmp_path, "sha256:k").read() == {}


def test_line_separators_and_broken_characters_survive(tmp_path):
    store = AnswerStore(tmp_path, "sha256:j")
    store.add({"sha256:a": Completion("a\u2028b\nc\x85d\ud83d", "stop", 2)})
    assert store.read()["sha256:a"].text == "a\u2028b\nc\x85d?"


def test_a_damaged_file_is_named(tmp_path):
    store = AnswerStore(tmp_path, "sha256:j")
    store.add({"sha256:a": ANSWER})
    (path,) = store.directory.glob("*.jsonl")
    path.write_text(path.read_text()[:20])
    with pytest.raises(EvidenceError, match=path.name):
        store.read()


def test_a_full_disk_keeps_what_was_stored(tmp_path, file_size_limit):
    store = AnswerStore(tmp_path, "sha256:j")
    store.add({"sha256:a": ANSWER})
    with file_size_limit(50), pytest.raises(EvidenceError, match="Free disk space"):
        store.add({"sha256:b": ANSWER})
    assert store.read() == {"sha256:a": ANSWER}
