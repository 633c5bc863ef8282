import pytest

from configs.load import load_task
from evals.scorers.summaries import KeyFactsScorer, LengthScorer
from evals.scorers.text import words
from finetune.synthetic.discharge import discharge_rows
from finetune.synthetic.drug_names import UNSEEN_DRUGS

TASK = load_task("discharge-summary")


@pytest.fixture(scope="module")
def rows():
    return {split: list(discharge_rows(split, 200, 17)) for split in ("train", "test")}


def test_the_gold_summary_has_every_key_fact_and_keeps_to_the_limits(rows):
    for row in rows["train"]:
        assert KeyFactsScorer().columns(row["target"], row, TASK)["all_key_facts"], row
        assert LengthScorer().columns(row["target"], row, TASK)["length_kept"]


def test_every_key_fact_can_be_found_in_the_letter(rows):
    for row in rows["train"]:
        letter = set(words(row["text"]))
        for fact in row["key_facts"]:
            if isinstance(fact, str):
                assert set(words(fact)) <= letter, (row["id"], fact)
            else:
                assert set(words(fact[0])) - {"stopped"} <= letter, (row["id"], fact)


def test_a_letter_says_much_that_its_summary_does_not(rows):
    lengths = [(len(words(row["text"])), len(words(row["target"]))) for row in rows["train"]]
    assert all(60 <= text <= 230 and 15 <= summary <= 60 for text, summary in lengths)
    assert sum(text for text, _ in lengths) > 3 * sum(summary for _, summary in lengths)


def test_a_complication_is_a_key_fact_where_there_is_one(rows):
    for row in rows["train"]:
        assert row["complicated"] == ("complicated by" in row["target"])


def test_only_test_names_drugs_that_training_never_saw(rows):
    for split, of_split in rows.items():
        for row in of_split:
            named = set(words(row["text"])) & set(UNSEEN_DRUGS)
            assert bool(named) == row["unseen_drug"]
            assert split == "test" or not named
