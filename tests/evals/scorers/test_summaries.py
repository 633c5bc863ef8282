import pytest
from hypothesis import given
from hypothesis import strategies as st

from configs.scoring import SummaryScoring
from configs.task import TaskConfig
from evals.scorers.summaries import KeyFactsScorer, LengthScorer, RougeScorer

TASK = TaskConfig(name="t", kind="summarisation")


def columns(scorer, text, target="one two three four", facts=()):
    [of_row] = scorer.score_all([text], [{"target": target, "key_facts": list(facts)}], TASK)
    return of_row


def test_rouge_counts_shared_words_and_rouge_l_also_their_order():
    # Shared words: two of three written and of four wanted; in one order only one of them.
    scores = columns(RougeScorer(), "two one five")
    assert scores["rouge_1"] == pytest.approx(2 * (2 / 3) * (2 / 4) / (2 / 3 + 2 / 4))
    assert scores["rouge_l"] == pytest.approx(2 * (1 / 3) * (1 / 4) / (1 / 3 + 1 / 4))


def test_rouge_reads_every_script():
    assert columns(RougeScorer(), "药物 сердце", "药物 сердце")["rouge_l"] == 1


@given(st.text(max_size=30), st.text(min_size=1, max_size=30))
def test_rouge_stays_between_0_and_1(text, target):
    assert all(0 <= value <= 1 for value in columns(RougeScorer(), text, target).values())


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Aspirin 75 mg, and bleeding.", 2),
        ("aspirin 175 mg", 0),
        ("aspirin 75 mg was stopped after a haemorrhage", 2),
        ("75 mg aspirin; bleedings", 0),
        ("", 0),
    ],
)
def test_a_key_fact_counts_when_its_words_stand_together_in_any_of_its_wordings(text, found):
    facts = ["aspirin 75 mg", ["bleeding", "a haemorrhage"]]
    scores = columns(KeyFactsScorer(), text, facts=facts)
    assert (scores["facts_found"], scores["facts_required"]) == (found, 2)
    assert scores["all_key_facts"] == (found == 2)


def test_a_tenth_of_a_dose_is_not_the_dose():
    assert columns(KeyFactsScorer(), "ramipril 2.5 mg", facts=["5 mg"])["facts_found"] == 0


def test_a_row_without_key_facts_requires_none():
    assert columns(KeyFactsScorer(), "x") == {
        "facts_found": 0, "facts_required": 0, "all_key_facts": True,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "kept"),
    [("one", False), ("one two", True), ("1 2 3 4 5 6", True), ("1 2 3 4 5 6 7", False)],
)
def test_length_is_a_multiple_of_the_gold_summary(text, kept):
    assert columns(LengthScorer(), text)["length_kept"] == kept


def test_an_answer_without_a_word_is_empty():
    task = TaskConfig(name="t", kind="summarisation", summary=SummaryScoring(min_length_ratio=0))
    [scores] = LengthScorer().score_all([" .\n"], [{"target": "one"}], task)
    assert scores == {"length_kept": True, "not_empty": False}
