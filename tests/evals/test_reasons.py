"""What a decision says about its look."""

import pytest

from configs.gate_policy import Comparison, GateConfig
from configs.gate_settings import AlphaBudget
from evals.decision import Look, SharedLook
from evals.reasons import about_look, uncounted_notice

POLICY = GateConfig(comparisons=(Comparison(metric="micro_f1", margin=0.05),))
BUDGETED = POLICY.model_copy(update={"alpha_budget": AlphaBudget(planned_looks=5)})


def look_of(number=2, **facts):
    return Look(number=number, alpha=0.01, budgeted=True, documents=200, **facts)


def seen(number, **facts):
    told = {"model": "notes", "date": "2026-03-04T05:06:07Z", "shared_documents": 12}
    return SharedLook(number=number, **{**told, "decided": True, **facts})


def test_earlier_looks_are_named_with_date_model_and_shared_documents():
    earlier = (seen(1), seen(2, model="", shared_documents=200))
    assert about_look(BUDGETED, look_of(3, earlier=earlier)) == (
        "Look 3 on this test set spends 0.01 of its alpha of 0.05, which holds over all looks. Of its "
        "200 documents: look 1 (notes, 2026-03-04) saw 12; look 2 (files, 2026-03-04) saw 200."
    )


def test_of_many_earlier_looks_the_last_five_are_named():
    said = about_look(BUDGETED, look_of(9, earlier=tuple(seen(n) for n in range(1, 9))))
    assert "Of its 200 documents: 3 before them; look 4 (" in said


def test_a_policy_changed_without_a_decision_is_told_apart():
    said = about_look(BUDGETED, look_of(earlier=(seen(1, decided=False),)))
    assert "(notes, 2026-03-04, scored under a policy that was changed before a decision)" in said


@pytest.mark.parametrize("when", ["before", "after"])
def test_it_says_when_the_policy_was_recorded(when):
    said = about_look(BUDGETED, look_of(policy_recorded=when, policy_changed_after=1))
    assert said.endswith(
        f"This policy was recorded {when} the answers were first scored. The policy was changed after "
        "look 1, which applied another."
    )


def test_what_is_not_known_of_the_policy_is_not_said():
    assert "policy" not in about_look(BUDGETED, look_of())


def test_a_test_set_known_by_names_alone_is_said_to_be():
    assert "known by its data digest and document keys alone" in about_look(
        BUDGETED, look_of(known_by_text=False)
    )


def test_only_a_budget_that_does_not_cover_the_decision_is_worth_a_first_line():
    uncounted = look_of(counted=False)
    assert uncounted_notice(POLICY, uncounted) is None
    assert uncounted_notice(BUDGETED, look_of()) is None
    assert uncounted_notice(BUDGETED, uncounted).startswith("Uncounted:")
