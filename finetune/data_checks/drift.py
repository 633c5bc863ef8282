"""Whether two sets of documents, such as training and evaluation, look drawn from one distribution.

Does: test lengths, classes, words, and whether a classifier can tell the two apart; documents are
the unit, and Holm's correction holds the level over all tests.
Does not: call a difference drift for being significant alone: its size must matter too.

Sources: Kolmogorov-Smirnov through scipy, with the interval of its distance from Massart 1990 (Ann.
Probab. 18:1269); permutation p-values (1 + hits) / (1 + permutations) from Phipson and Smyth 2010
(Stat. Appl. Genet. Mol. Biol. 9:39); Lin 1991 (IEEE Trans. Inf. Theory 37:145) for the
Jensen-Shannon divergence; Lopez-Paz and Oquab 2017 (arXiv 1610.06545) for the classifier two-sample
test; Holm 1979 (Scand. J. Stat. 6:65).
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

from configs.data_checks import DataChecks, Drift
from configs.task import TaskConfig
from finetune.data_checks.findings import Finding, Number, finding
from finetune.data_checks.intervals import INTERVAL
from finetune.data_checks.resplit import Counts, Resplit, resplit
from finetune.data_checks.rows import CheckedRow
from finetune.data_checks.targets import categories
from finetune.data_checks.two_sample_classifier import classifier_auc

MIN_DOCUMENTS = 10
Sides = tuple[str, str]
SIDES: Sides = ("training", "evaluation")


@dataclass(frozen=True)
class Document:
    """All rows of one document together."""

    id: str
    rows: tuple[CheckedRow, ...]

    @property
    def words(self) -> list[str]:
        return [word for row in self.rows for word in row.words]

    @property
    def mean_length(self) -> float:
        """Words per row."""
        return len(self.words) / len(self.rows)


@dataclass(frozen=True)
class DriftTest:
    """One test before correction."""

    check: str
    p_value: float
    effect: float
    threshold: float
    sentence: str
    numbers: tuple[Number, ...]


def documents_of(rows: Sequence[CheckedRow], most: int, seed: int) -> list[Document]:
    """Documents in order of appearance; of more than `most`, a seeded sample."""
    grouped: dict[str, list[CheckedRow]] = {}
    for row in rows:
        grouped.setdefault(row.doc_id, []).append(row)
    documents = [Document(name, tuple(own)) for name, own in grouped.items()]
    if len(documents) <= most:
        return documents
    kept = random.Random(f"drift/{seed}/{rows[0].split}").sample(range(len(documents)), most)
    return [documents[i] for i in sorted(kept)]


def drift(
    train: Sequence[CheckedRow],
    evaluation: Sequence[CheckedRow],
    task: TaskConfig,
    policy: DataChecks,
    sides: Sides = SIDES,
    labelled: bool = True,
) -> list[Finding]:
    """All tests of drift. The action is that of `drift`, which must not be off.

    Args:
        sides: what to call the two sets in sentences.
        labelled: whether both have targets; without, classes and fields are not tested.
    """
    settings = policy.drift
    first = documents_of(train, settings.max_documents, policy.seed)
    second = documents_of(evaluation, settings.max_documents, policy.seed)
    if min(len(first), len(second)) < MIN_DOCUMENTS:
        sentence = (
            f"Drift was not tested: {len(first)} {sides[0]} and {len(second)} {sides[1]} documents, "
            f"where each side needs {MIN_DOCUMENTS}."
        )
        return [finding("drift", settings.action, False, sentence)]
    tests = [_lengths(first, second, settings, sides)]
    if labelled and task.kind != "summarisation":
        tests.append(_labels(first, second, task, settings, policy.seed))
    tests += _words(first, second, task.show_text, settings, policy.seed, sides)
    tests.append(_classifier(first, second, settings, policy.seed, sides))
    return _judged(tests, settings)


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values corrected for being the smallest of several (Holm 1979), in the given order."""
    corrected = [0.0] * len(p_values)
    largest = 0.0
    for rank, i in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[i]))
        corrected[i] = largest
    return corrected


def _judged(tests: Sequence[DriftTest], settings: Drift) -> list[Finding]:
    findings = []
    for test, p_value in zip(tests, holm([test.p_value for test in tests]), strict=True):
        matters, significant = test.effect >= test.threshold, p_value <= settings.alpha
        verdict = {
            (True, True): "That is drift",
            (True, False): "That may be chance",
            (False, True): "That is no chance, but too little to matter",
            (False, False): "No sign of drift",
        }[matters, significant]
        first = test.numbers[0].model_copy(update={"p_value": p_value})
        findings.append(
            finding(
                f"drift.{test.check}",
                settings.action,
                matters and significant,
                f"{test.sentence} {verdict} (effect {test.effect:.3f}, acted on from "
                f"{test.threshold:g}).",
                (),
                (first, *test.numbers[1:]),
            )
        )
    return findings


