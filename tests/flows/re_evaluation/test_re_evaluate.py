"""The flow `re-evaluate` on a real Prefect server and a real registry."""

import uuid

import pytest
from prefect.client.orchestration import get_client

from configs.errors import ConfigError, RegistryError, WeightsError
from flows.lifecycle_summary import LifecycleSummary
from flows.re_evaluation.one_model import claim_key, facts_of_question, rebased
from flows.requests.re_evaluate import ReEvaluateRequest
from registry.alias_ledger import read_ledger
from registry.claims import claim, holder_of
from registry.confirmations import decided_evidence
from registry.dependents import champions
from registry.releases import latest_release, note_release
from tests.flows.re_evaluation.conftest import edit_task


def release(place, followed, source, digest):
    seen = latest_release(place.store, followed)
    return note_release(place.store, followed, source, digest, seen, announce=True)


def refused(state, kind, *parts):
    assert state.is_failed()
    error = state.result(raise_on_failure=False)
    assert isinstance(error, kind), error
    for part in parts:
        assert part in str(error)


def test_where_nothing_changed_nothing_is_computed(workplace, re_evaluated):
    workplace.champion()
    state = re_evaluated(reason="age")
    assert (state.type.value, state.name) == ("COMPLETED", "Unchanged")
    assert "notes was decided on exactly these inputs before (outcome promote)" in state.message
    assert not (workplace.home / "cache").exists()
    last = decided_evidence(workplace.store, "notes")[-1]
    assert (last.outcome, last.confirmed, last.version) == ("unchanged", True, 1)


def test_a_release_is_decided_once_and_asking_again_is_a_no_op(workplace, re_evaluated):
    """The one test here that trains: new base weights go through the champion's own recipe."""
    workplace.champion()
    source, _ = workplace.base()
    _, digest = workplace.base(nudged_by=0.05)
    found = release(workplace, source, source, digest)
    request = {
        "followed": source, "source": source, "digest": digest, "release_id": found.release_id,
        "reason": "weights",
    }  # fmt: skip
    state = re_evaluated(**request)
    [outcome] = state.result()
    assert outcome.kind == "decided", state
    assert {row[0] for row in outcome.summary.score_rows} >= {"base", "fine-tuned", "champion"}
    made = workplace.store.versions("notes")[-1]
    assert (made.version, made.tag("base_digest")) == (2, digest)
    assert holder_of(workplace.store, f"re-evaluate/{found.release_id}") is not None
    ledger = read_ledger(workplace.store, "notes", "champion")

    again = re_evaluated(**request)  # a second automation fired on the same event
    assert (again.type.value, again.name) == ("COMPLETED", "Already done")
    assert "which is completed" in again.message
    by_hand = re_evaluated(source=source, reason="manual")  # the same bytes, asked for by a person
    assert (by_hand.name, by_hand.result()[0].kind) == ("Unchanged", "unchanged")
    assert len(workplace.store.versions("notes")) == 2
    assert read_ledger(workplace.store, "notes", "champion") == ledger


def test_a_release_that_the_ledger_does_not_know_is_refused(workplace, re_evaluated):
    workplace.champion()
    source, digest = workplace.base()
    state = re_evaluated(
        source=source, digest=digest, release_id="7-0123456789ab", reason="weights"
    )
    refused(state, RegistryError, "release 7-0123456789ab", "got none", "Nothing was evaluated")
    assert holder_of(workplace.store, "re-evaluate/7-0123456789ab") is None


@pytest.mark.parametrize("forged", ["digest", "source", "followed"])
def test_a_request_that_says_else_than_the_ledger_is_refused(workplace, re_evaluated, forged):
    workplace.champion()
    source, digest = workplace.base()
    found = release(workplace, source, source, digest)
    honest = {"followed": source, "source": source, "digest": digest}
    lie = {
        "digest": f"sha256:{'0' * 64}",
        "source": "file:///elsewhere",
        "followed": "file:///else",
    }
    state = re_evaluated(**honest | {forged: lie[forged]}, release_id=found.release_id)
    refused(state, RegistryError, f"{forged} of release", f"got {lie[forged]}")
    assert holder_of(workplace.store, f"re-evaluate/{found.release_id}") is None


