import doctest

import pytest

import evals.pooled_words as module
from evals.decision import Check, PooledFacts, PooledTask
from evals.pooled_words import pooled_sentence

FACTS = PooledFacts(
    tasks=(
        PooledTask(task="a", metric="acc", lost=3, gained=1, rows=100, clusters=100, value=-0.02),
        PooledTask(task="b", metric="acc", lost=5, gained=6, rows=600, clusters=600, value=0.0017),
        PooledTask(task="c", metric="acc", lost=4, gained=2, rows=800, clusters=800, value=-0.0025),
    ),
    weighting="questions", p_drop=0.332, p_change=0.66, detectable_drop=0.0079,
)  # fmt: skip
ALARM = Check(
    kind="no-significant-drop", metric="acc", task="a + b + c", reference="unquantized", slice=None,
    required=True, threshold=0.0, value=-0.002, low=-0.0074, high=0.0032, alpha=0.05, p_value=0.332,
    method="exact", rows=1500, clusters=1500, outcome="promote", reason="no-drop-found",
    further_documents=None, pooled=FACTS,
)  # fmt: skip


def test_examples_of_the_docstrings():
    found = doctest.testmod(module)
    assert found.attempted == 1
    assert found.failed == 0


def test_a_silent_alarm_says_what_it_saw_and_what_it_would_have_found():
    assert pooled_sentence("awq", ALARM, 30) == (
        "awq: pooled over 3 guard tasks: 12 of 1,500 answers lost, 9 gained against unquantized "
        "(a 3 lost and 1 gained of 100, b 5 lost and 6 gained of 600, c 4 lost and 2 gained of 800), "
        "acc -0.0020, bounds -0.0074 to +0.0032: no significant drop (one-sided p = 0.3320, alpha "
        "0.05); this is no proof that there is none: a drop of 0.79 points would be found with a "
        "chance of 80% from so many answers."
    )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"outcome": "reject", "reason": "drop-found"}, "more is lost than chance explains"),
        ({"required": False}, "(not required)."),
        ({"outcome": "inconclusive", "reason": "too-few-documents"}, "fewer than 30 documents"),
        ({"kind": "non-inferiority", "threshold": -0.01, "reason": "holds"}, "holds at margin 0.01"),
        ({"kind": "non-inferiority", "threshold": -0.01, "outcome": "reject", "reason": "fails"},
         "fails at margin 0.01"),
        ({"kind": "non-inferiority", "threshold": -0.01, "outcome": "inconclusive",
          "reason": "interval-covers-threshold", "further_documents": 1200},
         "cannot be told at margin 0.01; about 1,200 more documents would probably settle it"),
        ({"kind": "non-inferiority", "outcome": "inconclusive", "reason": "too-uneven"},
         "losing them alone would break the rule"),
        ({"pooled": FACTS.model_copy(update={"detectable_drop": None})},
         "no drop would be found with a chance of 80%"),
        ({"pooled": FACTS.model_copy(update={"weighting": "tasks"})}, "each counting alike"),
        ({"pooled": FACTS.model_copy(update={"p_drop": 1e-9})}, "p < 0.0001"),
    ],
)  # fmt: skip
def test_every_verdict_has_its_words(changes, words):
    assert words in pooled_sentence("awq", ALARM.model_copy(update=changes), 30)