def _lengths(
    first: Sequence[Document], second: Sequence[Document], settings: Drift, sides: Sides
) -> DriftTest:
    import numpy as np
    from scipy.stats import ks_2samp

    lengths = [np.array([d.mean_length for d in side]) for side in (first, second)]
    tested = ks_2samp(*lengths)
    value = float(tested.statistic)
    # Each empirical distribution is within this distance of its own, jointly with 95 %.
    reach = sum(math.sqrt(math.log(2 / 0.025) / (2 * len(side))) for side in lengths)
    low, high = max(0.0, value - reach), min(1.0, value + reach)
    medians = [float(np.median(side)) for side in lengths]
    number = Number(
        name="Kolmogorov-Smirnov distance",
        value=value,
        low=low,
        high=high,
        range_of=INTERVAL,
        n=len(first) + len(second),
        n_unit="documents",
    )
    sentence = f"Texts have a median of {medians[1]:g} words in {sides[1]} and {medians[0]:g} in {sides[0]}."
    return DriftTest("length", float(tested.pvalue), value, settings.length_ks, sentence, (number,))


def _resplit_test(
    check: str, what: str, split: Resplit, threshold: float, sentence: str, documents: int
) -> DriftTest:
    observed = Number(name=what, value=split.observed, n=documents, n_unit="documents")
    chance = Number(
        name="without drift",
        value=split.mean,
        low=split.low,
        high=split.high,
        range_of="95 % of re-divisions",
        n=documents,
        n_unit="documents",
    )
    excess = split.observed - split.mean
    return DriftTest(check, split.p_value, excess, threshold, sentence, (observed, chance))


def _labels(
    first: Sequence[Document],
    second: Sequence[Document],
    task: TaskConfig,
    settings: Drift,
    seed: int,
) -> DriftTest:
    names = [
        [c for row in document.rows for c in categories(row.target, task)]
        for document in (*first, *second)
    ]
    counts = Counts.of(names)
    split = resplit(counts, len(first), settings.permutations, seed)["total variation"]
    train, evaluation = counts.shares(len(first))
    apart = max(range(len(train)), key=lambda i: abs(evaluation[i] - train[i]))
    sentence = (
        f"Of classes and fields, {counts.names[apart]} differs most: {evaluation[apart]:.1%} of "
        f"evaluation and {train[apart]:.1%} of training."
    )
    n = len(first) + len(second)
    return _resplit_test(
        "labels", "total variation distance", split, settings.labels_tv, sentence, n
    )


def _words(
    first: Sequence[Document],
    second: Sequence[Document],
    show_text: bool,
    settings: Drift,
    seed: int,
    sides: Sides,
) -> list[DriftTest]:
    counts = Counts.of([document.words for document in (*first, *second)])
    split = resplit(counts, len(first), settings.permutations, seed)
    train, evaluation = counts.shares(len(first))
    unseen = sorted(
        (i for i in range(len(train)) if train[i] == 0), key=lambda i: (-evaluation[i], i)
    )
    often = ", ".join(counts.names[i] for i in unseen[:5] if show_text and evaluation[i] > 0)
    n = len(first) + len(second)
    js, unknown = split["Jensen-Shannon"], split["unseen"]
    return [
        _resplit_test(
            "vocabulary",
            "Jensen-Shannon distance",
            js,
            settings.vocabulary_js,
            f"Word frequencies are {js.observed:.3f} apart, where chance alone gives {js.mean:.3f}.",
            n,
        ),
        _resplit_test(
            "unseen_words",
            f"share of {sides[1]} words unseen in {sides[0]}",
            unknown,
            settings.unseen_words,
            f"{unknown.observed:.1%} of the words of {sides[1]} do not occur in {sides[0]}, where "
            f"chance alone gives {unknown.mean:.1%}"
            + (f" (most often {often})." if often else "."),
            n,
        ),
    ]


def _classifier(
    first: Sequence[Document], second: Sequence[Document], settings: Drift, seed: int, sides: Sides
) -> DriftTest:
    auc = classifier_auc([d.words for d in first], [d.words for d in second], seed)
    number = Number(
        name="area under the ROC curve",
        value=auc.value,
        low=auc.low,
        high=auc.high,
        range_of=INTERVAL,
        n=auc.documents,
        n_unit="documents",
    )
    sentence = (
        "A linear classifier of words and word pairs ranks a document of "
        f"{sides[1]} above one of {sides[0]} {auc.value:.0%} of the time."
    )
    return DriftTest(
        "classifier", auc.p_value, auc.value, settings.classifier_auc, sentence, (number,)
    )
