import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.ledger import LedgerEntry, replay


def promote(number, head, version=None, **changes):
    facts = {
        "number": number, "head": head, "version": version or number, "kind": "promote",
        "actor": "ada", "reason": "better", "decision_digest": "sha256:d", "token": f"t{number}",
    }  # fmt: skip
    return LedgerEntry(**facts | changes)


def roll_back(number, head, version, restores, **changes):
    facts = {"kind": "rollback", "decision_digest": "", "restores": restores}
    return promote(number, head, version, **facts | changes)


def numbers(entries):
    return [entry.number for entry in entries]


@st.composite
def logs(draw):
    """Logs as honest and racing writers write them: on the head, or on an entry that was head."""
    entries = []
    for number in range(1, draw(st.integers(1, 12)) + 1):
        state = replay(entries)
        head = draw(st.sampled_from([0, *numbers(state.effective)]) | st.just(state.head_number))
        target = state.rollback_target
        if target and draw(st.booleans()):
            entries.append(roll_back(number, head, target.version, target.number))
        else:
            digest = draw(st.sampled_from(["sha256:d", "sha256:d", ""]))
            entries.append(promote(number, head, draw(st.integers(1, 4)), decision_digest=digest))
    return entries


@given(logs(), st.randoms(use_true_random=False))
def test_replay_depends_neither_on_order_nor_on_repetition(entries, random):
    shuffled = entries + random.sample(entries, len(entries) // 2)
    random.shuffle(shuffled)
    assert replay(shuffled) == replay(entries)


@given(logs())
def test_every_entry_is_either_in_effect_or_refused(entries):
    state = replay(entries)
    assert sorted(numbers(state.effective + state.refused)) == numbers(entries)
    assert state.dangling == ()


@given(logs())
def test_what_is_in_effect_is_a_chain_that_more_entries_only_lengthen(entries):
    effective = replay(entries).effective
    assert [entry.head for entry in effective] == [0, *numbers(effective)][:-1] or not effective
    for length in range(len(entries)):
        earlier = replay(entries[:length]).effective
        assert effective[: len(earlier)] == earlier


@given(logs(), st.integers(2, 5))
def test_of_several_entries_on_one_head_only_the_first_takes_effect(entries, rivals):
    state = replay(entries)
    last = len(entries)
    raced = [promote(last + 1 + i, state.head_number, version=i + 1) for i in range(rivals)]
    after = replay(entries + raced)
    assert after.head == raced[0]
    assert after.effective == (*state.effective, raced[0])
    assert after.refused == (*state.refused, *raced[1:])


def test_an_empty_ledger_says_nothing():
    state = replay([])
    assert (state.head, state.head_number, state.version) == (None, 0, None)
    assert state.rollback_target is None


@given(logs())
def test_a_promotion_without_a_decision_never_takes_effect(entries):
    effective = replay(entries).effective
    assert all(entry.decision_digest for entry in effective if entry.kind == "promote")


@pytest.mark.parametrize(
    "entry",
    [
        roll_back(3, 2, version=2, restores=1),
        roll_back(3, 2, version=1, restores=0),
        roll_back(3, 2, version=3, restores=3),
        roll_back(3, 1, version=1, restores=1),
    ],
    ids=["another version", "of nothing", "of itself", "on an old head"],
)
def test_a_rollback_to_what_was_never_champion_takes_no_effect(entry):
    state = replay([promote(1, 0), promote(2, 1), entry])
    assert (state.version, state.refused) == (2, (entry,))


def test_a_promotion_that_lost_its_race_cannot_be_rolled_back_to():
    entries = [promote(1, 0), promote(2, 0), promote(3, 1), roll_back(4, 3, 2, restores=2)]
    assert numbers(replay(entries).effective) == [1, 3]


def roll_back_on_top(entries):
    state = replay(entries)
    target = state.rollback_target
    number = len(entries) + 1
    return [*entries, roll_back(number, state.head_number, target.version, target.number)]


def test_rollbacks_go_back_one_by_one_until_the_first():
    entries = [promote(1, 0), promote(2, 1), promote(3, 2)]
    entries = roll_back_on_top(entries)
    assert replay(entries).version == 2
    entries = roll_back_on_top(entries)
    assert replay(entries).version == 1
    assert replay(entries).rollback_target is None
    assert numbers(replay(entries).effective) == [1, 2, 3, 4, 5]


def test_a_promotion_after_rollbacks_follows_the_champion_they_restored():
    entries = roll_back_on_top(roll_back_on_top([promote(1, 0), promote(2, 1), promote(3, 2)]))
    entries.append(promote(6, 5, version=4))
    assert replay(entries).version == 4
    entries = roll_back_on_top(entries)
    assert replay(entries).version == 1
    assert replay(entries).rollback_target is None


def test_a_champion_promoted_anew_is_gone_back_from_to_the_one_before_it():
    entries = [promote(1, 0), promote(2, 1), promote(3, 2, version=1)]
    assert replay(entries).rollback_target == entries[1]


@given(logs())
def test_rolling_back_as_often_as_one_likes_ends_at_a_promotion_with_none_before(entries):
    seen = []
    while (target := replay(entries).rollback_target) is not None:
        entries = roll_back_on_top(entries)
        assert replay(entries).version == target.version
        seen.append(target.number)
    assert seen == sorted(set(seen), reverse=True)


def test_a_champion_that_went_and_came_back_is_a_new_head():
    """A writer that saw version 1 before it was replaced and restored must not win (ABA)."""
    entries = [promote(1, 0), promote(2, 1), roll_back(3, 2, 1, restores=1)]
    late = promote(4, 1, version=9)
    state = replay([*entries, late])
    assert (state.version, state.head_number, state.refused) == (1, 3, (late,))
    assert state.dangling == ()


def test_the_first_of_two_entries_with_one_token_counts():
    state = replay([promote(1, 0, token="t"), promote(2, 0, version=1, token="t")])
    assert state.took_effect("t").number == 1
    assert state.took_effect("another") is None


CHAIN = [promote(1, 0), promote(2, 1), roll_back(3, 2, 1, restores=1), promote(4, 3)]


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_deleted_entry_that_others_were_written_on_is_noticed(number):
    state = replay([entry for entry in CHAIN if entry.number != number])
    assert number in [entry.head for entry in state.dangling]


@pytest.mark.parametrize(
    ("number", "change"),
    [
        (1, {"decision_digest": ""}),
        (2, {"head": 0}),
        (1, {"head": 7}),
        (3, {"version": 2}),
        (3, {"restores": 2}),
        (3, {"head": 1}),
    ],
)
def test_an_edited_entry_that_others_were_written_on_is_noticed(number, change):
    edited = [e.model_copy(update=change) if e.number == number else e for e in CHAIN]
    assert replay(edited).dangling


def test_entries_tell_when_they_were_written():
    assert promote(1, 0, written_ms=1764000000000).written == "2025-11-24T16:00:00Z"
