import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from configs.load import load_task
from evals.scorers.extraction import Counts, ExtractionScorer, missed_items, score_answer
from evals.scorers.json_answer import parse_answer

TASK = load_task("clinical-notes")
ASPIRIN = {"name": "aspirin", "dose": "100 mg", "route": "oral"}
HEPARIN = {"name": "heparin", "dose": "5000 IU", "route": "subcutaneous"}
EMPTY = {"medications": [], "problems": [], "allergies": [], "adverse_events": []}
GOLD = EMPTY | {"medications": [ASPIRIN, HEPARIN], "problems": ["fever", "fever", "rash"]}


def score(answer, gold=GOLD):
    text = answer if isinstance(answer, str) else json.dumps(answer)
    return score_answer(text, gold, TASK)


def test_the_gold_answer_scores_full_marks():
    scored = score(GOLD)
    assert (scored.valid_json, scored.schema_conformance, scored.exact_match) == (True,) * 3
    assert scored.fields["medications"] == Counts(2, 0, 0)
    assert scored.fields["problems"] == Counts(3, 0, 0)
    assert scored.fields["allergies"] == Counts(0, 0, 0)


def test_items_count_as_multisets():
    # gold: fever twice, rash once; answer: fever three times, cough once
    scored = score(GOLD | {"problems": ["fever", "fever", "fever", "cough"]})
    assert scored.fields["problems"] == Counts(tp=2, fp=2, fn=1)
    assert not scored.exact_match
    assert scored.schema_conformance


def test_an_item_repeated_beyond_the_gold_is_one_false_item_however_often():
    # gold: fever twice, rash once
    scored = score(GOLD | {"problems": ["fever"] * 30 + ["rash"] + ["cough"] * 25})
    assert scored.fields["problems"] == Counts(tp=3, fp=2, fn=0)
    assert scored.fp_left_out == 27 + 24
    assert not scored.exact_match


def test_false_items_of_a_row_are_capped_and_the_fields_share_the_cap():
    # Gold items: 2 + 3, so at most 13 count: 90 and 10 false ones share them 11.7 to 1.3.
    answer = GOLD | {
        "problems": GOLD["problems"] + [f"problem {n}" for n in range(90)],
        "allergies": [f"allergy {n}" for n in range(10)],
    }
    columns = ExtractionScorer().columns(json.dumps(answer), {"target": GOLD}, TASK)
    assert (columns["tp"], columns["fp"], columns["fn"]) == (5, 13, 0)
    assert (columns["fp.problems"], columns["fp.allergies"]) == (12, 1)
    assert columns["fp_left_out"] == 87


def test_one_answer_stuck_in_a_loop_does_not_sway_micro_f1():
    rows = [{"target": GOLD}] * 60
    answers = [json.dumps(GOLD)] * 59 + [json.dumps(GOLD | {"problems": ["cough"] * 25})]
    columns = ExtractionScorer().score_all(answers, rows, TASK)
    tp, fp, fn = (sum(row[name] for row in columns) for name in ("tp", "fp", "fn"))
    assert (tp, fp, fn) == (297, 1, 3)
    assert 2 * tp / (2 * tp + fp + fn) > 0.99


def test_an_object_with_one_wrong_part_is_one_miss_and_one_false_find():
    wrong_dose = ASPIRIN | {"dose": "300 mg"}
    scored = score(GOLD | {"medications": [HEPARIN, wrong_dose]})
    assert scored.fields["medications"] == Counts(tp=1, fp=1, fn=1)


def test_strings_compare_under_the_declared_normalization():
    answer = GOLD | {
        "problems": [" FEVER.", "fever", "Rash"],
        "medications": [HEPARIN, ASPIRIN | {"dose": "100  MG"}],
    }
    assert score(answer).exact_match


@pytest.mark.parametrize(
    "text",
    [
        "", "null", "[]", '"fever"', '{"problems": ["fever"]', 'Here you are: {"problems": []}',
        '```json\n{"problems": []}\n```', '{"problems": []} done', '{"problems": [NaN]}',
        '{"problems": [-Infinity]}', '{"problems": [], "problems": []}', "{'problems': []}",
        '{"problems": ' + "[" * 2000 + "]" * 2000 + "}", '{"problems": ' + "[" * 40 + "]" * 40 + "}",
    ],
)  # fmt: skip
def test_what_is_not_one_json_object_is_refused_and_misses_every_gold_item(text):
    scored = score(text)
    assert parse_answer(text) is None
    assert not (scored.valid_json or scored.schema_conformance or scored.exact_match)
    assert scored.fields["medications"] == Counts(0, 0, 2)
    assert scored.fields["problems"] == Counts(0, 0, 3)


def test_white_space_around_the_object_is_allowed():
    assert score(f"\n {json.dumps(GOLD)}\n").exact_match


