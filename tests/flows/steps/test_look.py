"""Policies, scorings and looks of a run, in a real registry; the steps without Prefect."""

import json

import pytest

from configs.errors import EvidenceError
from configs.load import load_lifecycle, load_task
from evals.documents import documents_of_rows
from evals.evaluation import write_evaluation
from flows.home import model_store
from flows.step_cache import StepOutcome
from flows.steps import look as steps
from registry.look_ledger import LOOKS, entry_of
from registry.model_looks import model_ledger_name

ROWS = 40


@pytest.fixture(autouse=True)
def published(tmp_path, monkeypatch):
    """What the steps publish, with a home of the test's own."""
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PAWL_HOME", str(tmp_path / "home"))
    shown = []
    monkeypatch.setattr(steps, "publish", lambda key, text, about: shown.append(text))
    return shown


@pytest.fixture(autouse=True)
def migrated_home(tmp_path, migrated_database, published):
    home = tmp_path / "home"
    home.mkdir()
    (home / "mlflow.db").write_bytes(migrated_database.read_bytes())


@pytest.fixture
def task():
    return load_task("clinical-notes")


def config_of(planned_looks=2, margin=0.05, **changes):
    config = load_lifecycle("demo")
    gate = {
        "candidates": ["awq"], "comparisons": [{"metric": "micro_f1", "margin": margin}],
        "resamples": 1000, "alpha_budget": {"planned_looks": planned_looks},
    }  # fmt: skip
    content = config.model_dump(mode="json") | {"gate": gate, "guard_tasks": []} | changes
    return type(config).model_validate(content)


@pytest.fixture
def prepared(tmp_path):
    """Make prepared data whose test rows are those numbers."""

    def make(numbers=range(ROWS), name="prepared"):
        directory = tmp_path / name
        directory.mkdir(exist_ok=True)
        empty = {"medications": [], "problems": [], "allergies": [], "adverse_events": []}
        (directory / "test.jsonl").write_text(
            "".join(
                json.dumps(
                    {
                        "id": f"r{n}", "doc_id": f"d{n}", "target": empty,
                        "text": f"Note {n} of a patient who feels well.",
                    }
                ) + "\n"
                for n in numbers
            )
        )  # fmt: skip
        return outcome(directory, "sha256:data")

    return make


def outcome(directory, digest, reused=False):
    return StepOutcome(
        step="step", files=directory, digest=digest, result={}, reused=reused, seconds=0
    )


@pytest.fixture
def run(task, prepared, evaluation_of, tmp_path):
    """The steps around the ledger, as a run takes them; returns the look."""

    def go(config, data=None, weights="w1", rows=ROWS, reused=False, until="claim"):
        data = data or prepared()
        steps.record_policy.fn(config, task, data)
        candidates = {"awq": outcome(tmp_path, f"sha256:{weights}")}
        new = steps.record_scoring.fn(config, task, data, candidates)
        if until == "scoring":
            return None
        evaluations = {}
        for name, count in (("awq", rows), ("baseline", ROWS)):
            directory = tmp_path / f"{name} {count}"
            write_evaluation(evaluation_of(name, tp=[5] * count), directory)
            digest = f"sha256:{name} of {weights}"
            evaluations[name] = outcome(directory, digest, reused)
        return steps.claim_look.fn(config, task, data, candidates, new, evaluations, {})

    return go


def kinds():
    return [entry_of(record).kind for record in model_store().versions(LOOKS)]


def test_a_run_records_its_policy_then_what_it_scores_then_its_look(run, published):
    look = run(config_of())
    assert kinds() == ["recorded", "scored", "look"]
    assert (look.number, look.alpha, look.budgeted, look.counted) == (1, 0.025, True, True)
    assert (look.documents, look.policy_recorded, look.policy_changed_after) == (
        ROWS,
        "before",
        None,
    )
    [shown] = published
    assert "This policy was recorded before the answers were first scored." in shown


