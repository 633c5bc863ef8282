"""Whose approval a promotion needs beyond the gate's decision.

Does: hold and validate the rules. Does not: apply them to what people said (registry/approvals.py),
or know who somebody is: names are what people type, as Prefect without accounts cannot tell more.
"""

from __future__ import annotations

import unicodedata

from pydantic import Field, model_validator

from configs.strict_model import StrictModel

UNSEEN = frozenset({"Cc", "Cf", "Cs"})
"""Categories of Unicode without a shape: control, format, surrogate."""
UNSEEN_LETTERS_AND_MARKS = frozenset(
    "\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0"
    + "".join(map(chr, (*range(0x180B, 0x1810), *range(0xFE00, 0xFE10), *range(0xE0000, 0xE1000))))
)
"""Fillers, joiners and variation selectors, which are in other categories but show as nothing."""


def person(name: str) -> str:
    """A name in the form in which names are compared: case, width, white space and characters that
    nobody sees do not tell people apart. Empty for a name of which nothing is seen."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    spaced = (" " if character.isspace() else character for character in folded)
    seen = (
        character
        for character in spaced
        if unicodedata.category(character) not in UNSEEN
        and character not in UNSEEN_LETTERS_AND_MARKS
    )
    return " ".join("".join(seen).split())


class Approval(StrictModel):
    """People who must agree before a candidate that passed the gate becomes champion."""

    approvals: int = Field(default=1, ge=1, le=20)
    """Different people who must approve."""

    approvers: tuple[str, ...] = ()
    """Names of those who may approve or reject. Empty: anybody."""

    four_eyes: bool = True
    """Whether someone else than the person who asked for the run must approve."""

    expires_hours: float = Field(default=72.0, gt=0, le=8760)
    """Hours after the request within which the approvals must be there and be used."""

    @model_validator(mode="after")
    def _satisfiable(self) -> Approval:
        people = [person(name) for name in self.approvers]
        if not all(people):
            raise ValueError("approvers: expected names, got a blank one; take it out")
        if len(set(people)) < len(people):
            raise ValueError(
                f"approvers: expected each name once, got {list(self.approvers)}; "
                "case and white space make no other person"
            )
        if people and len(people) < self.approvals:
            raise ValueError(
                f"approvers: expected at least {self.approvals}, as many as approvals, got "
                f"{len(people)}; name more or ask for fewer"
            )
        return self

    @property
    def expires_ms(self) -> int:
        """`expires_hours` in milliseconds."""
        return round(self.expires_hours * 3_600_000)

    def may_decide(self, name: str) -> bool:
        """Whether the policy names this person, or nobody."""
        return not self.approvers or person(name) in map(person, self.approvers)

    def others_than(self, requesters: set[str]) -> tuple[str, ...]:
        """The named approvers who may approve what `requesters` (as `person` gives) asked for."""
        return tuple(
            name for name in self.approvers if not (self.four_eyes and person(name) in requesters)
        )
