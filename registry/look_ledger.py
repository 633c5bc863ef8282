"""The ledger of looks: what its entries say about a test set, in their order.

One registered model, `looks.ledger`, holds the entries of all models, because a test set is used up by
whoever decides on it. Its versions are a log that nobody overwrites, in an order that MLflow gives.

A *look* is a decision on documents. Documents whose answers were scored under a policy that was then
exchanged for another before anything was decided are one, too: whoever changes a policy after
seeing scores has looked.

Does: replay entries; pure. Does not: talk to MLflow (registry/looks.py), or say what a look may spend
(evals/stats/multiplicity.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal

from pydantic import ValidationError

from configs.errors import RegistryError
from configs.strict_model import StrictModel
from registry.records import LEDGER_SUFFIX, VersionRecord, iso_time

LOOKS = f"looks{LEDGER_SUFFIX}"
PolicyRecorded = Literal["before", "after", "unknown"]
"""Relative to the moment at which the candidates' answers to these documents were first scored."""


class LookEntry(StrictModel):
    """One line of the ledger."""

    entry: int
    """Position in the log, from 1."""
    kind: Literal["recorded", "scored", "look", "withdrawn"]
    """A policy was recorded; answers are about to be scored; a decision; the entry `withdraws` was
    refused and counts for nothing."""
    test_set: str
    """Digest of the documents."""
    test_set_entry: int
    """Where registry/test_sets.py keeps them."""
    policy: str = ""
    """Digest of the policy; empty where it is not known."""
    model: str = ""
    """Registered model that the decision is about; empty for one from files."""
    question: str = ""
    """Digest of what was decided, for a look. The same question is the same look."""
    candidates: tuple[str, ...] = ()
    """Digests of the weights whose answers are scored."""
    policy_recorded: PolicyRecorded = "unknown"
    """For a look: when its policy was recorded."""
    recipe: str = ""
    """Digest of the configuration of the run."""
    withdraws: int = 0
    """For `withdrawn`: the entry that counts for nothing."""
    written: str
    """When, ISO 8601 in UTC."""


class EarlierLook(StrictModel):
    """One earlier look, as a later one on shared documents sees it."""

    number: int
    """From 1, in the order of the ledger, among the looks that share documents with the later one."""
    entry: LookEntry
    shared: int
    """Documents that both have."""

    @property
    def decided(self) -> bool:
        """False where answers were scored under a policy that was changed before a decision."""
        return self.entry.kind == "look"


def entry_of(record: VersionRecord) -> LookEntry | None:
    """The entry that a version holds; None for a version that somebody else made.

    Raises:
        RegistryError: when it is an entry that cannot be read.
    """
    tags = record.tags
    if "kind" not in tags or "test_set" not in tags:
        return None
    fields = {k: v for k, v in tags.items() if k in LookEntry.model_fields}
    written = {"written": tags.get("written") or iso_time(record.created_ms)}
    candidates = {"candidates": tuple(tags.get("candidates", "").split())}
    try:
        return LookEntry.model_validate(
            {**fields, **candidates, **written, "entry": record.version}
        )
    except ValidationError as error:
        raise RegistryError(
            f"{LOOKS} version {record.version}",
            f"expected an entry of the ledger of looks, got {fields}",
            "Somebody changed this ledger, or a newer Pawl wrote it: restore it, or use that Pawl.",
        ) from error


def tags_of(entry: LookEntry) -> dict[str, str]:
    """The entry as tags, without what MLflow adds; `written` where it is not empty."""
    content = entry.model_dump(exclude={"entry", "candidates"})
    content["candidates"] = " ".join(entry.candidates)
    return {name: str(value) for name, value in content.items() if value}


def look_with_question(entries: Iterable[LookEntry], question: str) -> LookEntry | None:
    """The look that asked this question first, if it stands."""
    return next(
        (e for e in _standing(entries) if e.kind == "look" and e.question == question), None
    )


def earlier_looks(
    entries: Iterable[LookEntry], shared: Mapping[str, int], policy: str
) -> tuple[EarlierLook, ...]:
    """The looks that a decision by `policy` comes after.

    Args:
        entries: in their order, up to the decision itself.
        shared: test set -> documents shared with the decision's; sets without any may be left out.
    """
    return tuple(
        EarlierLook(number=number, entry=entry, shared=shared[entry.test_set])
        for number, entry in enumerate(_looks(_overlapping(entries, shared), policy), start=1)
    )


def policy_record(
    entries: Iterable[LookEntry], shared: Mapping[str, int], policy: str
) -> int | None:
    """Number of the first entry that names the policy for documents of these, or None."""
    overlapping = _overlapping(entries, shared)
    return next((e.entry for e in overlapping if policy and e.policy == policy), None)


def first_scoring(
    entries: Iterable[LookEntry], shared: Mapping[str, int], candidate: str
) -> int | None:
    """Number of the first entry that says that answers of these weights are scored, or None."""
    scored = [e for e in _overlapping(entries, shared) if e.kind in ("scored", "look")]
    return next((e.entry for e in scored if candidate in e.candidates), None)


def changed_after(earlier: Sequence[EarlierLook], policy: str, recorded: int | None) -> int | None:
    """Number of the last look by another policy that came before this policy was recorded.

    Args:
        recorded: `policy_record` of the policy; None if the decision itself records it.
    """
    others = [
        look.number
        for look in earlier
        if look.entry.policy not in ("", policy)
        and (recorded is None or look.entry.entry < recorded)
    ]
    return others[-1] if others else None


def _overlapping(entries: Iterable[LookEntry], shared: Mapping[str, int]) -> list[LookEntry]:
    return [entry for entry in _standing(entries) if shared.get(entry.test_set)]


def _standing(entries: Iterable[LookEntry]) -> list[LookEntry]:
    known = list(entries)
    withdrawn = {entry.withdraws for entry in known if entry.kind == "withdrawn"}
    return [e for e in known if e.kind != "withdrawn" and e.entry not in withdrawn]


def _looks(entries: Iterable[LookEntry], policy: str) -> Iterator[LookEntry]:
    """Decisions, and scored policies that the next decision did not apply, in their order.

    That the number of a look only rests on entries before it, and grows from one decision to the
    next, is what gives two decisions on the same documents different numbers.
    """
    asked: set[str] = set()
    scored: dict[str, LookEntry] = {}
    for entry in entries:
        if entry.kind == "scored":
            scored.setdefault(entry.policy, entry)
        elif entry.kind == "look" and entry.question not in asked:
            asked.add(entry.question)
            if entry.policy:  # one of earlier versions says nothing about those scored since
                yield from (e for name, e in scored.items() if name != entry.policy)
                scored.clear()
            yield entry
    yield from (e for name, e in scored.items() if name != policy)
