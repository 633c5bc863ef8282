import pytest
from pydantic import ValidationError

from configs.approval import Approval, person
from configs.load import load_policy


def test_case_width_and_white_space_make_no_other_person():
    assert person(" Ada\tLovelace ") == person("ada lovelace") == person("ＡＤＡ lovelace")
    assert person("ada") != person("adam")


@pytest.mark.parametrize(
    "unseen",
    ["\u200b", "\u00ad", "\u2060", "\ufeff", "\u200d", "\u202e", "\ufe0f", "\u3164", "\u034f", "\x07",
     "\U000e0041", "\U000e0100", "\u180e"],
)  # fmt: skip
def test_characters_that_nobody_sees_make_no_other_person(unseen):
    assert person(f"ad{unseen}a") == person("ada")
    assert person(unseen) == ""


@pytest.mark.parametrize("name", ["Zoë", "Łukasz", "李雷", "अमित", "Иван Петров", "O'Neill-Smith"])
def test_names_of_all_scripts_are_names(name):
    assert person(name) == name.casefold()
    assert person(name.upper()) == person(name)


@pytest.mark.parametrize(
    ("rules", "problem"),
    [
        ({"approvers": ["ada", " "]}, "expected names, got a blank one"),
        ({"approvers": ["Ada", "ada "]}, "expected each name once"),
        (
            {"approvers": ["ada"], "approvals": 2},
            "expected at least 2, as many as approvals, got 1",
        ),
        ({"approvals": 0}, "greater than or equal to 1"),
        ({"expires_hours": 0}, "greater than 0"),
        ({"expires_hours": float("nan")}, "less than or equal to 8760"),
        ({"approver": "ada"}, "Extra inputs"),
    ],
)
def test_rules_that_nobody_could_satisfy_are_refused(rules, problem):
    with pytest.raises(ValidationError, match=problem):
        Approval.model_validate(rules)


def test_under_four_eyes_requesters_are_none_of_the_others():
    rules = Approval(approvers=("Ada", "Grace"))
    assert rules.others_than({"ada"}) == ("Grace",)
    assert rules.model_copy(update={"four_eyes": False}).others_than({"ada"}) == ("Ada", "Grace")


def test_the_shipped_policy_asks_a_second_person():
    approval = load_policy("approved-by-a-second-person").approval
    assert (approval.approvals, approval.four_eyes, approval.approvers) == (1, True, ())


@pytest.mark.parametrize("shipped", ["no-worse-than-baseline", "clinical-strict", "demo"])
def test_other_shipped_policies_ask_nobody(shipped):
    assert load_policy(shipped).approval is None
