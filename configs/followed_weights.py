"""Which released weights are followed, for new revisions of them.

Does: hold and read the list. Does not: look at a source (finetune/releases/, flows/watching/).
"""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from configs.named_files import load_named
from configs.strict_model import StrictModel

FORMS = {
    "hf": re.compile(r"hf://[^/@\s]+(/[^/@\s]+)?@\S+"),
    "models": re.compile(r"models:/[^/@\s]+(@[^/@\s]+)?"),
    "file": re.compile(r"file://.+"),
    "s3": re.compile(r"s3://[^/\s]+(/.*)?"),
    "gs": re.compile(r"gs://[^/\s]+(/.*)?"),
}
_COMMIT = re.compile(r"@[0-9a-f]{40}$")
_EXPECTED = (
    "hf://org/name@branch, models:/name, models:/name@alias, file://directory, s3://bucket/prefix "
    "or gs://bucket/prefix"
)


def _followable(source: str) -> str:
    scheme = source.partition(":")[0]
    if scheme not in FORMS or not FORMS[scheme].fullmatch(source):
        raise ValueError(f"expected {_EXPECTED}, got {source!r}")
    if scheme == "hf" and _COMMIT.search(source):
        raise ValueError(
            f"expected a branch or a tag, got a commit, which never changes: {source!r}"
        )
    return source if scheme in ("hf", "models") else source.rstrip("/")


class FollowedSource(StrictModel):
    """One place where new weights appear."""

    source: Annotated[str, AfterValidator(_followable)]
    """What is followed: hf://org/name@branch (or a tag), models:/name (its newest version) or
    models:/name@alias, file://directory, s3://bucket/prefix, gs://bucket/prefix. A directory must be
    the same on every machine that has a worker."""

    announce_first: bool = False
    """Whether what is there at the first look is announced like a new release. Otherwise it is noted as
    known, and champions are re-evaluated from the next one on."""

    quiet_s: float = Field(default=10, ge=0, le=600)
    """How long the files of a directory or a bucket must stay as they are before an upload counts as
    complete, in seconds. A look waits so long, but only where files changed since the look before."""


class FollowedWeights(StrictModel):
    """What one run of watch-weights looks at."""

    description: str = ""
    """For people."""

    sources: tuple[FollowedSource, ...] = ()
    """Each source once."""

    @model_validator(mode="after")
    def _each_once(self) -> FollowedWeights:
        named = [one.source for one in self.sources]
        twice = sorted({name for name in named if named.count(name) > 1})
        if twice:
            raise ValueError(f"sources: expected each source once, got {', '.join(twice)} again")
        return self


def load_followed(reference: str) -> FollowedWeights:
    """Load a list by path, or by the name of a file in `follow`.

    Raises:
        ConfigError: when there is no such file or it breaks the schema.
    """
    return load_named(FollowedWeights, reference, "follow")
