"""A log of another tool as an evaluation that a gate can read.

Does: give every answer an id, a document and its scores, from the content of the samples alone, so that
two logs pair whichever model answered, in whichever order. Does not: read logs (evals/logs/find.py).
"""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from configs.errors import EvidenceError
from evals.evaluation import COLUMNS, Evaluation
from evals.logs.files import listed
from evals.logs.scores import Usable, score_of, usable
from evals.logs.tool_log import LoggedSample, ToolLog
from evals.metric import mean_metric

TEXT_DIGEST = "text_digest"
LOG_ID = "log_id"
SHORT = 16
"""Characters of a digest in ids: 64 bits."""


@dataclass(frozen=True)
class Imported:
    """An evaluation, and what a person should know about how it came to be."""

    evaluation: Evaluation
    log: ToolLog
    left_out: Mapping[str, str]
    """Metrics that were not taken -> reason."""
    scored_wrong: Mapping[str, str]
    """Samples that got the worst score because they have none -> what is wrong with them."""


def as_evaluation(
    log: ToolLog,
    *,
    metrics: tuple[str, ...] = (),
    cluster: str | None = None,
    errors_as_wrong: bool = False,
) -> Imported:
    """Make an evaluation of a log.

    Args:
        metrics: which to keep, the primary one first; empty: all that can be kept.
        cluster: path of the field that names a sample's document, such as `doc.passage_id` or
            `metadata.patient`. None: samples with the same input text are one document.
        errors_as_wrong: give samples without a score that counts the worst one.
    Returns:
        One row per answer. `id` and `data_digest` follow from inputs and targets alone. Besides the
        columns of every evaluation there are `log_id`, the tool's own id, and `text_digest`, the
        sha256 of the input text in Unicode's form NFKC with single spaces. Tokens and seconds that
        the log does not have are 0, which a ceiling refuses.
    Raises:
        EvidenceError: when ids repeat, samples have no score, or no metric can be kept.
    """
    import pandas as pd

    _require_distinct(log)
    chosen = usable(log, metrics)
    if chosen.without_score and not errors_as_wrong:
        found = [f"{name} ({problem})" for name, problem in chosen.without_score.items()]
        raise EvidenceError(
            f"{log.path}: {log.task}",
            f"expected a score of each of {len(log.samples)} answers, got none that counts of "
            f"{len(found)}: {listed(found)}",
            "Run these again in the tool, or score them as wrong with --errors-as-wrong.",
        )
    contents = [_digest(sample.content) for sample in log.samples]
    ids = _row_ids(log, contents)
    lines = [
        _line(log, sample, row_id, cluster, chosen)
        for sample, row_id in zip(log.samples, ids, strict=True)
    ]
    frame = pd.DataFrame(lines).sort_values("id", ignore_index=True)
    evaluation = Evaluation(
        system=log.model,
        engine=f"{log.tool} {log.version}: {log.model}",
        task=log.task,
        data_digest="sha256:" + _digest(sorted(_one_per_sample(log, contents))),
        metrics=tuple(
            mean_metric(
                metric.name,
                _column(metric.name),
                binary=bool(frame[_column(metric.name)].isin((0.0, 1.0)).all()),
            ).model_copy(update={"higher_is_better": metric.higher_is_better})
            for metric in chosen.metrics
        ),
        frame=frame,
    )
    return Imported(evaluation, log, chosen.left_out, chosen.without_score)


def text_digest(text: str) -> str:
    """sha256 of a text, as hexadecimal digits, in Unicode's form NFKC and with single spaces.

    >>> text_digest("two\\u00a0 words\\n") == text_digest("two words")
    True
    """
    plain = " ".join(unicodedata.normalize("NFKC", text).split())
    return hashlib.sha256(plain.encode("utf-8", "replace")).hexdigest()


def _require_distinct(log: ToolLog) -> None:
    if not log.samples:
        raise EvidenceError(
            str(log.path), "expected samples, got a log without any", "Run the evaluation again."
        )
    seen: set[tuple[str, int]] = set()
    twice = []
    for sample in log.samples:
        if (sample.log_id, sample.repeat) in seen:
            twice.append(sample.name)
        seen.add((sample.log_id, sample.repeat))
    if twice:
        raise EvidenceError(
            f"{log.path}: {log.task}",
            f"expected a unique id of every answer, got several of {listed(twice)}",
            "Take the log of one run, in which every sample has its own id.",
        )


def _row_ids(log: ToolLog, contents: list[str]) -> list[str]:
    """Content of the sample and a number: of its repeats, and of samples that are the same."""
    order = sorted(
        range(len(contents)),
        key=lambda n: (contents[n], log.samples[n].log_id, log.samples[n].repeat),
    )
    ids = [""] * len(contents)
    counts: dict[str, int] = {}
    for place in order:
        content = contents[place]
        counts[content] = counts.get(content, 0) + 1
        ids[place] = f"{content[:SHORT]}.{counts[content]}"
    return ids


def _one_per_sample(log: ToolLog, contents: list[str]) -> list[str]:
    return list(
        {sample.log_id: c for sample, c in zip(log.samples, contents, strict=True)}.values()
    )


def _line(
    log: ToolLog, sample: LoggedSample, row_id: str, cluster: str | None, chosen: Usable
) -> dict[str, Any]:
    of_text = text_digest(sample.input_text)
    document = f"text-{of_text[:SHORT]}" if cluster is None else _field(log, sample, cluster)
    return {
        "id": row_id,
        "cluster": document,
        "prompt_digest": "sha256:" + _digest(sample.prompt),
        # A model may write half of a surrogate pair, which no file can hold.
        "raw_output": sample.raw_output.encode("utf-8", "replace").decode(),
        "finish_reason": sample.finish_reason,
        "input_tokens": sample.input_tokens,
        "output_tokens": sample.output_tokens,
        "latency_s": sample.latency_s,
        LOG_ID: sample.log_id,
        TEXT_DIGEST: of_text,
        **{_column(metric.name): score_of(sample, metric) for metric in chosen.metrics},
    }


def _field(log: ToolLog, sample: LoggedSample, path: str) -> str:
    value: Any = sample.fields
    for part in path.split("."):
        if not isinstance(value, Mapping) or part not in value:
            there = list(value) if isinstance(value, Mapping) else []
            raise EvidenceError(
                f"{log.path}: {sample.name}",
                f"expected field {path!r} to cluster by, got only {listed(sorted(map(str, there)))}"
                if there else f"expected field {path!r} to cluster by, got none of this name",
                "Correct --cluster.",
            )  # fmt: skip
        value = value[part]
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        raise EvidenceError(
            f"{log.path}: {sample.name}",
            f"expected a text or a whole number in field {path!r} to cluster by, got {value!r:.80}",
            "Choose another field with --cluster.",
        )
    return str(value)


def _column(metric: str) -> str:
    reserved = (*COLUMNS, LOG_ID, TEXT_DIGEST, "rows")
    return f"score.{metric}" if metric in reserved or metric.startswith("slice.") else metric


def _digest(value: Any) -> str:
    content = json.dumps(value, ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(content.encode("utf-8", "replace")).hexdigest()
