import pytest

from configs.load import load_task
from finetune.synthetic.drug_names import SEEN_DRUGS, UNSEEN_DRUGS
from finetune.synthetic.guideline_words import RULES
from finetune.synthetic.guidelines import NO_ANSWER, NO_CITATION, guideline_rows

TASK = load_task("guideline-qa")


@pytest.fixture(scope="module")
def rows():
    return {split: list(guideline_rows(split, 200, 17)) for split in ("train", "test")}


def asked_drug(row):
    [drug] = [name for name in (*SEEN_DRUGS, *UNSEEN_DRUGS) if name in row["question"].split("?")[0].split()
              or f"{name}," in row["question"]]  # fmt: skip
    return drug


def test_an_answer_stands_word_for_word_in_the_passage_it_cites(rows):
    for row in rows["train"]:
        if row["answerable"]:
            [cited] = [p for p in row["context"] if p["id"] == row["target"]["citation"]]
            assert row["target"]["answer"].lower() in cited["text"].lower(), row
            assert asked_drug(row) in cited["text"].lower()


def test_no_other_passage_answers_the_question(rows):
    rules = {rule.name: rule for rule in RULES}
    for row in rows["train"]:
        drug = asked_drug(row)
        openings = [s.format(drug=drug, Drug=drug.capitalize(), value="|", Value="|")
                    for s in rules[row["rule"]].sentences]  # fmt: skip
        answering = [
            passage["id"]
            for passage in row["context"]
            if any(all(part in passage["text"] for part in o.split("|")) for o in openings)
        ]
        wanted = [row["target"]["citation"]] if row["answerable"] else []
        assert answering == wanted, row


def test_an_unanswerable_question_has_the_declared_answer_and_cites_nothing(rows):
    assert TASK.grounding.no_answer == NO_ANSWER
    share = [row["answerable"] for row in rows["train"]].count(False) / len(rows["train"])
    assert 0.18 < share < 0.32
    for row in rows["train"]:
        if not row["answerable"]:
            assert row["target"] == {"answer": NO_ANSWER, "citation": NO_CITATION}


def test_most_questions_stand_beside_a_similar_drugs_passage(rows):
    with_rival = [
        row for row in rows["train"]
        if any(asked_drug(row) not in p["text"].lower() for p in row["context"])
    ]  # fmt: skip
    assert len(with_rival) > 0.5 * len(rows["train"])


def test_the_cited_passage_may_stand_anywhere(rows):
    cited = [row["target"]["citation"] for row in rows["train"] if row["answerable"]]
    assert all(cited.count(f"P{n}") > 0.15 * len(cited) for n in (1, 2, 3, 4))


def test_only_test_asks_about_drugs_that_training_never_saw(rows):
    assert not any(row["unseen_drug"] for row in rows["train"])
    for row in rows["test"]:
        assert row["unseen_drug"] == (asked_drug(row) in UNSEEN_DRUGS)
