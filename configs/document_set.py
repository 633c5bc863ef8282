"""What a test set is known by: its texts, as short digests of what the model is asked about.

Does: digest a text; say which texts two sets share. Does not: know rows or tasks
(evals/documents.py), or keep sets (registry/test_sets.py).

A digest holds 48 bits. Two sets of 20,000 different texts have one in common by chance in about one of
700,000 comparisons (n * m / 2^48); two of 2,000 in one of 70 million. Such a chance makes a gate
stricter, never laxer.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from configs.canonical_json import digest_json

DIGEST_CHARACTERS = 12
SHORT_MARK = "~"
SHORT_CHARACTERS = 20
"""A text below this many characters may be the same in unrelated documents: "ok", "see above"."""
SHORT_SHARE = 0.1
"""Least share of the smaller set at which short texts in common are more than chance."""


def normalized(text: str) -> str:
    """The text in Unicode's form NFKC, every run of white space one space, none at its ends."""
    return " ".join(unicodedata.normalize("NFKC", text).split())


def text_digest(text: str) -> str:
    """Twelve hexadecimal digits of the normalised text's sha256, `~` behind those of a short text.

    >>> text_digest("Known  gout,\\nno fever today.") == text_digest("Known gout, no fever today. ")
    True
    >>> text_digest("ok").endswith("~")
    True
    """
    plain = normalized(text)
    digest = hashlib.sha256(plain.encode("utf-8", "surrogatepass")).hexdigest()[:DIGEST_CHARACTERS]
    return digest + (SHORT_MARK if len(plain) < SHORT_CHARACTERS else "")


def input_digest(values: Iterable[str]) -> str:
    """Digest of what a row is about: the longest of the texts that its prompt shows.

    The longest alone, because the others are often the same in many documents (a question, a
    heading), and because a prompt that shows one more of them asks about the same document.

    Raises:
        ValueError: when there are no texts.

    >>> passage = "The patient takes ibuprofen 400 mg when needed."
    >>> input_digest([passage, "Which drug?"]) == input_digest([passage])
    True
    """
    return text_digest(max(map(normalized, values), key=lambda text: (len(text), text)))


@dataclass(frozen=True)
class DocumentSet:
    """The documents of one test set."""

    digests: frozenset[str]
    """`text_digest` of every distinct text."""

    def __len__(self) -> int:
        return len(self.digests)

    @cached_property
    def digest(self) -> str:
        """`sha256:...` of the set."""
        return digest_json(sorted(self.digests))

    def shared_with(self, other: DocumentSet) -> frozenset[str]:
        """Texts in both sets, if there are any that make them overlap; else none.

        One text of ordinary length is enough: it is not in both by chance. Short texts are: two sets
        of messages both hold an "ok". They make sets overlap only if they are a tenth of the smaller
        one; a set of short texts that is decided on again, with a row more or less, still overlaps.
        Below that share, what was seen of the other set cannot have moved a decision much.
        """
        shared = self.digests & other.digests
        if all(digest.endswith(SHORT_MARK) for digest in shared):
            enough = SHORT_SHARE * min(len(self), len(other))
            return shared if shared and len(shared) >= enough else frozenset()
        return shared
