"""Classifier two-sample test: whether a simple model can tell evaluation documents from training ones.

Sources: Lopez-Paz and Oquab 2017 (arXiv 1610.06545) for learning on one half of the documents and
testing on the other; Hanley and McNeil 1982 (Radiology 143:29) for the equality of the area under
the ROC curve and the Mann-Whitney statistic; DeLong et al. 1988 (Biometrics 44:837) for its variance.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from finetune.data_checks.intervals import share_interval

MAX_FEATURES = 20_000
_NORMAL_975 = 1.959964


@dataclass(frozen=True)
class Auc:
    """Area under the ROC curve on held-out documents."""

    value: float
    low: float
    high: float
    p_value: float
    """One-sided, of an area of one half."""
    documents: int
    """Held-out documents."""


def classifier_auc(
    train: Sequence[Sequence[str]], evaluation: Sequence[Sequence[str]], seed: int
) -> Auc:
    """Learn on half of each side's documents, score the other half.

    Args:
        train, evaluation: words of each document; at least ten documents per side.
    """
    import numpy as np
    from scipy.stats import mannwhitneyu
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(seed)
    halves = []
    for side in (train, evaluation):
        order = rng.permutation(len(side))
        texts = [" ".join(side[i]) for i in order]
        halves.append((texts[: len(side) // 2], texts[len(side) // 2 :]))
    vectorizer = TfidfVectorizer(
        ngram_range=(1, 2), sublinear_tf=True, max_features=MAX_FEATURES, token_pattern=r"\S+"
    )
    learnt = vectorizer.fit_transform(halves[0][0] + halves[1][0])
    labels = np.repeat([0, 1], [len(halves[0][0]), len(halves[1][0])])
    model = LogisticRegression(class_weight="balanced", max_iter=200).fit(learnt, labels)
    scores = [model.decision_function(vectorizer.transform(held_out)) for _, held_out in halves]
    negative, positive = scores
    tested = mannwhitneyu(positive, negative, alternative="greater")
    value = float(tested.statistic) / (len(positive) * len(negative))
    wins = (positive[:, None] > negative) + 0.5 * (positive[:, None] == negative)
    variance = wins.mean(axis=1).var(ddof=1) / len(positive)
    variance += wins.mean(axis=0).var(ddof=1) / len(negative)
    reach = _NORMAL_975 * math.sqrt(variance)
    low, high = max(0.0, value - reach), min(1.0, value + reach)
    if value in (0.0, 1.0):  # no variance to go by: as if the smaller side were so many trials
        fewer = min(len(positive), len(negative))
        low, high = share_interval(round(value) * fewer, fewer)
    return Auc(
        value=value,
        low=low,
        high=high,
        p_value=1.0 if math.isnan(tested.pvalue) else float(tested.pvalue),
        documents=len(positive) + len(negative),
    )
