"""What the registry says about one model version."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlparse

from configs.errors import RegistryError
from configs.strict_model import StrictModel

TAG_PREFIX = "pawl."
LINEAGE_TAGS = ("base_source", "base_digest", "data_digest", "adapter_digest", "code_version",
                "config_digest", "lifecycle", "training_run")  # fmt: skip


class VersionRecord(StrictModel):
    """One model version: its number, its run, and Pawl's tags without their prefix."""

    model: str
    version: int
    run_id: str
    tags: dict[str, str]

    def tag(self, name: str) -> str:
        """A tag of Pawl's.

        Raises:
            RegistryError: when the version has none, so was not registered by Pawl.
        """
        if name not in self.tags:
            raise RegistryError(
                f"{self.model} version {self.version}", f"expected tag {TAG_PREFIX}{name}, got none",
                "Use a version that Pawl registered.",
            )  # fmt: skip
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
        raise RegistryError(location, "expected a file:// location, got another",
                            "Mount the weights here.")  # fmt: skip
    return Path(unquote(parts.path))
