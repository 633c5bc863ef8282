"""Evaluation texts that training has seen, and texts that evaluation has twice.

Does: name each evaluation row once, under the strongest of exact, near and contained.
Does not: decide how alike two texts are (near_duplicates.py, containment.py).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from configs.data_checks import Action, DataChecks, NearDuplicates
from configs.task import TaskConfig
from finetune.data_checks.containment import SHORTEST_WORDS, containing
from finetune.data_checks.findings import Finding, Number, finding
from finetune.data_checks.intervals import share_of_rows
from finetune.data_checks.near_duplicates import NearDuplicateIndex, miss_chance
from finetune.data_checks.rows import CheckedRow, canonical
from finetune.data_checks.targets import shown_target

SHOWN_PAIRS = 3
Pairs = dict[str, tuple[CheckedRow, CheckedRow, float]]


def training_duplicates(
    seen: Sequence[CheckedRow], evaluation: Sequence[CheckedRow], policy: DataChecks
) -> list[Finding]:
    """Evaluation rows that are in training or validation: the same, almost, or inside a longer text.

    Args:
        seen: rows of training and validation.
    """
    documents = {row.doc_id: row for row in reversed(seen)}
    by_plain = {row.plain: row for row in reversed(seen)}
    by_words = {row.words: row for row in reversed(seen)}
    exact: Pairs = {}
    for row in evaluation:
        match = by_plain.get(row.plain) or documents.get(row.doc_id)
        if match is not None:
            exact[row.id] = (row, match, 1.0)
    findings = []
    if policy.exact_duplicates != "off":
        text = "have a document or a text (case and white space aside) that training data have too"
        findings.append(
            _overlap(
                "exact_duplicates", policy.exact_duplicates, exact, evaluation, text, "", policy
            )
        )
    known = set(exact)
    texts, firsts = list(by_words), list(by_words.values())
    near = policy.near_duplicates
    if near.action != "off":
        rest = [row for row in evaluation if row.id not in known]
        similar = _index(texts, near, policy.seed).similar([row.words for row in rest])
        pairs: Pairs = {
            row.id: (row, firsts[found[0][0]], found[0][1])
            for row, found in zip(rest, similar, strict=True)
            if found
        }
        known |= set(pairs)
        missed = miss_chance(near.jaccard, near.hashes)
        text = (
            f"have almost a text of training data (Jaccard similarity of {near.shingle_words}-word "
            f"shingles of at least {near.jaccard:g}; the chance to miss one is at most {missed:.1g})"
        )
        findings.append(
            _overlap("near_duplicates", near.action, pairs, evaluation, text, "Jaccard", policy)
        )
    contained = policy.contained
    if contained.action != "off":
        rest = [row for row in evaluation if row.id not in known]
        matches = containing(
            [row.words for row in rest], texts, size=contained.ngram_words, share=contained.share
        )
        inside: Pairs = {
            row.id: (row, firsts[match[0]], match[1])
            for row, match in zip(rest, matches, strict=True)
            if match is not None
        }
        short = sum(len(row.words) < SHORTEST_WORDS for row in evaluation)
        text = (
            f"have at least {contained.share:.0%} of their words in one text of training data, "
            f"{contained.ngram_words} or more in a row ({short} rows of fewer than {SHORTEST_WORDS} "
            "words were not looked for)"
        )
        findings.append(
            _overlap("contained", contained.action, inside, evaluation, text, "covered", policy)
        )
    return findings


def _index(texts: Sequence[tuple[str, ...]], near: NearDuplicates, seed: int) -> NearDuplicateIndex:
    return NearDuplicateIndex(
        texts,
        similarity=near.jaccard,
        shingle_words=near.shingle_words,
        hashes=near.hashes,
        seed=seed,
    )


def _overlap(
    check: str,
    action: Action,
    pairs: Pairs,
    evaluation: Sequence[CheckedRow],
    text: str,
    measure: str,
    policy: DataChecks,
) -> Finding:
    worst = sorted(pairs.values(), key=lambda pair: -pair[2])
    shown = "; ".join(
        f"{row.id} is like {match.id} of {match.split}"
        + (f" ({measure} {value:.2f})" if measure else "")
        for row, match, value in worst[:SHOWN_PAIRS]
    )
    hits = [row.id in pairs for row in evaluation]
    sentence = f"{len(pairs)} of {len(evaluation)} evaluation rows {text}."
    return finding(
        check,
        action,
        bool(pairs),
        sentence + (f" {shown}." if shown else ""),
        [row.id for row, _, _ in worst],
        [
            share_of_rows(
                "share of evaluation rows", hits, [r.doc_id for r in evaluation], policy.seed
            )
        ],
        policy.shown_ids,
    )


def repeated_texts(evaluation: Sequence[CheckedRow], policy: DataChecks) -> Finding:
    """Evaluation texts that stand, equal or almost, in several documents.

    The action is that of `repeated_texts`, which must not be off; what counts as almost equal is set
    by `near_duplicates`.
    """
    by_words: dict[tuple[str, ...], list[CheckedRow]] = defaultdict(list)
    for row in evaluation:
        by_words[row.words].append(row)
    texts, holders = list(by_words), list(by_words.values())
    similar = _index(texts, policy.near_duplicates, policy.seed).similar(texts)
    alike = [[row for at, _ in found for row in holders[at]] for found in similar]
    repeated = [
        row
        for own, others in zip(holders, alike, strict=True)
        for row in own
        if any(other.doc_id != row.doc_id for other in others)
    ]
    documents = {row.doc_id for row in repeated}
    return finding(
        "repeated_texts",
        policy.repeated_texts,
        bool(repeated),
        f"{len(repeated)} evaluation rows in {len(documents)} documents have a text that another "
        "document has too, equal or almost; such documents are not independent.",
        [row.id for row in repeated],
        [_count("rows repeated over documents", len(repeated), len(evaluation))],
        policy.shown_ids,
    )


def conflicting_targets(
    rows: Sequence[CheckedRow], task: TaskConfig, policy: DataChecks
) -> Finding:
    """Rows of one split with the same text and different targets.

    The action is that of `conflicting_targets`, which must not be off.
    """
    by_text: dict[str, list[CheckedRow]] = defaultdict(list)
    for row in rows:
        by_text[row.plain].append(row)
    groups = [g for g in by_text.values() if len({canonical(row.target) for row in g}) > 1]
    split = rows[0].split
    shown = "; ".join(_names(group, task) for group in groups[:SHOWN_PAIRS])
    in_conflict = [row.id for group in groups for row in group]
    return finding(
        "conflicting_targets",
        policy.conflicting_targets,
        bool(groups),
        f"{len(groups)} texts of {split} occur with different targets"
        + (f": {shown}. No system can get all of them right." if groups else "."),
        in_conflict,
        [_count("rows in conflict", len(in_conflict), len(rows))],
        policy.shown_ids,
    )


def _names(group: Sequence[CheckedRow], task: TaskConfig) -> str:
    targets = [shown_target(row.target, task) for row in group[:3]]
    return " and ".join(
        row.id if target is None else f"{row.id} ({target})"
        for row, target in zip(group, targets, strict=False)
    )


def _count(name: str, count: int, n: int) -> Number:
    return Number(name=name, value=count, n=n, n_unit="rows")
