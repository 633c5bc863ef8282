"""Permutation tests: divide all documents anew and see how far apart chance puts the two sides.

Does: total variation, Jensen-Shannon distance and share of unseen items, from counts by document.
Does not: know what is counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

    from finetune.data_checks.intervals import Array

_VALUES_AT_ONCE = 4_000_000


@dataclass(frozen=True)
class Counts:
    """How often each document has each item."""

    names: list[str]
    """Items, in order of first appearance."""
    matrix: csr_matrix
    """Documents x items."""

    @classmethod
    def of(cls, documents: Sequence[Sequence[str]]) -> Counts:
        """Counts of the items of every document."""
        import numpy as np
        from scipy.sparse import csr_matrix

        columns: dict[str, int] = {}
        indices = [columns.setdefault(name, len(columns)) for d in documents for name in d]
        ends = np.cumsum([0, *(len(d) for d in documents)])
        shape = (len(documents), len(columns))
        matrix = csr_matrix((np.ones(len(indices)), indices, ends), shape=shape)
        matrix.sum_duplicates()
        return cls(list(columns), matrix)

    def shares(self, first: int) -> tuple[list[float], list[float]]:
        """Shares of the items in the first so many documents, and in the others."""
        import numpy as np

        sides = (self.matrix[:first], self.matrix[first:])
        sums = [np.asarray(side.sum(axis=0)).ravel() for side in sides]
        return sums[0] / sums[0].sum(), sums[1] / sums[1].sum()


@dataclass(frozen=True)
class Resplit:
    """One statistic, as observed and over random divisions."""

    observed: float
    mean: float
    low: float
    """2.5th percentile over divisions."""
    high: float
    """97.5th percentile."""
    p_value: float
    """One-sided: how often a division is at least as far apart."""


def resplit(counts: Counts, first: int, permutations: int, seed: int) -> Mapping[str, Resplit]:
    """Compare the first so many documents with the others, and with random divisions of all.

    Every document must have at least one item.

    Returns:
        `total variation`, `Jensen-Shannon` and `unseen`, each 0 to 1.
    """
    import numpy as np

    documents, items = counts.matrix.shape
    rng = np.random.default_rng(seed)
    by_item = counts.matrix.T.tocsr()
    total = np.asarray(counts.matrix.sum(axis=0)).ravel()
    observed = np.zeros(documents)
    observed[first:] = 1
    values = []
    block = max(1, _VALUES_AT_ONCE // max(items, documents))
    for start in range(0, permutations + 1, block):
        size = min(block, permutations + 1 - start)
        second = rng.permuted(np.tile(observed, (size, 1)), axis=1)
        if start == 0:
            second[0] = observed
        sums = (by_item @ second.T).T
        values.append(_statistics(total - sums, sums))
    found = np.concatenate(values, axis=1)
    names = ("total variation", "Jensen-Shannon", "unseen")
    return {name: _summary(row[0], row[1:]) for name, row in zip(names, found, strict=True)}


def _statistics(first: Array, second: Array) -> Array:
    """Three statistics (rows) of each pair of sums (divisions x items)."""
    import numpy as np
    from scipy.special import rel_entr

    p = first / first.sum(axis=1, keepdims=True)
    q = second / second.sum(axis=1, keepdims=True)
    middle = (p + q) / 2
    divergence = (rel_entr(p, middle) + rel_entr(q, middle)).sum(axis=1) / 2
    js = np.sqrt(np.maximum(divergence, 0) / np.log(2))
    unseen = np.where(first == 0, q, 0).sum(axis=1)
    return np.stack([np.abs(p - q).sum(axis=1) / 2, js, unseen])


def _summary(observed: float, divided: Array) -> Resplit:
    import numpy as np

    # Equal divisions differ in the last bits of their sums.
    hits = int((divided >= observed - 1e-12).sum())
    low, high = np.percentile(divided, [2.5, 97.5])
    return Resplit(
        observed=float(observed),
        mean=float(divided.mean()),
        low=float(low),
        high=float(high),
        p_value=(1 + hits) / (1 + len(divided)),
    )
