"""How often documents have been decided on, so that an alpha budget can be kept.

A test set is known by its documents: a look counts for every set that has one of its documents, whatever
model, task or prompt it was about (`configs.document_set.DocumentSet.shared_with`).

Does: record policies and scorings, and claim looks, in the ledger of all models. Does not: say what the
entries mean (registry/look_ledger.py), or what a look may spend (evals/stats/multiplicity.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from configs.document_set import DocumentSet
from registry.look_ledger import (
    LOOKS,
    EarlierLook,
    LookEntry,
    PolicyRecorded,
    changed_after,
    earlier_looks,
    entry_of,
    first_scoring,
    look_with_question,
    policy_record,
    tags_of,
)
from registry.model_looks import looks_of_model
from registry.store import ModelStore
from registry.test_sets import keep_test_set, read_test_sets


@dataclass(frozen=True)
class Question:
    """What a decision asks of a test set."""

    policy: str
    """Digest of the policy."""
    model: str
    """Registered model that it is about; empty for a decision from files."""
    digest: str = ""
    """Digest of all that is decided: policy, candidates and their evaluations; empty while they are
    not there yet."""
    candidates: tuple[str, ...] = ()
    """Digests of the candidates' weights."""
    recipe: str = ""
    """Digest of the configuration of the run."""


@dataclass(frozen=True)
class CountedLook:
    """Which look a decision is, or would be."""

    number: int
    """1 for the first on any of its documents."""
    entry: int | None
    """Its entry in the ledger; None if it is not claimed."""
    earlier: tuple[EarlierLook, ...]
    """Looks before it that share documents with it."""
    shared: frozenset[str]
    """Its documents that earlier looks have."""
    policy_recorded: PolicyRecorded
    policy_changed_after: int | None
    """Number of the last look by another policy before this one was recorded."""


class LookCounter:
    """The ledger, read once, as seen from one test set."""

    def __init__(self, store: ModelStore, documents: DocumentSet) -> None:
        """Raises:
        RegistryError: when MLflow is unreachable, or the ledger was changed.
        """
        self._store = store
        self._documents = documents
        self._sets = {documents.digest: documents.digests}
        self._read()

    def _read(self) -> None:
        records = self._store.versions(LOOKS)
        self._entries = [entry for record in records if (entry := entry_of(record)) is not None]
        places = {e.test_set: e.test_set_entry for e in self._entries}
        unknown = {d: place for d, place in places.items() if d not in self._sets}
        for digest, other in read_test_sets(self._store, unknown).items():
            self._sets[digest] = self._documents.shared_with(other)

    @cached_property
    def _place(self) -> int:
        """Where the documents are kept; they are written if they are not."""
        mine = self._documents.digest
        known = (e.test_set_entry for e in self._entries if e.test_set == mine)
        return next(known, None) or keep_test_set(self._store, self._documents)

    @property
    def _shared(self) -> dict[str, int]:
        return {digest: len(documents) for digest, documents in self._sets.items()}

    def _append(self, kind: str, question: Question, **more: object) -> int:
        content = {
            "entry": 0, "kind": kind, "written": "",
            "test_set": self._documents.digest, "test_set_entry": self._place,
            "policy": question.policy, "model": question.model, "question": question.digest,
            "candidates": question.candidates, "recipe": question.recipe, **more,
        }  # fmt: skip
        tags = tags_of(LookEntry.model_validate(content))
        about = "Append-only ledger of decisions on test sets"
        return self._store.append_entry(LOOKS, about, tags).version

    def take_over(self, model: str, test_set: str) -> None:
        """Enter the looks that the ledger of one model has of this test set, so that they count.

        Args:
            test_set: digest by which that ledger knows it; see `registry.model_looks`.
        """
        known = {entry.question for entry in self._entries if entry.kind == "look"}
        for look in looks_of_model(self._store, model, test_set):
            if look.question not in known:
                old = Question(policy="", model=model, digest=look.question)
                self._append("look", old, written=look.written)
        self._read()

    def next_look(self, question: Question) -> CountedLook:
        """The look that a question is, if it was asked before, or would be; nothing is written."""
        asked = look_with_question(self._entries, question.digest) if question.digest else None
        return self._counted(question, asked)

    def recipe_was_decided(self, question: Question) -> bool:
        """Whether the same configuration was decided on these very documents by the same policy.

        Running it again asks nothing new, unless the champion or the code changed."""
        return any(
            e.kind == "look" and e.test_set == self._documents.digest
            and (e.policy, e.recipe) == (question.policy, question.recipe)
            for e in self._entries
        )  # fmt: skip

    def record_policy(self, question: Question) -> None:
        """Enter the policy that will decide, before any answer is scored; once per test set."""
        same_set = [e for e in self._entries if e.test_set == self._documents.digest]
        if not any(entry.policy == question.policy for entry in same_set):
            self._append("recorded", question)
            self._read()

    def record_scoring(self, question: Question) -> tuple[str, ...]:
        """Enter that answers of the candidates are about to be scored; once per test set and policy.

        Returns:
            Candidates of which no entry on any of these documents said so before.
        """
        new = tuple(
            name for name in question.candidates
            if first_scoring(self._entries, self._shared, name) is None
        )  # fmt: skip
        noted = {
            name
            for e in self._entries
            if e.kind == "scored"
            and (e.test_set, e.policy) == (self._documents.digest, question.policy)
            for name in e.candidates
        }
        if not noted >= set(question.candidates):
            self._append("scored", question)
            self._read()
        return new

    def claim(
        self, question: Question, policy_recorded: PolicyRecorded | None = None
    ) -> CountedLook:
        """The look of this question; appended to the ledger unless it was asked before.

        Two processes that ask different questions at the same moment get different numbers, because
        MLflow numbers entries itself.

        Args:
            policy_recorded: when the policy was recorded, if the caller knows better than the ledger.
        """
        known = self.next_look(question)
        if known.entry is not None:
            return known
        when = policy_recorded or known.policy_recorded
        self._append("look", question, policy_recorded=when)
        self._read()
        return self.next_look(question)

    def withdraw(self, claimed: CountedLook, question: Question) -> None:
        """Make an entry that was refused after all count for nothing."""
        assert claimed.entry is not None, "only what is in the ledger can be withdrawn"
        self._append("withdrawn", question, withdraws=claimed.entry)

    def _counted(self, question: Question, asked: LookEntry | None) -> CountedLook:
        before = [e for e in self._entries if asked is None or e.entry < asked.entry]
        shared = self._shared
        earlier = earlier_looks(before, shared, question.policy)
        recorded = policy_record(before, shared, question.policy)
        seen = {look.entry.test_set for look in earlier}
        return CountedLook(
            number=len(earlier) + 1,
            entry=asked.entry if asked else None,
            earlier=earlier,
            shared=frozenset[str]().union(*(self._sets[digest] for digest in seen)),
            policy_recorded=(
                asked.policy_recorded
                if asked
                else self._recorded(before, shared, question, recorded)
            ),
            policy_changed_after=changed_after(earlier, question.policy, recorded),
        )

    @staticmethod
    def _recorded(
        before: list[LookEntry], shared: dict[str, int], question: Question, recorded: int | None
    ) -> PolicyRecorded:
        if recorded is None:
            return "after"
        scored = [first_scoring(before, shared, name) for name in question.candidates]
        if not scored or None in scored:
            return "unknown"
        return "before" if all(s is not None and recorded < s for s in scored) else "after"
