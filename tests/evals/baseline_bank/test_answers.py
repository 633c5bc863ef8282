import pytest

from evals.baseline_bank.answers import AnswerLog, read_answers
from evals.baseline_bank.errors import BankError
from tests.evals.baseline_bank.conftest import answer_to, questions

FIRST, SECOND, THIRD = questions(3)


def written(path, *requests, **changes):
    log = AnswerLog(path)
    log.append(answer_to(request, **changes) for request in requests)
    log.close()
    return path.read_bytes()


def test_answers_are_read_as_they_were_written(tmp_path):
    path = tmp_path / "a.jsonl"
    written(path, FIRST, SECOND, output="a\u2028b\x85c\nd \N{GRINNING FACE}")
    answers, length = read_answers(path)
    assert [a.output for a in answers] == ["a\u2028b\x85c\nd \N{GRINNING FACE}"] * 2
    assert length == path.stat().st_size


def test_a_last_line_cut_anywhere_is_dropped_and_the_next_answer_starts_a_line_of_its_own(tmp_path):
    path = tmp_path / "a.jsonl"
    whole = len(written(path, FIRST))
    both = written(path, SECOND)
    for cut in (*range(whole, len(both), 20), len(both) - 1):
        path.write_bytes(both[:cut])
        assert [a.id for a in read_answers(path)[0]] == ["r0"]
        written(path, THIRD)
        assert [a.id for a in read_answers(path)[0]] == ["r0", "r2"]


def test_a_tail_of_zeros_as_a_power_cut_leaves_it_is_dropped(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(written(path, FIRST) + bytes(300))
    written(path, SECOND)
    assert [a.id for a in read_answers(path)[0]] == ["r0", "r1"]


def test_reading_leaves_a_line_that_is_being_written_alone(tmp_path):
    path = tmp_path / "a.jsonl"
    half = written(path, FIRST) + b'{"id": "r1"'
    path.write_bytes(half)
    read_answers(path)
    assert path.read_bytes() == half


def test_a_damaged_line_in_the_middle_is_named(tmp_path):
    path = tmp_path / "a.jsonl"
    line = written(path, FIRST)
    path.write_bytes(line + b"{}\n" + line)
    with pytest.raises(BankError, match=r"a\.jsonl line 2: expected an answer"):
        AnswerLog(path)


def test_a_row_answered_twice_is_named(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(written(path, FIRST) * 2)
    with pytest.raises(BankError, match="line 2: expected each row once, got 'r0' again"):
        read_answers(path)


def test_a_full_disk_leaves_whole_lines_only(tmp_path, file_size_limit):
    path = tmp_path / "a.jsonl"
    before = written(path, FIRST)
    log = AnswerLog(path)
    with (
        file_size_limit(len(before) + 20),
        pytest.raises(BankError, match=r"expected to append answers.*Free space"),
    ):
        log.append([answer_to(SECOND)])
    log.append([answer_to(SECOND)])
    log.close()
    assert [a.id for a in read_answers(path)[0]] == ["r0", "r1"]