def test_a_second_run_with_the_same_question_is_the_same_look(run):
    first = run(config_of())
    assert run(config_of(), reused=True) == first
    assert kinds() == ["recorded", "scored", "look"]


def test_a_policy_changed_after_the_scores_makes_another_look_and_says_so(run):
    run(config_of())
    look = run(config_of(margin=0.1), reused=True)
    assert (look.number, look.policy_recorded, look.policy_changed_after) == (2, "after", 1)


def test_so_does_one_changed_after_a_run_that_never_came_to_decide(run):
    run(config_of(), until="scoring")
    look = run(config_of(margin=0.1), reused=True)
    assert (look.number, look.policy_recorded, look.policy_changed_after) == (2, "after", 1)
    assert [each.decided for each in look.earlier] == [False]


def test_answers_that_are_older_than_the_ledger_are_older_than_the_policy(run):
    look = run(config_of(), reused=True)
    assert look.policy_recorded == "after"
    assert run(config_of(), reused=True) == look


def test_another_model_name_prompt_and_row_go_on_counting(run, prepared, monkeypatch):
    run(config_of())
    other = config_of(registry={"model_name": "renamed"}, name="renamed")
    look = run(other, prepared(range(ROWS + 1), "one-more"), weights="w2")
    assert look.number == 2
    [earlier] = look.earlier
    assert (earlier.model, earlier.shared_documents) == ("clinical-notes-extractor", ROWS)


def test_a_used_up_budget_stops_the_next_run_before_anything_is_scored(run, prepared, task):
    config = config_of(planned_looks=1)
    run(config)
    mixed = prepared(range(ROWS - 3, 2 * ROWS), "mixed")
    changed = config_of(planned_looks=1, seed=99)
    with pytest.raises(EvidenceError) as refused:
        steps.record_policy.fn(changed, task, mixed)
    said = str(refused.value)
    assert "expected at most 1 decisions on the documents of one test set, got number 2" in said
    assert (
        f"3 of its {ROWS + 3} documents are shared with earlier looks (look 1 at clinical-" in said
    )
    assert "Take the 3 shared documents out (rows r37, r38, r39)" in said
    assert kinds() == ["recorded", "scored", "look"]
    fresh = prepared(range(ROWS, 2 * ROWS), "fresh")
    assert steps.record_policy.fn(changed, task, fresh).number == 1


def test_a_run_that_was_decided_may_be_repeated_although_the_budget_is_used_up(run):
    first = run(config_of(planned_looks=1))
    assert run(config_of(planned_looks=1)) == first


def test_a_repeated_run_that_asks_something_new_is_refused_without_a_look(run):
    run(config_of(planned_looks=1))
    with pytest.raises(EvidenceError, match="got number 2"):
        run(config_of(planned_looks=1), weights="w2")
    assert "look" not in kinds()[3:]


def test_what_the_gate_refuses_costs_no_look(run):
    with pytest.raises(EvidenceError, match="expected the same rows"):
        run(config_of(), rows=ROWS - 1)
    assert kinds() == ["recorded", "scored"]
    assert run(config_of(), weights="w2").number == 1


def test_looks_of_an_earlier_version_at_the_same_rows_count(run, prepared, task):
    from configs.canonical_json import digest_json
    from flows.steps.prepare import split_digest

    data = prepared()
    content = task.model_dump(mode="json", include=set(steps.MODEL_LEDGER_TASK))
    known_as = digest_json({"test": split_digest(data, "test"), "task": content})
    model_store().append_entry(
        model_ledger_name("clinical-notes-extractor"), "Of an earlier version",
        {"test_set": known_as, "question": "sha256:old"},
    )  # fmt: skip
    assert run(config_of(), data).number == 2


def test_the_look_that_is_expected_is_told_at_the_start(task, prepared):
    look = steps.record_policy.fn(config_of(planned_looks=4), task, prepared())
    assert (look.number, look.alpha) == (1, 0.0125)
    rows = [json.loads(line) for line in (prepared().files / "test.jsonl").open()]
    assert look.documents == len(documents_of_rows(task, rows).documents)
