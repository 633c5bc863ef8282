"""The documents of test sets, kept in MLflow so that overlapping sets are known.

One version of the registered model `test-sets.ledger` holds one set, in tags: digests of 48 bits in
base64, eight characters a document. Tags, not a file, because they come with the version whole or not at
all, and because a bare database keeps files on the machine that wrote them.

Does: write a set once, read it again and check its digest. Does not: say who decided on it
(registry/looks.py).
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping

from configs.document_set import DIGEST_CHARACTERS, SHORT_MARK, DocumentSet
from configs.errors import RegistryError
from registry.records import LEDGER_SUFFIX
from registry.store import ModelStore

TEST_SETS = f"test-sets{LEDGER_SUFFIX}"
TAG_CHARACTERS = 5000
"""MLflow 3 takes 100,000 characters in a tag of a version; its earlier servers 5000."""
MOST_SINGLE_READS = 4
"""Sets up to which each is asked for by itself, about 10 ms on SQLite; 100 sets of 2,000 documents, all
in one page, take 40 ms."""


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


def read_test_sets(store: ModelStore, places: Mapping[str, int]) -> dict[str, DocumentSet]:
    """Sets by their digest.

    Args:
        places: digest of a set -> number of its entry.
    Raises:
        RegistryError: when there is no such entry or it was changed, or MLflow is unreachable.
    """
    if len(places) > MOST_SINGLE_READS:
        tags_of_entry = {record.version: record.tags for record in store.versions(TEST_SETS)}
    else:
        tags_of_entry = {n: store.version(TEST_SETS, n).tags for n in places.values()}
    return {digest: _checked(n, digest, tags_of_entry.get(n, {})) for digest, n in places.items()}


def _checked(entry: int, digest: str, tags: Mapping[str, str]) -> DocumentSet:
    short = {text + SHORT_MARK for text in _unpacked("short", tags)}
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


def _unpacked(name: str, tags: Mapping[str, str]) -> list[str]:
    parts: list[str] = []
    while (part := tags.get(f"{name}.{len(parts)}")) is not None:
        parts.append(part)
    packed = base64.b64decode("".join(parts)).hex()
    return [packed[i : i + DIGEST_CHARACTERS] for i in range(0, len(packed), DIGEST_CHARACTERS)]