def test_weights_that_are_not_the_released_ones_are_refused(workplace, re_evaluated):
    """The directory was changed after it was announced: the digest in the ledger is stale."""
    workplace.champion()
    source, _ = workplace.base()
    found = release(workplace, source, source, f"sha256:{'1' * 64}")
    state = re_evaluated(release_id=found.release_id, reason="weights")
    refused(state, WeightsError, f"expected sha256:{'1' * 64}, got sha256:")
    assert len(workplace.store.versions("notes")) == 1


def test_a_release_that_a_newer_one_followed_is_superseded(workplace, re_evaluated):
    workplace.champion()
    source, digest = workplace.base()
    old = release(workplace, source, source, f"sha256:{'1' * 64}")
    new = release(workplace, source, source, digest)
    state = re_evaluated(release_id=old.release_id, reason="weights")
    assert (state.type.value, state.name) == ("COMPLETED", "Superseded")
    assert f"release {new.number}" in state.message
    assert len(workplace.store.versions("notes")) == 1


def test_a_release_on_which_no_champion_depends_is_claimed_and_ends(workplace, re_evaluated):
    workplace.champion()
    other, digest = workplace.base("other")
    found = release(workplace, other, other, digest)
    state = re_evaluated(release_id=found.release_id, reason="weights")
    assert (state.type.value, state.name) == ("COMPLETED", "Nothing to do")
    assert "No champion was made from a revision of" in state.message
    assert holder_of(workplace.store, f"re-evaluate/{found.release_id}") is not None


def test_a_release_that_a_run_is_busy_with_is_left_to_it(workplace, re_evaluated, run_in_state):
    workplace.champion()
    source, digest = workplace.base()
    found = release(workplace, source, source, digest)
    busy = run_in_state("RUNNING")
    claim(workplace.store, f"re-evaluate/{found.release_id}", busy)
    state = re_evaluated(release_id=found.release_id, reason="weights")
    assert (state.type.value, state.name) == ("COMPLETED", "Already done")
    assert busy in state.message


def key_of_the_only_question(place, request):
    """What a run that is asked this claims about the one model."""
    [one] = champions(place.store)
    return claim_key(request, one, facts_of_question(rebased(one, request), one, request))


def test_an_overlapping_schedule_leaves_a_long_run_alone(workplace, re_evaluated, run_in_state):
    workplace.champion()
    edit_task(workplace, max_new_tokens=100)
    busy = run_in_state("RUNNING")
    key = key_of_the_only_question(workplace, ReEvaluateRequest(reason="age"))
    claim(workplace.store, key, busy)
    state = re_evaluated(reason="age")
    assert (state.type.value, state.name) == ("COMPLETED", "Already done")
    assert f"({busy}) has it, which is running" in state.message


def test_a_run_that_goes_on_after_an_approval_finishes_what_it_began(
    workplace, re_evaluated, monkeypatch
):
    """Its own decision is registered by then: it must not take that for somebody else's answer."""
    began = LifecycleSummary(
        lifecycle="small", outcome="promote", registry="Approved.", reasons=[], score_header=[],
        score_rows=[], steps=[], report=workplace.home, pin=None,
    )  # fmt: skip
    workplace.champion()
    run_id = str(uuid.uuid4())
    monkeypatch.setenv("PREFECT__RUNTIME__FLOW_RUN__ID", run_id)
    monkeypatch.setattr("flows.lifecycle.run_lifecycle", lambda config, actor: began)
    key = key_of_the_only_question(workplace, ReEvaluateRequest(reason="age"))
    claim(workplace.store, key, run_id)
    [outcome] = re_evaluated(reason="age").result()
    assert (outcome.kind, outcome.text) == ("decided", "promote: Approved.")


