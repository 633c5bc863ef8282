import json

import pytest

from configs.critical_labels import CriticalLabel
from configs.load import load_task
from evals.critical_misses import LONGEST_TEXT, Gold, critical_misses
from evals.engines.completion import Completion
from evals.runner import score_completions

NOTES, TRIAGE = load_task("clinical-notes"), load_task("message-triage")
EMPTY = {"medications": [], "problems": [], "allergies": [], "adverse_events": []}
ALLERGIES = CriticalLabel(field="allergies", minimum=0.5)


@pytest.fixture
def answered():
    """An evaluation of notes whose allergies are `gold` and answered as `answers`, and its gold."""

    def make(gold, answers, task=NOTES, **fields):
        rows = [
            {"id": f"r{n}", "doc_id": f"d{n}", "text": "x", "target": target, "note_type": "ward",
             "unseen_drug": n % 2 == 0, "channel": "app", "several_concerns": False,
             "unseen_wording": False, **fields}
            for n, target in enumerate(gold)
        ]  # fmt: skip
        texts = [a if isinstance(a, str) else json.dumps(a) for a in answers]
        evaluation = score_completions(
            task, rows, [Completion(text, "stop", 1) for text in texts],
            system="awq", engine="e", data_digest="sha256:d",
        )  # fmt: skip
        return evaluation, Gold(task, {row["id"]: row["target"] for row in rows})

    return make


def allergic(*items):
    return EMPTY | {"allergies": list(items)}


def test_rows_with_most_missed_come_first_with_what_was_missed(answered):
    evaluation, gold = answered(
        [allergic("iodine"), allergic(), allergic("latex", "latex", "eggs"), allergic("nuts")],
        [allergic("Iodine"), allergic("dust"), allergic("latex"), "no JSON"],
    )
    found = critical_misses(ALLERGIES, evaluation, gold)
    assert [(m.id, m.cluster, m.missed, m.gold, m.texts) for m in found] == [
        ("r2", "d2", 2, 3, ("latex", "eggs")),
        ("r3", "d3", 1, 1, ("nuts",)),
    ]
    assert all(len(m.texts) == m.missed for m in found)


def test_without_gold_there_is_no_text(answered):
    evaluation, _ = answered([allergic("Haverstock's nuts")], [allergic("Haverstock")])
    [found] = critical_misses(ALLERGIES, evaluation)
    assert (found.missed, found.texts) == (1, ())


def test_rows_of_other_fields_and_rows_that_only_claim_too_much_do_not_count(answered):
    evaluation, gold = answered(
        [EMPTY | {"problems": ["fever"]}, allergic()], [EMPTY, allergic("dust")]
    )
    assert critical_misses(ALLERGIES, evaluation, gold) == ()


def test_a_rule_on_precision_lists_false_claims_too(answered):
    evaluation, gold = answered(
        [allergic("eggs"), allergic()], [allergic(), allergic("dust", "nuts")]
    )
    precision = ALLERGIES.model_copy(update={"measure": "precision"})
    found = critical_misses(precision, evaluation, gold)
    assert [(m.id, m.missed, m.wrongly_claimed) for m in found] == [("r0", 1, 0), ("r1", 0, 2)]
    assert found[1].texts == ()


def test_a_slice_value_counts_every_field_of_its_rows(answered):
    both = EMPTY | {"problems": ["fever"], "medications": [
        {"name": "aspirin", "dose": "1 mg", "route": "oral"}]}  # fmt: skip
    evaluation, gold = answered([both, both], [EMPTY, EMPTY])
    rule = CriticalLabel(slice="unseen_drug", value="True", minimum=0.5)
    [found] = critical_misses(rule, evaluation, gold)
    assert (found.id, found.missed) == ("r0", 2)
    assert found.texts == ('{"name": "aspirin", "dose": "1 mg", "route": "oral"}', "fever")


def test_a_missed_label_is_shown_with_what_was_answered(answered):
    evaluation, gold = answered(
        ["emergency", "emergency", "routine"],
        ["routine", "emergency", "x" * 900],
        task=TRIAGE,
    )
    [found] = critical_misses(CriticalLabel(label="emergency", minimum=0.5), evaluation, gold)
    assert (found.id, found.texts) == ("r0", ("emergency, answered as routine",))
    routine = CriticalLabel(label="routine", minimum=0.5)
    [longest] = critical_misses(routine, evaluation, gold)
    assert len(longest.texts[0]) == LONGEST_TEXT + len(" …")
