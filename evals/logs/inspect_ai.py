"""Read the logs of inspect_ai: `.eval` files and `.json` files, which hold the same objects.

Does: read format version 2 directly; map scores to numbers as inspect's `value_to_float` does. Does not:
import inspect_ai.

The format is documented (inspect.aisi.org.uk/eval-logs.html and reference/inspect_ai.log): a header
(`version`, `status`, `eval`, `results`) and one object per sample and epoch. Tried with logs that 0.3.285
wrote.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from configs.errors import EvidenceError
from evals.logs.eval_zip import members, read_member
from evals.logs.files import JsonObject, damaged, json_object, listed
from evals.logs.tool_log import (
    FinishReason,
    LogFormat,
    LoggedMetric,
    LoggedRun,
    LoggedSample,
    ToolLog,
)

TOOL = "inspect_ai"
KNOWN_VERSION = 2
NUMBERS = {"C": 1.0, "P": 0.5, "I": 0.0, "N": 0.0, "yes": 1.0, "true": 1.0, "no": 0.0, "false": 0.0}
MEANS = ("accuracy", "mean")
SPREADS = ("stderr", "std", "var", "bootstrap_stderr")
CUT_OFF = ("max_tokens", "model_length")
ATTACHMENT = "attachment://"


def recognise(path: Path) -> LoggedRun | None:
    """The run of one log file."""
    header = _header(path)
    if header is None:
        return None
    if header["version"] != KNOWN_VERSION:
        raise EvidenceError(
            str(path),
            f"expected a log of format version {KNOWN_VERSION}, got version {header['version']}",
            "Convert it with `inspect log convert` of a version that is known.",
        )
    spec = header["eval"]
    return LoggedRun(path, (str(spec["task"]),), str(spec["model"]))


def read(path: Path, task: str) -> ToolLog:
    """Read the log of one task.

    Raises:
        EvidenceError: when the run did not finish, was invalidated, or lacks samples.
    """
    header = _header(path) or {}
    raw = _raw_samples(path, header)
    spec, results = header["eval"], header.get("results") or {}
    planned = _planned(spec)
    if header["status"] != "success" or results.get("logged_samples") is not None:
        raise _unfinished(path, header, planned, raw)
    if header.get("invalidated"):
        raise EvidenceError(
            str(path), "expected a valid run, got one whose samples were invalidated",
            "Run the evaluation again.",
        )  # fmt: skip
    if results.get("early_stopping"):
        raise EvidenceError(
            str(path), "expected every sample, got a run that stopped early by its own rule",
            "Run it without early stopping.",
        )  # fmt: skip
    planned = int(results.get("total_samples") or planned)
    if planned != len(raw):
        raise _unfinished(path, header, planned, raw)
    samples = [_sample(path, spec, sample) for sample in raw]
    names = dict.fromkeys(name for sample in samples for name in sample.scores)
    printed, left_out = _printed(results)
    return ToolLog(
        tool=TOOL,
        version=str(spec.get("packages", {}).get("inspect_ai", "unknown")),
        model=str(spec["model"]),
        task=task,
        path=path,
        metrics=[LoggedMetric(name, printed=printed.get(name)) for name in names],
        samples=samples,
        left_out=left_out,
    )


def unfinished(directory: Path) -> str | None:
    """An unfinished run has a log, so a directory without one holds none."""
    return None


def _header(path: Path) -> JsonObject | None:
    if zipfile.is_zipfile(path):
        found = members(path)
        if "header.json" in found:
            header = read_member(path, found["header.json"])
        elif "_journal/start.json" in found:
            header = {**read_member(path, found["_journal/start.json"]), "status": "started"}
        else:
            return None
    elif path.suffix == ".eval":
        members(path)  # says what is wrong with the ZIP
        return None
    else:
        header = json_object(path)
    if not isinstance(header, dict) or not {"version", "status", "eval"} <= header.keys():
        return None
    return header


def _raw_samples(path: Path, header: JsonObject) -> list[JsonObject]:
    if not zipfile.is_zipfile(path):
        return list(header.get("samples") or ())
    found = members(path)
    return [read_member(path, info) for name, info in found.items() if name.startswith("samples/")]


def _planned(spec: JsonObject) -> int:
    """Answers that the run was to give: of the samples that its limit leaves, in every epoch."""
    samples = int(spec["dataset"].get("samples") or 0)
    limit = spec["config"].get("limit")
    if isinstance(limit, list):
        samples = len(range(samples)[limit[0] : limit[1]])
    elif limit:
        samples = min(samples, int(limit))
    return samples * int(spec["config"].get("epochs") or 1)


def _unfinished(
    path: Path, header: JsonObject, planned: int, raw: list[JsonObject]
) -> EvidenceError:
    status = header["status"]
    if not raw and status == "success":
        return EvidenceError(
            str(path), "expected samples, got a log without them",
            "Run inspect eval without --no-log-samples.",
        )  # fmt: skip
    ids = [str(name) for name in header["eval"]["dataset"].get("sample_ids") or ()]
    there = {str(sample.get("id")) for sample in raw}
    missing = [name for name in ids if name not in there]
    names = f"; missing are {listed(missing)}" if missing else ""
    error = (header.get("error") or {}).get("message")
    why = f", stopped by {error!r}" if error else ""
    return EvidenceError(
        str(path),
        f"expected a finished run, got status {status!r} with {len(raw)} of {planned} "
        f"samples{names}{why}",
        "Finish it with `inspect eval-retry`, and import that log.",
    )


def _printed(results: JsonObject) -> tuple[dict[str, float], dict[str, str]]:
    """Means that inspect wrote, by score; and its other metrics with why they stay behind."""
    means: dict[str, float] = {}
    left_out: dict[str, str] = {}
    for score in results.get("scores") or ():
        name = _score_name(score["scorer"], score["name"])
        for metric, value in score["metrics"].items():
            if metric.rpartition("/")[2] in SPREADS:
                continue
            if metric.rpartition("/")[2] not in MEANS:
                left_out[f"{name}.{metric}"] = "it is no mean of one number per sample"
            elif score.get("reducer") in (None, "mean") and not score.get("unscored_samples"):
                means[name] = float(value["value"])
            elif score.get("reducer") not in (None, "mean"):
                left_out[f"{name}.{metric} after {score['reducer']}"] = (
                    "it joins the epochs of a sample otherwise than by their mean"
                )
    return means, left_out


def _score_name(scorer: str, name: str) -> str:
    return scorer if scorer == name else f"{scorer}.{name}"


def _sample(path: Path, spec: JsonObject, raw: JsonObject) -> LoggedSample:
    name = f"sample {raw.get('id')}"
    try:
        raw = _with_attachments(raw, raw.get("attachments") or {})
        output = raw.get("output") or {}
        choice = (output.get("choices") or [{}])[0]
        usage = (raw.get("model_usage") or {}).get(spec["model"]) or output.get("usage") or {}
        cached = ("input_tokens", "input_tokens_cache_read", "input_tokens_cache_write")
        return LoggedSample(
            log_id=str(raw["id"]),
            repeat=int(raw["epoch"]) - 1,
            input_text=_text(raw["input"]),
            content=[_plain_input(raw["input"]), raw.get("choices"), raw["target"]],
            prompt=json.dumps(
                [
                    [m["role"], _text([m])]
                    for m in raw.get("messages") or ()
                    if m["role"] != "assistant"
                ],
                ensure_ascii=False,
            ),
            raw_output=str(output.get("completion") or _text([choice.get("message") or {}])),
            scores=_scores(raw.get("scores") or {}),
            fields={key: raw.get(key) for key in ("id", "input", "target", "metadata")},
            finish_reason=_finish_reason(choice.get("stop_reason")),
            input_tokens=sum(int(usage.get(part) or 0) for part in cached),
            output_tokens=int(usage.get("output_tokens") or 0),
            latency_s=_seconds(raw, output),
            problem=_problem(raw),
        )
    except (AttributeError, KeyError, IndexError, TypeError, ValueError) as error:
        raise damaged(path, name, error) from error


def _with_attachments(value: Any, attachments: Mapping[str, str]) -> Any:
    """Long texts are kept once and referred to by digest."""
    if isinstance(value, str) and value.startswith(ATTACHMENT):
        return attachments.get(value.removeprefix(ATTACHMENT), value)
    if isinstance(value, dict):
        return {
            key: part if key in ("events", "attachments", "events_data") else
            _with_attachments(part, attachments)
            for key, part in value.items()
        }  # fmt: skip
    if isinstance(value, list):
        return [_with_attachments(part, attachments) for part in value]
    return value


def _plain_input(value: Any) -> Any:
    """Messages carry ids that are new in every run; role and content are what is asked."""
    if isinstance(value, str):
        return value
    return [[message["role"], message["content"]] for message in value]


def _text(value: Any) -> str:
    """The text of an input, or of messages."""
    return value if isinstance(value, str) else "\n".join(_texts(value))


def _texts(messages: list[JsonObject]) -> Iterator[str]:
    for message in messages:
        content = message.get("content") or ""
        if isinstance(content, str):
            yield content
        else:
            yield from (str(part["text"]) for part in content if part.get("type") == "text")


def _scores(raw: Mapping[str, JsonObject]) -> dict[str, Any]:
    scores: dict[str, Any] = {}
    for scorer, score in raw.items():
        value = score.get("value")
        if isinstance(value, dict):
            scores |= {f"{scorer}.{name}": _number(part) for name, part in value.items()}
        else:
            scores[scorer] = _number(value)
    return scores


def _number(value: Any) -> Any:
    """As `inspect_ai.scorer.value_to_float`, which ignores case for words but not for letters."""
    if not isinstance(value, str):
        return value
    known = NUMBERS.get(value, NUMBERS.get(value.lower()) if len(value) > 1 else None)
    if known is not None:
        return known
    try:
        return float(value)
    except ValueError:
        return value


def _finish_reason(stop_reason: str | None) -> FinishReason:
    if stop_reason is None or stop_reason == "unknown":
        return "unknown"
    return "length" if stop_reason in CUT_OFF else "stop"


def _seconds(raw: JsonObject, output: JsonObject) -> float:
    """Of the only answer, or of all work on the sample where there were several turns."""
    answers = [m for m in raw.get("messages") or () if m.get("role") == "assistant"]
    taken = output.get("time") if len(answers) == 1 else None
    return float(taken or raw.get("working_time") or raw.get("total_time") or 0.0)


def _problem(raw: JsonObject) -> str | None:
    if raw.get("error"):
        return f"error: {raw['error'].get('message')}"
    if raw.get("limit"):
        return f"halted by its {raw['limit'].get('type')} limit"
    if raw.get("invalidation"):
        return "invalidated"
    return None


FORMAT = LogFormat(
    tool=TOOL,
    looks_like="an .eval file or a .json log (inspect eval)",
    suffixes=(".eval", ".json"),
    recognise=recognise,
    read=read,
    unfinished=unfinished,
)