@pytest.mark.parametrize(
    ("state", "kind"), [("CRASHED", "decided"), ("FAILED", "decided"), ("COMPLETED", "unchanged")]
)
def test_a_promotion_that_a_run_decided_and_did_not_live_to_make_is_made(
    workplace, re_evaluated, run_in_state, monkeypatch, state, kind
):
    """It registers the version first and moves the alias after that."""
    began = LifecycleSummary(
        lifecycle="small", outcome="promote", registry="Promoted.", reasons=[], score_header=[],
        score_rows=[], steps=[], report=workplace.home, pin=None,
    )  # fmt: skip
    workplace.champion()
    edit_task(workplace, max_new_tokens=100)
    key = key_of_the_only_question(workplace, ReEvaluateRequest(reason="age"))
    claim(workplace.store, key, run_in_state(state))
    workplace.base("other", nudged_by=0.05)
    with monkeypatch.context() as dying:
        dying.delattr("registry.promotion.append")
        with pytest.raises(NameError):
            workplace.champion(weights=workplace.directory / "other")
    assert len(workplace.store.versions("notes")) == 2
    monkeypatch.setattr("flows.lifecycle.run_lifecycle", lambda config, actor: began)
    [outcome] = re_evaluated(reason="age").result()
    assert outcome.kind == kind


def test_a_task_deleted_between_scheduling_and_run_is_named(workplace, re_evaluated):
    workplace.champion()
    workplace.task.unlink()
    refused(re_evaluated(reason="age"), ConfigError, str(workplace.task), "found neither")


def test_a_model_without_a_champion_is_named(workplace, re_evaluated):
    workplace.champion()
    refused(re_evaluated(model="letters"), RegistryError, "model letters", "got none")


def test_a_model_that_fails_stops_no_other(workplace, re_evaluated):
    workplace.champion("letters", base="other")
    workplace.champion("notes")
    (workplace.directory / "other" / "config.json").unlink()
    state = re_evaluated(reason="age")
    refused(state, RegistryError, "re-evaluation of letters", "expected config.json, found none")
    assert decided_evidence(workplace.store, "notes")[-1].outcome == "unchanged"


def test_a_model_whose_records_are_broken_stops_no_other(workplace, re_evaluated):
    workplace.champion("letters")
    workplace.base("other", nudged_by=0.05)
    workplace.champion("letters", weights=workplace.directory / "other")
    workplace.champion("notes")
    workplace.store._client.delete_model_version("letters", "2")
    state = re_evaluated(reason="age")
    refused(state, RegistryError, "re-evaluation of letters", "expected version 2")
    assert decided_evidence(workplace.store, "notes")[-1].outcome == "unchanged"


def test_several_models_get_runs_of_their_own_and_a_retry_starts_none_twice(
    workplace, re_evaluated, on_prefect, monkeypatch
):
    from flows.deployed.re_evaluate import re_evaluate

    workplace.champion("letters")
    workplace.champion("notes")
    source, digest = workplace.base()
    found = release(workplace, source, source, digest)
    with get_client(sync_client=True) as client:
        flow_id = client.create_flow(re_evaluate)
        deployment = client.create_deployment(flow_id, f"re-evaluate {uuid.uuid4()}")
    monkeypatch.setenv("PREFECT__RUNTIME__DEPLOYMENT__ID", str(deployment))
    state = re_evaluated(release_id=found.release_id, reason="weights", requested_by="watcher")
    assert [one.kind for one in state.result()] == ["started", "started"]
    asked = {"deployments": {"id": {"any_": [str(deployment)]}}}
    runs = on_prefect.request("POST", "/flow_runs/filter", json=asked)
    requests = {run["parameters"]["request"]["model"]: run["parameters"]["request"] for run in runs}
    assert sorted(requests) == ["letters", "notes"]
    assert requests["notes"]["release_id"] == found.release_id
    assert requests["notes"]["digest"] == digest
    assert {run["idempotency_key"].split()[1] for run in runs} == {
        holder_of(workplace.store, f"re-evaluate/{found.release_id}")
    }


def test_what_the_form_says_about_who_asks_reaches_the_lifecycle_as_it_is(
    workplace, re_evaluated, monkeypatch
):
    """A made-up name for a person who gave none would let that person approve."""
    asked = []

    def refused(config, requested_by):
        asked.append(requested_by)
        raise RegistryError("lifecycle", "expected nothing, was asked", "Look at the test.")

    monkeypatch.setattr("flows.lifecycle.run_lifecycle", refused)
    workplace.champion()
    edit_task(workplace, max_new_tokens=100)
    assert re_evaluated(reason="manual").is_failed()
    assert asked == [""]
