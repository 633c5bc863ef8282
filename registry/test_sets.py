"""The documents of test sets, kept in MLflow so that overlapping sets are known.

One version of the registered model `test-sets.ledger` holds one set, in tags: digests of 48 bits in
base64, eight characters a document. Tags, not a file, because they come with the version whole or not at
all, and because a bare database keeps files on the machine that wrote them.

Does: write a set once, read it again and check its digest. Does not: say who decided on it
(registry/looks.py).
"""

from __future__ import annotations

import base64
from collections.abc import Iterable

from configs.document_set import DIGEST_CHARACTERS, SHORT_MARK, DocumentSet
from configs.errors import RegistryError
from registry.records import LEDGER_SUFFIX
from registry.store import ModelStore

TEST_SETS = f"test-sets{LEDGER_SUFFIX}"
TAG_CHARACTERS = 5000
"""MLflow 3 takes 100,000 characters in a tag of a version; its earlier servers 5000."""


def keep_test_set(store: ModelStore, documents: DocumentSet) -> int:
    """Write a set; returns the number of its entry. Written twice, it has two entries, of which
    either serves.

    Raises:
        RegistryError: when MLflow is unreachable.
    """
    short = {digest for digest in documents.digests if digest.endswith(SHORT_MARK)}
    tags = {"test_set": documents.digest}
    tags |= _packed("text", documents.digests - short)
    tags |= _packed("short", {digest.removesuffix(SHORT_MARK) for digest in short})
    about = "Documents of test sets that were decided on, as truncated digests"
    return store.append_entry(TEST_SETS, about, tags).version


def read_test_set(store: ModelStore, entry: int, digest: str) -> DocumentSet:
    """The set of an entry.

    Args:
        digest: what the set must have.
    Raises:
        RegistryError: when there is no such entry or it was changed, or MLflow is unreachable.
    """
    tags = store.version(TEST_SETS, entry).tags
    short = {digest + SHORT_MARK for digest in _unpacked("short", tags)}
    documents = DocumentSet(frozenset({*_unpacked("text", tags), *short}))
    if documents.digest != digest:
        raise RegistryError(
            f"{TEST_SETS} version {entry}",
            f"expected the documents of the test set {digest[:19]}, got those of "
            f"{documents.digest[:19]}",
            "Somebody changed this ledger; restore MLflow from a backup.",
        )
    return documents


def _packed(name: str, digests: Iterable[str]) -> dict[str, str]:
    text = base64.b64encode(bytes.fromhex("".join(sorted(digests)))).decode()
    parts = range(0, len(text), TAG_CHARACTERS)
    return {f"{name}.{n}": text[start : start + TAG_CHARACTERS] for n, start in enumerate(parts)}


def _unpacked(name: str, tags: dict[str, str]) -> list[str]:
    parts: list[str] = []
    while (part := tags.get(f"{name}.{len(parts)}")) is not None:
        parts.append(part)
    packed = base64.b64decode("".join(parts)).hex()
    return [packed[i : i + DIGEST_CHARACTERS] for i in range(0, len(packed), DIGEST_CHARACTERS)]
