"""What evidence rests on, and whether that still stands: pure functions over typed facts.

Does: name what changed since a decision and how old it is; find the decision that already answers a
question. Does not: read files or a registry (registry/confirmations.py, flows/evidence_facts.py).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence

from pydantic import Field

from configs.strict_model import StrictModel
from registry.ledger import LedgerState

MS_PER_DAY = 86_400_000
UNKNOWN = ""


class EvidenceFacts(StrictModel):
    """Everything a decision depends on, by digest; empty for what is not known."""

    recipe_digest: str = UNKNOWN
    """The lifecycle without its base model and its description."""
    base_digest: str = UNKNOWN
    """Bytes of the base weights."""
    task_digest: str = UNKNOWN
    """The task's file as it was read."""
    data_files_digest: str = UNKNOWN
    """Bytes of the files that rows come from."""
    baseline_digest: str = UNKNOWN
    """Recorded answers or local weights of the baseline."""
    judge_digest: str = UNKNOWN
    """Rubric and human labels of the judge."""
    guards_digest: str = UNKNOWN
    """Files of the guard tasks."""
    code_version: str = UNKNOWN
    """Pawl's code and the libraries that it computes with."""
    libraries: str = UNKNOWN
    """Versions of those libraries, as canonical JSON."""

    @property
    def complete(self) -> bool:
        """Whether everything is known."""
        return UNKNOWN not in self.model_dump().values()

    @property
    def tags(self) -> dict[str, str]:
        """What is known, as tags of a model version."""
        return {name: value for name, value in self.model_dump().items() if value != UNKNOWN}


def facts_of(tags: Mapping[str, str]) -> EvidenceFacts:
    """The facts among the tags of a version or of an entry."""
    return EvidenceFacts(**{n: tags[n] for n in EvidenceFacts.model_fields if n in tags})


class DecidedEvidence(StrictModel):
    """A decision, or the confirmation that nothing had changed since one."""

    facts: EvidenceFacts
    version: int
    """Version that was registered; of a confirmation, the champion that was looked at."""
    outcome: str
    decided_ms: int
    """By MLflow's clock: milliseconds since 1970."""
    confirmed: bool = False
    """Whether it is a confirmation."""


class Staleness(StrictModel):
    """Whether the evidence for a champion still stands."""

    age_days: float = Field(ge=0)
    """Time since it was decided or confirmed."""
    reasons: tuple[str, ...]
    """Why it is stale; empty when it stands."""

    @property
    def summary(self) -> str:
        """One line: the age, and whether it is stale."""
        return f"{age_in_words(self.age_days)}, {'STALE' if self.reasons else 'stands'}"


def age_in_words(age_days: float) -> str:
    """An age for people, such as `41 days` or `3 hours`."""
    hours = age_days * 24
    if hours < 1:
        return f"{round(hours * 60)} min"
    return f"{hours:.0f} h" if hours < 48 else f"{age_days:.0f} days"


WORDING = {
    "base_digest": "the base weights are other bytes than they were",
    "task_digest": "the task changed since the decision",
    "data_files_digest": "the data changed since the decision",
    "baseline_digest": "the baseline changed since the decision",
    "judge_digest": "the judge changed since the decision",
    "guards_digest": "a guard task changed since the decision",
    "code_version": "Pawl's code changed since the decision",
}


def changes(then: EvidenceFacts, now: EvidenceFacts) -> tuple[str, ...]:
    """What differs, in words; what is not known on either side is left out.

    The recipe is not looked at: it is fixed when a version is registered.
    """
    found = []
    for name, sentence in WORDING.items():
        before, after = getattr(then, name), getattr(now, name)
        if UNKNOWN in (before, after) or before == after:
            continue
        libraries = _library_changes(then, now) if name == "code_version" else ""
        found.append(f"library versions changed: {libraries}" if libraries else sentence)
    return tuple(found)


def _library_changes(then: EvidenceFacts, now: EvidenceFacts) -> str:
    if UNKNOWN in (then.libraries, now.libraries):
        return ""
    before, after = json.loads(then.libraries), json.loads(now.libraries)
    moved = [n for n in sorted({*before, *after}) if before.get(n) != after.get(n)]
    return ", ".join(f"{n} {before.get(n, 'absent')} -> {after.get(n, 'absent')}" for n in moved)


def champion_evidence(
    decided: Sequence[DecidedEvidence], state: LedgerState
) -> DecidedEvidence | None:
    """The latest decision that measured the champion by its own recipe; None if there is none.

    Args:
        decided: of the champion's model.
        state: ledger of the alias.
    """
    head = state.head
    own = [d for d in decided if head and d.version == head.version and not d.confirmed]
    if head is None or not own:
        return None
    recipe = own[-1].facts.recipe_digest
    later = [
        d for d in decided if d.decided_ms >= head.written_ms and d.facts.recipe_digest == recipe
    ]
    return max([*own, *later], key=lambda one: one.decided_ms)


def staleness(
    then: DecidedEvidence,
    now: EvidenceFacts,
    now_ms: int,
    max_age_days: float | None = None,
    newer_release: str | None = None,
    drift: str | None = None,
    unreadable: str | None = None,
) -> Staleness:
    """Why the evidence for a champion no longer stands.

    Args:
        then: what was decided last about it.
        now: the same facts as they are now.
        now_ms: milliseconds since 1970; before the decision (clocks differ) counts as no age.
        max_age_days: oldest evidence that stands; None for no limit.
        newer_release: release of the base weights that nothing was decided on, in words.
        drift: how the served traffic differs from the test rows, in words.
        unreadable: why the recipe cannot be followed any more, in words.
    """
    age_days = max(0.0, (now_ms - then.decided_ms) / MS_PER_DAY)
    reasons = list(changes(then.facts, now))
    if not then.facts.recipe_digest:
        reasons.append("what it rests on was not recorded (an earlier Pawl registered it)")
    if unreadable is not None:
        reasons.append(f"its recipe cannot be followed any more: {unreadable}")
    if max_age_days is not None and age_days > max_age_days:
        reasons.append(
            f"the evidence is {age_in_words(age_days)} old (limit {max_age_days:g} days)"
        )
    if newer_release is not None:
        reasons.append(f"a newer release of the base is known: {newer_release}")
    if drift is not None:
        reasons.append(f"the served traffic differs from the test rows: {drift}")
    return Staleness(age_days=age_days, reasons=tuple(reasons))


def answers(
    decided: Iterable[DecidedEvidence], facts: EvidenceFacts, state: LedgerState
) -> DecidedEvidence | None:
    """The latest decision that already answers a question; None if it is a new one.

    A question is the same when everything it depends on is known and equal, and no other version was
    promoted since. A rollback makes no new question: it restores a champion that was there before, and
    must not be undone by asking again.
    """
    if not facts.complete:
        return None
    promoted = [entry for entry in state.effective if entry.kind == "promote"]
    same = [
        one
        for one in decided
        if one.facts == facts
        and not any(e.written_ms >= one.decided_ms and e.version != one.version for e in promoted)
    ]
    return max(same, key=lambda one: one.decided_ms, default=None)
