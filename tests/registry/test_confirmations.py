from registry.confirmations import confirm, confirmations_name, decided_evidence
from registry.promotion import promote_version, record_challenger
from registry.staleness import EvidenceFacts

FACTS = EvidenceFacts(**{name: f"{name} 1" for name in EvidenceFacts.model_fields})


def test_decisions_and_confirmations_stand_in_order_of_time(store, plan_of, model):
    plan = plan_of("one")
    promote_version(store, plan.model_copy(update={"lineage": plan.lineage | FACTS.tags}))
    confirm(store, model, 1, FACTS, "unchanged", "weekly schedule")
    record_challenger(store, plan_of("two", outcome="reject", promoted=None))
    found = decided_evidence(store, model)
    assert [(one.version, one.outcome, one.confirmed) for one in found] == [
        (1, "promote", False), (1, "unchanged", True), (2, "reject", False),
    ]  # fmt: skip
    assert found[0].facts == found[1].facts == FACTS
    assert found[2].facts.recipe_digest == ""
    assert [one.decided_ms for one in found] == sorted(one.decided_ms for one in found)


def test_a_confirmation_is_kept_on_any_store_and_is_no_model(contract_store, plan_of, model):
    promote_version(contract_store, plan_of("one"))
    confirm(contract_store, model, 1, FACTS, "unchanged", "ada")
    assert decided_evidence(contract_store, model)[-1].facts == FACTS
    assert confirmations_name(model) not in contract_store.models()


def test_entries_of_others_are_no_confirmations(store, plan_of, model):
    promote_version(store, plan_of("one"))
    store.create_model(confirmations_name(model))
    store.create_version(confirmations_name(model), f"models:/{model}/1", {"champion": "x"})
    assert [one.confirmed for one in decided_evidence(store, model)] == [False]


def test_a_model_without_decisions_has_none(store):
    assert decided_evidence(store, "nothing") == []
