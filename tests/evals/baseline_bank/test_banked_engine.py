import pytest

from evals.baseline_bank.banked_engine import banked_engine, write_banked_recording
from evals.baseline_bank.errors import BankError
from evals.engines.completion import Decoding
from evals.engines.recorded import RecordedEngine
from tests.evals.baseline_bank.conftest import DECODING, IDENTITY, answer_to, changed, questions


@pytest.fixture
def replay(bank):
    """An engine over three recorded rows that has nobody to ask."""
    with bank.recording(IDENTITY, "big") as opened:
        opened.log.append(answer_to(q, output=f"to {q.id}") for q in questions(3))
    return banked_engine(bank, IDENTITY, None)


def test_recorded_rows_are_answered_in_the_order_asked(replay):
    answers = replay.answer(questions(3)[::-1], DECODING)
    assert [a.text for a in answers] == ["to r2", "to r1", "to r0"]
    assert answers[0].input_tokens == 3
    assert replay.name == "big"


def test_another_version_of_the_prompt_is_refused_with_both_digests(replay):
    changed_prompt = questions(3, "please note {}")
    first, recorded = changed_prompt[0].prompt_digest, questions(1)[0].prompt_digest
    with pytest.raises(BankError) as caught:
        replay.answer(changed_prompt, DECODING)
    assert f"row r0: expected an answer to the prompt {first}, got one to {recorded}" in str(
        caught.value
    )
    assert "3 of 3 rows lack one. Record the baseline on this data" in str(caught.value)


def test_a_row_that_was_never_recorded_is_refused(replay):
    with pytest.raises(BankError, match=r"row r3: .*, got none; 1 of 4 rows lack one"):
        replay.answer(questions(4), DECODING)


def test_other_decoding_is_refused_in_words(replay):
    with pytest.raises(BankError, match=r"decoding\.max_new_tokens: expected 16, got 8"):
        replay.answer(questions(1), Decoding(max_new_tokens=16))


def test_another_revision_is_refused_in_words(replay, bank):
    other = banked_engine(bank, changed(revision="b"), None)
    with pytest.raises(BankError, match=r'model\.revision: expected "b", got "a"'):
        other.answer(questions(1), DECODING)


def test_what_is_missing_is_known_without_asking(replay):
    assert [q.id for q in replay.missing(questions(5))] == ["r3", "r4"]


def test_an_export_answers_as_the_bank_does(replay, tmp_path):
    write_banked_recording(tmp_path / "r.jsonl", replay.recorded(questions(3)))
    recorded = RecordedEngine(tmp_path / "r.jsonl", "big")
    assert recorded.answer(questions(3), DECODING) == replay.answer(questions(3), DECODING)


def test_its_identity_is_that_of_the_record(replay):
    identity = replay.identity(DECODING)
    assert identity.kind == "recorded"
    assert IDENTITY.key in identity.model
