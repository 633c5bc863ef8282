"""From the ledger of looks to what a decision may spend: for runs and for decisions from files.

Does: digest policies and questions, refuse what a used-up budget does not allow, claim the rest.
Does not: know Prefect (flows/steps/look.py), or read and write the ledger (registry/looks.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from configs.canonical_json import digest_json
from configs.errors import EvidenceError
from configs.gate_policy import GateConfig
from evals.decision import Look, SharedLook
from evals.documents import DocumentRows
from evals.stats.multiplicity import spend
from registry.look_ledger import EarlierLook, PolicyRecorded
from registry.looks import CountedLook, LookCounter, Question

SHOWN_LOOKS = 5
SHOWN_ROWS = 10


def policy_digest(policy: GateConfig) -> str:
    """Digest of what decides. Who must approve, and the check of sizes before training, change nothing
    about what the test set is asked."""
    return digest_json(policy.model_dump(mode="json", exclude={"approval", "preflight"}))


def question_digest(
    policy: GateConfig, candidates: Sequence[str], evidence: Mapping[str, str], seed: int
) -> str:
    """Digest of a decision: the same question is the same look.

    Args:
        evidence: digest of every evaluation that it rests on.
    """
    return digest_json(
        {
            "policy": policy_digest(policy),
            "candidates": list(candidates),
            "evidence": dict(evidence),
            "seed": seed,
        }
    )


def look_of(policy: GateConfig, documents: DocumentRows, counted: CountedLook) -> Look:
    """What a counted look may spend, and what came before it.

    A look beyond the planned ones may spend nothing; see `refuse_if_used_up`.
    """
    budget, alpha = policy.alpha_budget, policy.alpha
    if budget is not None:
        alpha = spend(policy.alpha, counted.number, budget.planned_looks)
    return Look(
        number=counted.number,
        alpha=alpha,
        budgeted=budget is not None,
        documents=len(documents.documents),
        known_by_text=documents.known_by_text,
        earlier=tuple(
            SharedLook(
                number=look.number,
                model=look.entry.model,
                date=look.entry.written,
                shared_documents=look.shared,
                decided=look.decided,
            )
            for look in counted.earlier
        ),
        policy_recorded=counted.policy_recorded,
        policy_changed_after=counted.policy_changed_after,
    )


def refuse_if_used_up(
    policy: GateConfig, documents: DocumentRows, counted: CountedLook, where: str
) -> None:
    """Insist that the budget allows a look.

    Raises:
        EvidenceError: when the planned looks are used up; it names the earlier ones and what they
            share with this one.
    """
    budget = policy.alpha_budget
    if budget is None or budget.planned_looks is None or counted.number <= budget.planned_looks:
        return
    shown = counted.earlier[-SHOWN_LOOKS:]
    more = len(counted.earlier) - len(shown)
    told = "; ".join([*([f"{more} before them"] if more else []), *map(_told, shown)])
    total, shared = len(documents.documents), len(counted.shared)
    action = "Evaluate on fresh documents: these have spent their alpha."
    if shared < total:
        ids = documents.ids(counted.shared)
        rows = ", ".join(ids[:SHOWN_ROWS])
        rest = f" and {len(ids) - SHOWN_ROWS} more" if len(ids) > SHOWN_ROWS else ""
        action = f"Take the {shared} shared documents out (rows {rows}{rest}), or evaluate on fresh ones."
    raise EvidenceError(
        where,
        f"expected at most {budget.planned_looks} decisions on the documents of one test set, got "
        f"number {counted.number}; {shared} of its {total} documents are shared with earlier looks "
        f"({told})",
        action,
    )


def _told(look: EarlierLook) -> str:
    about = f" at {look.entry.model}" if look.entry.model else " from files"
    undecided = "" if look.decided else ", scored under a policy that was changed"
    return (
        f"look {look.number}{about} on {look.entry.written[:10]}: {look.shared} shared{undecided}"
    )


def claim(
    counter: LookCounter,
    policy: GateConfig,
    documents: DocumentRows,
    question: Question,
    where: str,
    rehearse: Callable[[Look], Any],
    policy_recorded: PolicyRecorded | None = None,
) -> Look:
    """The look of a question, entered in the ledger after everything that could refuse it.

    Args:
        rehearse: decides with the look that is expected; what it raises costs no look, and what it
            returns is thrown away. Not called for a question that was asked before.
        policy_recorded: when the policy was recorded, if the caller knows better than the ledger.
    Raises:
        EvidenceError: when the planned looks are used up.
        RegistryError: when MLflow is unreachable.
    """
    expected = counter.next_look(question)
    if expected.entry is not None:
        return look_of(policy, documents, expected)
    refuse_if_used_up(policy, documents, expected, where)
    rehearse(look_of(policy, documents, expected))
    claimed = counter.claim(question, policy_recorded)
    try:
        refuse_if_used_up(policy, documents, claimed, where)
    except EvidenceError:
        # Another process took the last one meanwhile.
        counter.withdraw(claimed, question)
        raise
    return look_of(policy, documents, claimed)
