"""Texts that stand, whole or nearly, inside longer texts.

Does: the share of a text's words that n-grams of one other text cover.
Does not: blame a text for a stock phrase that it shares with many others.

Sources: Brown et al. 2020 (arXiv 2005.14165, appendix C) for 13-grams; Touvron et al. 2023 (arXiv
2307.09288, A.6) for counting covered words instead of texts with any shared n-gram.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from heapq import nsmallest
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

Words = tuple[str, ...]
# Shorter texts are phrases that turn up anywhere (Brown et al. 2020, appendix C).
SHORTEST_WORDS = 8
# Of texts that share n-grams, so many that share most are compared word by word; with boilerplate
# in every document there would be millions.
VERIFIED = 20
_BLOCK = 256


def ngrams(words: Words, size: int) -> Iterator[Words]:
    """All runs of exactly `size` words, in order."""
    return (words[i : i + size] for i in range(len(words) - size + 1))


def covered_share(words: Words, within: Words, size: int) -> float:
    """Share of the words that are part of an n-gram which the other text has too, 0 to 1."""
    known = set(ngrams(within, size))
    covered = 0
    end = 0  # words before it are counted
    for start, ngram in enumerate(ngrams(words, size)):
        if ngram in known:
            covered += start + size - max(start, end)
            end = start + size
    return covered / len(words)


def containing(
    texts: Sequence[Words], others: Sequence[Words], *, size: int, share: float
) -> list[tuple[int, float] | None]:
    """For each text the other text that covers most of it, if that is at least `share`.

    Args:
        size: words per n-gram; texts shorter than that are looked for whole.
        share: smallest share of covered words, in (0, 1].
    Returns:
        (position in `others`, covered share) or None; None for texts of fewer than eight words.
    """
    found: list[tuple[int, float] | None] = [None] * len(texts)
    by_size: dict[int, list[int]] = {}
    for position, words in enumerate(texts):
        if len(words) >= SHORTEST_WORDS:
            by_size.setdefault(min(size, len(words)), []).append(position)
    for own_size, positions in sorted(by_size.items()):
        best = _best([texts[i] for i in positions], others, own_size, share)
        for position, match in zip(positions, best, strict=True):
            found[position] = match
    return found


def _best(
    texts: Sequence[Words], others: Sequence[Words], size: int, share: float
) -> list[tuple[int, float] | None]:
    columns: dict[Words, int] = {}
    for words in texts:
        for ngram in ngrams(words, size):
            columns.setdefault(ngram, len(columns))
    asked = _incidence(texts, columns, size)
    have = _incidence(others, columns, size).T.tocsc()
    best: list[tuple[int, float] | None] = []
    for start in range(0, len(texts), _BLOCK):
        shared = (asked[start : start + _BLOCK] @ have).tocsr()
        for row in range(shared.shape[0]):
            words = texts[start + row]
            candidates = _most_sharing(shared, row)
            best.append(_most_covering(words, others, candidates, size, share))
    return best


def _most_sharing(shared: csr_matrix, row: int) -> list[int]:
    """Columns of the largest values of a sparse row, largest first."""
    part = slice(shared.indptr[row], shared.indptr[row + 1])
    pairs = zip(shared.indices[part].tolist(), shared.data[part].tolist(), strict=True)
    return [column for column, _ in nsmallest(VERIFIED, pairs, key=lambda p: (-p[1], p[0]))]


def _most_covering(
    words: Words, others: Sequence[Words], candidates: Sequence[int], size: int, share: float
) -> tuple[int, float] | None:
    covered = [(covered_share(words, others[other], size), other) for other in candidates]
    value, other = max(covered, key=lambda c: c[0], default=(0.0, 0))
    return (other, value) if value >= share else None


def _incidence(texts: Sequence[Words], columns: dict[Words, int], size: int) -> csr_matrix:
    """Sparse 0/1 matrix (texts x known n-grams)."""
    import numpy as np
    from scipy.sparse import csr_matrix

    indices: list[int] = []
    ends = [0]
    for words in texts:
        indices += {columns[ngram] for ngram in ngrams(words, size) if ngram in columns}
        ends.append(len(indices))
    data = np.ones(len(indices), dtype=np.int32)
    return csr_matrix((data, indices, ends), shape=(len(texts), len(columns)))
