"""What the registry says about one model version.

Does: give names to Pawl's tags and refuse a version that lacks one. Does not: talk to MLflow.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote, urlparse

from configs.errors import RegistryError
from configs.strict_model import StrictModel

TAG_PREFIX = "pawl."
LEDGER_SUFFIX = ".ledger"
LINEAGE_TAGS = (
    "base_source",
    "base_digest",
    "data_digest",
    "adapter_digest",
    "code_version",
    "config_digest",
    "lifecycle",
    "training_run",
)


def iso_time(ms: int) -> str:
    """Milliseconds since 1970, as MLflow counts, as ISO 8601 in UTC, to the second."""
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def own_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """Pawl's tags among all of a version's, without their prefix."""
    return {k.removeprefix(TAG_PREFIX): v for k, v in tags.items() if k.startswith(TAG_PREFIX)}


class VersionRecord(StrictModel):
    """One model version: its number, its run, and Pawl's tags without their prefix."""

    model: str
    version: int
    run_id: str
    """Run that holds the attached decision, report and manifest; empty for a ledger entry."""
    source: str = ""
    """What it was registered from; MLflow lets nobody change it afterwards."""
    created_ms: int = 0
    """When, by MLflow's clock: milliseconds since 1970."""
    tags: dict[str, str]

    def tag(self, name: str) -> str:
        """A tag of Pawl's.

        Raises:
            RegistryError: when the version has none, so was not registered by Pawl.
        """
        if name not in self.tags:
            raise RegistryError(
                f"{self.model} version {self.version}",
                f"expected tag {TAG_PREFIX}{name}, got none",
                "Use a version that Pawl registered.",
            )
        return self.tags[name]

    @property
    def weights_digest(self) -> str:
        """Digest of the version's files."""
        return self.tag("weights_digest")

    @property
    def weights_directory(self) -> Path:
        """Where the version's files are."""
        return directory_of(self.tag("weights_location"))

    @property
    def lineage(self) -> dict[str, str]:
        """What the version was made from."""
        return {name: self.tag(name) for name in LINEAGE_TAGS}


def directory_of(location: str) -> Path:
    """Local path of a `file://` URI.

    Raises:
        RegistryError: for any other scheme.
    """
    parts = urlparse(location)
    if parts.scheme != "file":
        raise RegistryError(
            location, "expected a file:// location, got another", "Mount the weights here."
        )
    return Path(unquote(parts.path))
