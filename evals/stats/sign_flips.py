"""Whether documents lose more than they gain: a permutation test that swaps two systems' scores.

Does: flip the sign of each document's gain, all its rows together; exactly where sums can be counted,
by seeded draws otherwise. Does not: test whether a drop is smaller than a margin.

If a change is harmless, the two systems are exchangeable on every document: its gain is as likely g
as -g, whatever the rows of one document have to do with each other. So p-values are exact under
that hypothesis with any number of documents, tasks and sizes.

Sources: Fisher 1935 (The Design of Experiments, section 21); Phipson and Smyth 2010 (Statistical
Applications in Genetics and Molecular Biology 9:39) for the +1 of drawn p-values; Kuebler et al. 2026
(arXiv 2602.10144), who recommend the test for scores that are not right or wrong.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

from evals.stats.levels import require_alpha
from evals.stats.pooled import minimum_detectable_drop

if TYPE_CHECKING:
    import numpy as np

ENUMERATED = 20
"""Most documents with a gain or a loss whose 2^n signs are enumerated."""

MOST_UNITS = 10**6
"""Total of the sizes in units above which sums are drawn and not counted."""

DIRECT_WORK = 10**6
"""Multiplications above which a convolution is done by FFT, then exact to 1e-13 or so."""

ROUNDING = 1e-9
"""Sums that differ by less than this share of their largest possible value are equal."""

EXACT = "exact sign-flip test of documents"


@dataclass(frozen=True)
class SignFlipTest:
    """What a sign-flip test found."""

    p_worse: float
    """One-sided: of the hypothesis that the change is harmless, small when documents lose."""
    p_two_sided: float
    method: str


def sign_flip_test(gains: np.ndarray, *, seed: int, draws: int = 20_000) -> SignFlipTest:
    """Test whether gains per document are symmetric about 0.

    Whole multiples of one unit, such as answers that turned right or wrong, are counted exactly,
    and so are up to 20 documents of any gains. Otherwise signs are drawn, and a p-value is
    (1 + draws as extreme) / (1 + draws).

    Args:
        gains: candidate - reference per document, weighted as wanted; finite, any scale.
        seed: of the draws.
        draws: at least 1; the smallest p-value that can come out is 1 / (draws + 1).
    Raises:
        ValueError: when a gain is not finite, or without draws.

    >>> import numpy as np
    >>> found = sign_flip_test(np.array([-1, -1, -1, -1, -1, 0, 0]), seed=0)
    >>> found.p_worse, found.p_two_sided, found.method
    (0.03125, 0.0625, 'exact sign-flip test of documents')

    A document of three answers counts as one document:

    >>> round(sign_flip_test(np.array([-3, -1, 1]), seed=0).p_worse, 9)  # of -5, -3, -3, -1, ..., 5
    0.375
    """
    import numpy as np

    gains = np.asarray(gains, dtype=float)
    if not np.isfinite(gains).all():
        raise ValueError("gains: expected finite numbers, got others")
    if draws < 1:
        raise ValueError(f"draws: expected at least 1, got {draws}")
    sizes = np.abs(gains[gains != 0])
    if len(sizes) == 0:
        return SignFlipTest(1.0, 1.0, EXACT)
    lost = float(-gains[gains < 0].sum())
    gained = float(gains[gains > 0].sum())
    tolerance = ROUNDING * float(sizes.sum())
    counted = _counted(sizes)
    if counted is not None:
        unit, chances = counted
        worse = float(chances[round(lost / unit) :].sum())
        beyond = float(chances[round(max(lost, gained) / unit) :].sum())
    elif len(sizes) <= ENUMERATED:
        sums = np.zeros(1)
        for size in sizes:
            sums = np.concatenate([sums, sums + size])
        worse = float((sums >= lost - tolerance).mean())
        beyond = float((sums >= max(lost, gained) - tolerance).mean())
    else:
        worse, two_sided = _drawn(sizes, lost, gained, tolerance, draws, seed)
        return SignFlipTest(worse, two_sided, f"sign-flip test of documents, {draws:,} draws")
    # Under the hypothesis the sum is symmetric.
    two_sided = 1.0 if abs(lost - gained) <= tolerance else min(1.0, 2 * beyond)
    return SignFlipTest(min(1.0, worse), two_sided, EXACT)


def detectable_drop(
    gains: np.ndarray, rows: np.ndarray, *, alpha: float, power: float = 0.8
) -> float | None:
    """About the smallest true drop of the mean over rows that the test finds with a chance of `power`.

    (z_alpha + z_power) * sqrt(sum of gains^2) / rows, as signs are what is random; at least what so
    many documents would show if none gained anything.

    Args:
        gains: per document, as given to `sign_flip_test`.
        rows: of each document, in the same weights.
        alpha: one-sided, in (0, 0.5).
        power: in (0, 1).
    Returns:
        A fraction of the rows; None where no drop can be found with that chance.

    >>> import numpy as np
    >>> gains = np.repeat([-0.5, 0.5, 0.0], [20, 20, 360])
    >>> round(detectable_drop(gains, np.ones(400), alpha=0.05), 4)
    0.0197
    """
    import numpy as np

    least = minimum_detectable_drop(len(gains), 0.0, alpha=alpha, power=power)
    if least is None:
        return None
    quantiles = NormalDist().inv_cdf(1 - require_alpha(alpha)) + NormalDist().inv_cdf(power)
    noise = math.sqrt(float((np.asarray(gains, dtype=float) ** 2).sum())) / float(np.sum(rows))
    return min(1.0, max(least, quantiles * noise))


def _counted(sizes: np.ndarray) -> tuple[float, np.ndarray] | None:
    """The unit of all sizes and the chance of each total loss in units; None where there is none.

    Documents of one size lose a binomial number of times; sums of sizes are a convolution.
    """
    import numpy as np
    from scipy.signal import fftconvolve
    from scipy.stats import binom

    unit = float(sizes.min())
    whole = np.rint(sizes / unit)
    if whole.sum() > MOST_UNITS or np.abs(sizes / unit - whole).max() > ROUNDING * whole.max():
        return None
    chances = np.ones(1)
    for size, documents in zip(*np.unique(whole.astype(int), return_counts=True), strict=True):
        step = np.zeros(int(size) * int(documents) + 1)
        step[:: int(size)] = binom.pmf(np.arange(documents + 1), documents, 0.5)
        small = len(chances) * len(step) <= DIRECT_WORK
        convolved = np.convolve(chances, step) if small else fftconvolve(chances, step)
        chances = np.maximum(convolved, 0.0)
    return unit, chances


def _drawn(
    sizes: np.ndarray, lost: float, gained: float, tolerance: float, draws: int, seed: int
) -> tuple[float, float]:
    import numpy as np

    # Eight documents at a time: a random byte says which of them lose.
    padded = np.zeros(-(-len(sizes) // 8) * 8)
    padded[: len(sizes)] = sizes
    lost_of_byte = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1).astype(float)
    rng = np.random.default_rng(seed)
    sums = np.zeros(draws)
    for eight in padded.reshape(-1, 8):
        sums += (lost_of_byte @ eight)[rng.integers(0, 256, draws, dtype=np.uint8)]
    worse = int((sums >= lost - tolerance).sum())
    distance = np.abs(2 * sums - float(sizes.sum()))
    beyond = int((distance >= abs(lost - gained) - 2 * tolerance).sum())
    return (1 + worse) / (1 + draws), (1 + beyond) / (1 + draws)
