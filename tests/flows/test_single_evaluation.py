"""`pawl gate decide` and the budget of the documents that it decides on."""

import json

import pytest

POLICY = "no-worse-than-baseline"


def assert_one_clear_message(printed, *parts):
    assert printed.code == 1
    assert printed.err.startswith("pawl: ")
    assert "Traceback" not in printed.err + printed.out
    for part in parts:
        assert part in printed.err


@pytest.fixture
def stored(evaluation_of, tmp_path):
    """Store an evaluation under a name and return its directory."""
    from evals.evaluation import write_evaluation

    def store(name, **counts):
        (tmp_path / name).mkdir()
        write_evaluation(evaluation_of(name, **counts), tmp_path / name)
        return tmp_path / name

    return store


@pytest.fixture
def budgeted(tmp_path):
    """A policy whose budget allows two looks."""
    path = tmp_path / "budgeted.yaml"
    path.write_text(
        "comparisons: [{metric: micro_f1, margin: 0.05}]\nresamples: 1000\n"
        "alpha_budget: {planned_looks: 2}\n"
    )
    return path


@pytest.fixture
def of_documents(evaluation_of, tmp_path):
    """Store an evaluation of numbered documents that keeps the digests of their texts."""
    from configs.document_set import text_digest
    from evals.evaluation import INPUT_DIGEST, write_evaluation

    def store(name, numbers, missed=0):
        evaluation = evaluation_of(name, tp=[5 - missed] * len(numbers), fn=[missed] * len(numbers))
        texts = [f"Note {n} of a patient who feels well." for n in numbers]
        evaluation.frame[INPUT_DIGEST] = list(map(text_digest, texts))
        write_evaluation(evaluation, tmp_path / name)
        return tmp_path / name

    return store


def gate_of(pawl, policy, candidate, baseline, *more):
    return pawl(
        "gate", "decide", policy, "--candidate", candidate, "--baseline", baseline, *more
    )  # fmt: skip


def looks_in(tmp_path):
    from registry.look_ledger import LOOKS
    from registry.store import ModelStore

    return len(ModelStore(f"sqlite:///{tmp_path / 'home' / 'mlflow.db'}").versions(LOOKS))


def test_decisions_from_files_share_the_budget_of_their_documents(
    pawl, budgeted, of_documents, tmp_path
):
    baseline = of_documents("baseline", range(60))
    first = of_documents("first", range(60))
    printed = gate_of(pawl, budgeted, first, baseline)
    assert "Look 1 on this test set spends 0.025 of its alpha of 0.05" in printed.out
    assert "recorded after the answers were first scored" in printed.out
    assert "Look 1 on" in gate_of(pawl, budgeted, first, baseline).out  # the same question

    out = tmp_path / "decision.json"
    more = [of_documents(name, range(50, 120)) for name in ("other", "other-baseline")]
    assert "Look 2 on" in gate_of(pawl, budgeted, *more, "--out", out).out
    look = json.loads(out.read_text())["look"]
    assert (look["number"], look["documents"], look["counted"]) == (2, 70, True)
    assert [each["shared_documents"] for each in look["earlier"]] == [10]

    out.unlink()
    again = [of_documents(name, range(55, 130)) for name in ("third", "third-baseline")]
    refused = gate_of(pawl, budgeted, *again, "--out", out)
    assert_one_clear_message(
        refused, "expected at most 2 decisions", "got number 3", "65 of its 75 documents",
        "look 1 from files on 20", "5 shared", "Take the 65 shared documents out (rows r0, r1",
    )  # fmt: skip
    assert "Outcome" not in refused.out
    assert not out.exists()
    assert looks_in(tmp_path) == 2


def test_an_uncounted_decision_says_so_first_and_claims_nothing(
    pawl, budgeted, of_documents, tmp_path
):
    pair = [of_documents(name, range(60)) for name in ("candidate", "baseline")]
    out = tmp_path / "decision.json"
    printed = gate_of(pawl, budgeted, *pair, "--uncounted", "--out", out)
    assert printed.out.startswith("Uncounted: this decision claims no look")
    assert "Outcome: " in printed.out
    decision = json.loads(out.read_text())
    assert decision["reasons"][0].startswith("Uncounted: this decision claims no look")
    assert not (tmp_path / "home" / "mlflow.db").exists()


def test_without_a_budget_nothing_is_claimed_and_a_short_note_says_so(pawl, stored, tmp_path):
    pair = [stored(name, tp=[1] * 60) for name in ("candidate", "baseline")]
    printed = gate_of(pawl, POLICY, *pair)
    assert printed.out.startswith("Outcome: ")
    assert "- Uncounted: no look was claimed" in printed.out
    assert not (tmp_path / "home" / "mlflow.db").exists()


def test_what_the_gate_refuses_costs_no_look(pawl, budgeted, of_documents, tmp_path):
    candidate, baseline = of_documents("candidate", range(60)), of_documents("baseline", range(61))
    assert_one_clear_message(
        gate_of(pawl, budgeted, candidate, baseline), "expected the same rows", "r60"
    )
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(budgeted.read_text().replace("micro_f1", "accuracy"))
    same = of_documents("same", range(60))
    assert_one_clear_message(gate_of(pawl, wrong, candidate, same), "got 'accuracy'")
    assert looks_in(tmp_path) == 0


def test_older_evaluations_are_counted_by_name_and_the_decision_says_so(pawl, budgeted, stored):
    pair = [stored(name, tp=[1] * 60) for name in ("candidate", "baseline")]
    printed = gate_of(pawl, budgeted, *pair)
    assert "Look 1 on this test set" in printed.out
    assert "known by its data digest and document keys alone" in printed.out


def test_a_look_needs_a_registry_that_answers(pawl, budgeted, of_documents, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    pair = [of_documents(name, range(60)) for name in ("candidate", "baseline")]
    refused = gate_of(pawl, budgeted, *pair)
    assert_one_clear_message(refused, "MLflow at http://127.0.0.1:9", "unreachable")
    assert "Outcome" not in refused.out


def test_the_policy_tests_itself_on_the_documents_unless_told_not_to(pawl, stored, tmp_path):
    places = (
        stored("a", tp=[5, 4] * 40, fn=[0, 1] * 40),
        stored("b", tp=[4, 5] * 40, fn=[1, 0] * 40),
    )
    out = tmp_path / "decision.json"
    said = gate_of(pawl, POLICY, *places, "--out", out)
    assert "Self-test on these documents" in " ".join(said.out.split())
    assert json.loads(out.read_text())["self_test"]["documents"] == 80
    said = gate_of(pawl, POLICY, *places, "--out", out, "--no-selftest")
    assert "Self-test" not in said.out
    assert json.loads(out.read_text())["self_test"] is None
