import json
import os
from pathlib import Path

import pandas as pd
import pytest

from configs.load import load_task
from evals.evaluation import Evaluation
from evals.scorers.phee_arguments import PheeArgumentsScorer, roles_of
from evals.stats.estimates import estimate

TASK = load_task("phee")
SCORER = PheeArgumentsScorer()
EVENT = {
    "event_type": "adverse_event", "trigger": ["after"], "subject": ["a 60-year-old man"],
    "treatment": ["oral naproxen"], "drug": ["naproxen"], "effect": ["a rash"], "severity": "High",
}  # fmt: skip
TARGET = {"subject": ["a 60-year-old man"], "treatment": ["oral naproxen"], "drug": ["naproxen"],
          "effect": ["a rash"]}  # fmt: skip
ROW = {"target": TARGET, "events": [EVENT]}


def counts(answer, row=ROW, of="em", suffix=""):
    columns = SCORER.columns(json.dumps(answer), row, TASK)
    return tuple(columns[f"{of}_{part}{suffix}"] for part in ("tp", "fp", "fn"))


def values(rows, answers):
    frame = pd.DataFrame(SCORER.score_all(answers, rows, TASK))
    frame["id"] = frame["cluster"] = frame.index.astype(str)
    evaluation = Evaluation("s", "e", "phee", "sha256:d", SCORER.metrics(TASK), frame)
    return {m.name: estimate(evaluation, m.name, resamples=50).value for m in evaluation.metrics}


def test_every_role_but_the_event_type_is_an_argument():
    assert len(roles_of(TASK)) == 16
    assert "event_type" not in roles_of(TASK)


def test_the_gold_answer_has_every_argument():
    # Tokens: "60 year old man", "oral naproxen", "naproxen", "rash".
    assert counts(TARGET) == (4, 0, 0)
    assert counts(TARGET, of="token") == (8, 0, 0)
    assert counts(TARGET, suffix=".main") == (3, 0, 0)
    assert counts(TARGET, suffix=".sub") == (1, 0, 0)


def test_articles_case_and_punctuation_do_not_count():
    answer = TARGET | {"subject": ["The 60 Year Old man."], "effect": ["RASH"]}
    assert counts(answer) == (4, 0, 0)


def test_a_string_with_one_word_too_many_is_wrong_as_a_whole_but_not_by_token():
    answer = TARGET | {"effect": ["a bad rash"]}
    assert counts(answer, suffix=".effect") == (0, 1, 1)
    assert counts(answer, of="token", suffix=".effect") == (1, 1, 0)


def test_an_argument_in_the_wrong_role_is_wrong():
    answer = {name: value for name, value in TARGET.items() if name != "drug"}
    assert counts(answer | {"indication": ["naproxen"]}, suffix=".sub") == (0, 1, 1)


def test_an_argument_of_two_events_counts_twice_where_events_are_given():
    both = {"target": TARGET, "events": [EVENT, EVENT | {"effect": ["a cough"]}]}
    assert counts(TARGET, both, suffix=".drug") == (1, 0, 1)
    assert counts(TARGET, {"target": TARGET}, suffix=".drug") == (1, 0, 0)
    assert counts(TARGET | {"drug": ["naproxen", "naproxen"]}, both, suffix=".drug") == (2, 0, 0)


@pytest.mark.parametrize("text", ["no JSON", "[]", '{"drug": null}', '{"drug": {}}'])
def test_what_names_no_argument_finds_none(text):
    columns = SCORER.columns(text, ROW, TASK)
    assert (columns["em_tp"], columns["em_fn"], columns["token_tp"]) == (0, 4, 0)


def test_what_is_no_string_is_a_false_find():
    assert counts(TARGET | {"race": [7]}, suffix=".race") == (0, 1, 0)
    assert counts(TARGET | {"drug": "naproxen"}) == (4, 0, 0)


def test_a_string_repeated_beyond_the_gold_is_one_false_find_and_so_are_its_words():
    answer = TARGET | {"effect": ["a rash"] * 20 + ["chest pain"] * 20}
    assert counts(answer, suffix=".effect") == (1, 2, 0)
    # Tokens: one surplus "rash", "chest", "pain".
    assert counts(answer, of="token", suffix=".effect") == (1, 3, 0)
    columns = SCORER.columns(json.dumps(answer), ROW, TASK)
    assert columns["fp_left_out.em"] == 18 + 19
    assert columns["fp_left_out.token"] == 18 + 2 * 19


def test_a_wrong_word_in_two_strings_is_two_false_words_as_in_the_papers():
    answer = TARGET | {"effect": ["bad rash", "bad cough"]}
    assert counts(answer, of="token", suffix=".effect") == (1, 3, 0)


def test_false_arguments_are_capped_and_roles_add_up_to_the_whole():
    answer = TARGET | {"effect": [f"effect {n}" for n in range(60)], "drug": ["x", "y"]}
    columns = SCORER.columns(json.dumps(answer), ROW, TASK)
    assert columns["em_fp"] == 2 * 4 + 3
    assert columns["em_fp"] == sum(columns[f"em_fp.{role}"] for role in roles_of(TASK))
    assert columns["em_fp.main"] == columns["em_fp.effect"]
    assert columns["token_fp"] == 2 * 8 + 3


def test_scores_are_micro_averages_over_roles_and_rows():
    found = values([ROW, ROW], [json.dumps(TARGET), json.dumps({"effect": ["rash", "cough"]})])
    assert found["em_f1"] == pytest.approx(2 * 5 / (2 * 5 + 1 + 3))
    assert found["em_f1_main"] == pytest.approx(2 * 4 / (2 * 4 + 1 + 2))
    assert found["em_f1_sub"] == pytest.approx(2 * 1 / (2 * 1 + 0 + 1))
    assert found["em_f1.effect"] == pytest.approx(2 * 2 / (2 * 2 + 1 + 0))
    assert found["token_f1"] == pytest.approx(2 * 9 / (2 * 9 + 1 + 7))


def test_nulls_of_a_table_format_are_absent_arguments():
    events = [EVENT | {"race": None, "age": None}]
    assert counts(TARGET, {"target": TARGET, "events": events}) == (4, 0, 0)


@pytest.mark.skipif("PAWL_DATA" not in os.environ, reason="PAWL_DATA names no data directory")
def test_the_gold_answers_of_the_real_test_set_miss_only_repeats():
    lines = (Path(os.environ["PAWL_DATA"]) / "phee" / "test.jsonl").read_text("utf-8").split("\n")
    rows = [json.loads(line) for line in lines if line]
    answers = [TASK.answer(row["target"]) for row in rows]
    found = values(rows, answers)
    assert found["em_f1"] == pytest.approx(0.9962, abs=5e-5)
    assert found["token_f1"] == pytest.approx(0.9962, abs=5e-5)
    columns = pd.DataFrame(SCORER.score_all(answers, rows, TASK))
    assert (columns["em_fp"].sum(), columns["em_fn"].sum(), columns["em_tp"].sum()) == (0, 42, 5451)
