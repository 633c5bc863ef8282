"""Pairs of almost equal texts: MinHash finds candidates, exact Jaccard similarity decides.

Does: miss hardly any pair and report no pair that is not one.
Does not: look for short texts inside long ones (finetune/data_checks/containment.py).

Sources: Broder 1997, "On the resemblance and containment of documents" (SEQUENCES '97); Lee et al.
2022, "Deduplicating training data makes language models better" (arXiv 2107.06499, appendix A).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datasketch import MinHash

Words = tuple[str, ...]
Shingles = frozenset[bytes]
# Chance to miss a pair that is just similar enough; more similar pairs are missed less often.
MISSED = 1e-3


def shingles(words: Words, size: int) -> Shingles:
    """All runs of `size` words; the whole text when it is shorter."""
    runs = range(max(1, len(words) - size + 1))
    return frozenset(" ".join(words[i : i + size]).encode() for i in runs)


def jaccard(first: Shingles, second: Shingles) -> float:
    """Shared over all shingles, 0 to 1."""
    shared = len(first & second)
    return shared / (len(first) + len(second) - shared)


def bands(similarity: float, hashes: int) -> tuple[int, int]:
    """How to divide hash values: (bands, rows per band).

    A pair of similarity s shares a band with chance 1 - (1 - s^r)^b (Leskovec, Rajaraman and
    Ullman, "Mining of massive datasets", 3.4.2). Of the divisions that miss a pair of just this
    similarity with chance at most `MISSED`, the one with most rows makes fewest false candidates.
    """
    for rows in range(hashes // 2, 1, -1):
        number = hashes // rows
        if (1 - similarity**rows) ** number <= MISSED:
            return number, rows
    return hashes, 1


def miss_chance(similarity: float, hashes: int) -> float:
    """Chance that a pair of just this similarity is not found, 0 to 1."""
    number, rows = bands(similarity, hashes)
    return float((1 - similarity**rows) ** number)


class NearDuplicateIndex:
    """Texts to look others up in.

    Args:
        texts: words of each text, equal texts once.
        similarity: smallest Jaccard similarity to report, in (0, 1].
        seed: of the hash functions; same seed, same candidates.
    """

    def __init__(
        self,
        texts: Sequence[Words],
        *,
        similarity: float,
        shingle_words: int,
        hashes: int,
        seed: int,
    ) -> None:
        from datasketch import MinHashLSH

        self._similarity, self._size = similarity, shingle_words
        self._hashes, self._seed = hashes, seed
        self._shingles = [shingles(words, shingle_words) for words in texts]
        self._lsh = MinHashLSH(num_perm=hashes, params=bands(similarity, hashes))
        with self._lsh.insertion_session() as session:
            for key, signature in enumerate(self._signatures(self._shingles)):
                session.insert(key, signature, check_duplication=False)

    def _signatures(self, sets: Sequence[Shingles]) -> list[MinHash]:
        from datasketch import MinHash

        made: list[MinHash] = MinHash.bulk(sets, num_perm=self._hashes, seed=self._seed)
        return made

    def similar(self, texts: Sequence[Words]) -> list[list[tuple[int, float]]]:
        """For each text its (position in the index, Jaccard similarity), most similar first."""
        sets = [shingles(words, self._size) for words in texts]
        found = []
        for own, signature in zip(sets, self._signatures(sets), strict=True):
            pairs = [(key, jaccard(own, self._shingles[key])) for key in self._lsh.query(signature)]
            close = [pair for pair in pairs if pair[1] >= self._similarity]
            found.append(sorted(close, key=lambda pair: (-pair[1], pair[0])))
        return found