def test_items_of_a_wrong_type_are_false_finds():
    scored = score(GOLD | {"problems": ["fever", 7, {"name": "rash"}, None, ["fever"]]})
    assert scored.fields["problems"] == Counts(tp=1, fp=4, fn=2)
    assert scored.valid_json
    assert not scored.schema_conformance


@pytest.mark.parametrize("value", ["fever", 3, None, {"name": "fever"}])
def test_a_value_that_is_no_list_is_one_false_find(value):
    scored = score(GOLD | {"problems": value})
    assert scored.fields["problems"] == Counts(tp=0, fp=1, fn=3)
    assert not scored.schema_conformance


def test_unknown_keys_break_conformance_and_exactness_but_not_the_counts():
    scored = score(GOLD | {"comment": ["none"]})
    assert not scored.schema_conformance
    assert not scored.exact_match
    assert scored.fields == score(GOLD).fields


def test_a_missing_field_equals_an_empty_one_in_the_counts_but_breaks_conformance():
    scored = score({key: value for key, value in GOLD.items() if key != "allergies"})
    assert not scored.schema_conformance
    assert scored.exact_match


terms = st.sampled_from(["fever", "rash", "Cough", "fever.", "", "7"])
items = st.lists(terms, max_size=5)
answers = st.fixed_dictionaries({"problems": items, "allergies": items})
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


@given(answers, answers)
@settings(deadline=None)
def test_finds_and_misses_add_up_and_finds_swap_when_gold_and_answer_swap(gold, answer):
    there = score(answer, EMPTY | gold)
    back = score(gold, EMPTY | answer)
    for field in ("problems", "allergies"):
        counts, mirrored = there.fields[field], back.fields[field]
        assert counts.tp + counts.fn == len(gold[field])
        assert counts.tp == mirrored.tp
        assert counts.fp <= mirrored.fn
    counted = sum(count.tp + count.fp for count in there.fields.values())
    assert counted + there.fp_left_out == len(answer["problems"]) + len(answer["allergies"])


@given(st.permutations(["fever", "fever", "rash"]))
@settings(deadline=None)
def test_order_does_not_matter(problems):
    assert score(GOLD | {"problems": problems}).exact_match


@given(st.text(max_size=40) | json_values.map(json.dumps) | st.dictionaries(
    st.sampled_from(TASK.fields), json_values).map(json.dumps))  # fmt: skip
@settings(deadline=None)
def test_no_answer_whatsoever_breaks_the_scorer(text):
    scored = score(text)
    assert all(min(c.tp, c.fp, c.fn) >= 0 for c in scored.fields.values())
    assert sum(c.tp + c.fn for c in scored.fields.values()) == 5
    assert scored.valid_json >= scored.schema_conformance
    assert scored.valid_json >= scored.exact_match


def test_columns_add_up_and_are_those_the_metrics_need():
    scorer = ExtractionScorer()
    columns = scorer.columns(
        json.dumps(GOLD | {"problems": ["fever", "cough"]}), {"target": GOLD}, TASK
    )
    assert (columns["tp"], columns["fp"], columns["fn"]) == (3, 1, 2)
    assert (columns["tp.problems"], columns["fp.problems"], columns["fn.problems"]) == (1, 1, 2)
    assert columns.pop("fp_left_out") == 0
    assert {c for m in scorer.metrics(TASK) for c in m.columns} == set(columns)


def test_the_metrics_are_micro_averages_shares_and_each_field():
    names = [metric.name for metric in ExtractionScorer().metrics(TASK)]
    assert names[:6] == [
        "micro_f1", "micro_precision", "micro_recall",
        "valid_json", "schema_conformance", "exact_match",
    ]  # fmt: skip
    assert names[6:9] == [f"micro_{m}.medications" for m in ("f1", "precision", "recall")]
    assert len(names) == 6 + 3 * len(TASK.fields)


def test_missed_items_are_those_of_gold_as_it_writes_them():
    wrong_dose = ASPIRIN | {"dose": "300 mg"}
    answer = json.dumps(EMPTY | {"medications": [HEPARIN, wrong_dose], "problems": ["FEVER"]})
    assert missed_items(answer, GOLD, TASK) == {
        "medications": (ASPIRIN,), "problems": ("fever", "rash"),
    }  # fmt: skip
    assert missed_items("no JSON", GOLD, TASK)["problems"] == ("fever", "fever", "rash")
    assert missed_items(json.dumps(GOLD), GOLD, TASK) == {}


@given(st.lists(st.sampled_from("abc")), st.lists(st.sampled_from("abcd")))
def test_as_many_items_are_missed_as_are_counted(gold, answer):
    target, text = EMPTY | {"problems": gold}, json.dumps(EMPTY | {"problems": answer})
    missed = missed_items(text, target, TASK).get("problems", ())
    assert len(missed) == score(text, target).fields["problems"].fn
