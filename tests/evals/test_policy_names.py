import doctest

import pytest

from configs.errors import ConfigError
from configs.gate_policy import GateConfig
from configs.load import load_gate, load_lifecycle, load_task
from configs.named_files import load_named
from configs.rubric import RubricConfig
from evals import policy_names
from evals.policy_names import name_problems, require_names

NOTES, TRIAGE = load_task("clinical-notes"), load_task("message-triage")


def policy(**rules):
    made = {"comparisons": [{"metric": "micro_f1", "margin": 0.05}]} | rules
    return GateConfig.model_validate(made)


def critical(**rule):
    return policy(critical=[{"minimum": 0.5} | rule])


def test_what_is_shipped_names_only_what_its_tasks_have():
    for name in ("demo", "smollm2-clinical-notes", "smollm2-phee"):
        lifecycle = load_lifecycle(name)
        assert name_problems(lifecycle.gate, load_task(lifecycle.task)) == ()
    for name in ("clinical-strict", "no-worse-than-baseline", "sequential"):
        assert name_problems(load_gate(name), NOTES) == ()


def test_all_problems_come_in_one_message_each_with_the_nearest_name():
    wrong = policy(
        comparisons=[{"metric": "mirco_f1", "margin": 0.05}],
        floors=[
            {"metric": "valid_jsn", "minimum": 0.9},
            {"metric": "micro_f1", "minimum": 0.9, "slice": "unseen_drugs"},
        ],
        critical=[
            {"field": "alergies", "minimum": 0.5},
            {"label": "urgent", "minimum": 0.5},
            {"slice": "notetype", "value": "ward", "minimum": 0.5},
        ],
    )
    with pytest.raises(ConfigError) as caught:
        require_names(wrong, NOTES, "gate of demo")
    message = str(caught.value)
    assert message.startswith("gate of demo, task clinical-notes: \n  - comparisons.0.metric: ")
    for problem in (
        "comparisons.0.metric: unknown metric 'mirco_f1'; did you mean 'micro_f1'?",
        "floors.0.metric: unknown metric 'valid_jsn'; did you mean 'valid_json'?",
        "floors.1.slice: unknown slice 'unseen_drugs'; did you mean 'unseen_drug'?",
        "critical.0.field: unknown field 'alergies'; did you mean 'allergies'?",
        "critical.1.label: unknown label 'urgent'; there are none",
        "critical.2.slice: unknown slice 'notetype'; did you mean 'note_type'?",
    ):
        assert f"\n  - {problem}" in message
    assert message.count("\n  - ") == 6
    assert message.endswith("Correct the gate's policy.")


def test_one_problem_stands_on_one_line():
    with pytest.raises(ConfigError, match=r"^gate, task clinical-notes: critical\.0\.field: unkn"):
        require_names(critical(field="allergy"), NOTES, "gate")


def test_where_nothing_is_near_the_names_are_listed():
    [problem] = name_problems(critical(field="zzz"), NOTES)
    assert problem.endswith("there are medications, problems, allergies, adverse_events")


def test_labels_of_a_classification_are_known_and_its_answers_have_no_fields():
    rules = {"comparisons": [{"metric": "macro_f1", "margin": 0.05}]}
    emergency = {"label": "emergency", "measure": "precision", "minimum": 0.5}
    assert name_problems(policy(**rules, critical=[emergency]), TRIAGE) == ()
    field = {"field": "allergies", "minimum": 0.5}
    assert name_problems(policy(**rules, critical=[field]), TRIAGE) == (
        "critical.0.field: unknown field 'allergies'; there are none",
    )


def test_a_task_whose_scorers_count_nothing_has_nothing_critical():
    summaries = load_task("discharge-summary")
    rule = {"slice": summaries.slices[0], "value": "x", "minimum": 0.5}
    rouge = {"comparisons": [{"metric": "rouge_l", "margin": 0.05}]}
    [problem] = name_problems(policy(**rouge, critical=[rule]), summaries)
    assert problem == (
        "critical.0: expected a task whose scorers count recall (micro_recall), got those of "
        "discharge-summary: rouge, key-facts, length"
    )


def test_rules_on_guard_tasks_are_left_to_their_own_measures():
    guard = {"metric": "acc", "margin": 0.1, "task": "note-reading", "references": ["base"]}
    floor = {"metric": "acc", "minimum": 0.1, "task": "note-reading"}
    both = policy(comparisons=[{"metric": "micro_f1", "margin": 0.05}, guard], floors=[floor])
    assert name_problems(both, NOTES) == ()


def test_a_judge_adds_its_metrics():
    judged = policy(comparisons=[{"metric": "judge", "margin": 0.05}])
    assert len(name_problems(judged, NOTES)) == 1
    assert (
        name_problems(judged, NOTES, load_named(RubricConfig, "answer-correctness", "rubrics"))
        == ()
    )


def test_examples_run():
    assert doctest.testmod(policy_names).failed == 0
