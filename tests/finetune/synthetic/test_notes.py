import re

import pytest
from jsonschema import Draft202012Validator

from configs.load import load_lifecycle, load_task
from finetune.data import row_from_mapping
from finetune.splits import check_contamination
from finetune.synthetic.drug_names import SEEN_DRUGS, UNSEEN_DRUGS
from finetune.synthetic.notes import NOTE_TYPES, synthetic_rows
from finetune.synthetic.vocabulary import ADVERSE_EVENTS, ALLERGENS, DOSES, PROBLEMS, ROUTE_PHRASES

SPLITS = ("train", "validation", "test")
TASK = load_task("clinical-notes")
# Sentences that affirm nothing, whatever they name.
DENIALS = re.compile(
    r"No evidence of|Denies|ruled out|No history of| had |Family history|stopped last year"
    r"|was declined|No longer takes|not started|^No .* so far|No sign of|No known|NKDA"
)


@pytest.fixture(scope="module")
def made():
    return {split: list(synthetic_rows(split, 400, seed=17)) for split in SPLITS}


@pytest.fixture(scope="module")
def all_rows(made):
    return [row for rows in made.values() for row in rows]


def words_of(text):
    return set(re.findall(r"[a-z]+", text.lower()))


def named(vocabulary, text):
    """Terms of a vocabulary that stand in a text as whole words."""
    return {t for t in vocabulary if re.search(rf"\b{re.escape(t)}\b", text, re.IGNORECASE)}


def strings(row):
    target = row["target"]
    for medication in target["medications"]:
        yield from (medication["name"], medication["dose"])
    yield from (*target["problems"], *target["allergies"], *target["adverse_events"])


def sentences(text):
    return re.split(r"(?<=\.) ", text)


@pytest.mark.parametrize("split", SPLITS)
def test_the_same_seed_gives_the_same_rows(made, split):
    assert list(synthetic_rows(split, 400, seed=17)) == made[split]


def test_another_seed_or_split_gives_other_rows(made):
    texts = [{row["text"] for row in rows} for rows in made.values()]
    texts.append({row["text"] for row in synthetic_rows("train", 400, seed=18)})
    for i, some in enumerate(texts):
        for others in texts[i + 1 :]:
            assert len(some & others) < 0.05 * len(some)


def test_fewer_documents_are_the_first_of_more(made):
    few = list(synthetic_rows("train", 10, seed=17))
    assert few == made["train"][: len(few)]


def test_an_unknown_split_is_refused():
    with pytest.raises(ValueError, match="split: expected train, validation or test"):
        next(synthetic_rows("dev", 1, 0))


def test_every_target_conforms_to_the_schema_of_the_task(all_rows):
    validator = Draft202012Validator(TASK.output_schema)
    assert [row["id"] for row in all_rows if not validator.is_valid(row["target"])] == []


def test_rows_have_what_the_task_slices_and_clusters_by(all_rows):
    assert all(row.keys() >= {*TASK.slices, TASK.cluster_key} for row in all_rows)
    assert {row["note_type"] for row in all_rows} == set(NOTE_TYPES)
    assert len({row["id"] for row in all_rows}) == len(all_rows)


def test_test_names_drugs_that_training_never_saw(made):
    used = {split: set().union(*(words_of(r["text"]) for r in made[split])) for split in SPLITS}
    assert not set(SEEN_DRUGS) & set(UNSEEN_DRUGS)
    for split in ("train", "validation"):
        assert not used[split] & set(UNSEEN_DRUGS)
        assert not any(row["unseen_drug"] for row in made[split])
    assert set(UNSEEN_DRUGS) <= used["test"]
    for row in made["test"]:
        assert row["unseen_drug"] == bool(words_of(row["text"]) & set(UNSEEN_DRUGS))
    assert {row["unseen_drug"] for row in made["test"]} == {True, False}


def test_every_fact_of_the_target_is_verbatim_in_the_text(all_rows):
    for row in all_rows:
        text = row["text"].casefold()
        assert [fact for fact in strings(row) if fact.casefold() not in text] == []
        for medication in row["target"]["medications"]:
            phrases = ROUTE_PHRASES[medication["route"]]
            assert any(phrase.casefold() in text for phrase in phrases)


def test_what_a_sentence_denies_is_not_in_the_target(all_rows):
    denied_terms = 0
    for row in all_rows:
        facts = {fact.casefold() for fact in strings(row)}
        for sentence in filter(DENIALS.search, sentences(row["text"])):
            for vocabulary in (PROBLEMS, ADVERSE_EVENTS, SEEN_DRUGS, UNSEEN_DRUGS):
                denied = {term.casefold() for term in named(vocabulary, sentence)}
                assert not denied & facts, (row["id"], sentence)
                denied_terms += len(denied)
    assert denied_terms > 200


def test_every_term_is_either_in_the_target_or_denied_or_the_cause_of_an_event(all_rows):
    for row in all_rows:
        target = row["target"]
        affirmed = [s for s in sentences(row["text"]) if not DENIALS.search(s)]
        text = " ".join(affirmed)
        assert named(PROBLEMS, text) == set(target["problems"]), row["id"]
        assert named(ALLERGENS, text) == set(target["allergies"]), row["id"]
        assert named(ADVERSE_EVENTS, text) == set(target["adverse_events"]), row["id"]


def test_doses_and_routes_belong_to_their_drug(all_rows):
    medications = 0
    for row in all_rows:
        for medication in row["target"]["medications"]:
            [sentence] = [s for s in sentences(row["text"]) if medication["name"] in s.lower()]
            longest = max(named(DOSES, sentence), key=len)
            assert medication["dose"] == longest
            phrases = ROUTE_PHRASES[medication["route"]]
            assert named(phrases, sentence), sentence
            medications += 1
    assert medications > 500


def test_facts_are_in_the_order_of_the_text_and_once(all_rows):
    for row in all_rows:
        for name in ("problems", "allergies", "adverse_events"):
            facts = row["target"][name]
            assert len(set(facts)) == len(facts)
            places = [row["text"].casefold().index(fact.casefold()) for fact in facts]
            assert places == sorted(places), row["id"]


def test_no_text_comes_twice_within_a_split(made):
    for rows in made.values():
        assert len({row["text"] for row in rows}) == len(rows)


def test_generated_splits_are_free_of_contamination(made):
    check_contamination(*(list(map(row_from_mapping, made[split])) for split in SPLITS))


def test_the_shipped_lifecycles_have_clean_data():
    data = load_lifecycle("demo").data
    rows = {
        split: list(map(row_from_mapping, synthetic_rows(split, documents, data.seed)))
        for split, documents in (
            ("train", data.train_documents),
            ("validation", data.validation_documents),
            ("test", data.test_documents),
        )
    }
    check_contamination(**rows)
