"""Read what lm-evaluation-harness writes with `--log_samples`: results_*.json, samples_*.jsonl.

Does: take one task of a run, checked against the run's own counts and hash of its samples. Does not:
import lm_eval, or ask a model (evals/harness/).

The samples hold, per question and filter: `doc_id`, `doc`, `target`, `arguments`, `resps`,
`filtered_resps`, `filter`, `metrics` and a value per metric. lm_eval logs neither tokens nor seconds.
Tried with logs of 0.4.13.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from configs.errors import EvidenceError
from evals.logs.files import JsonObject, damaged, json_lines, json_object, listed
from evals.logs.tool_log import LogFormat, LoggedMetric, LoggedRun, LoggedSample, ToolLog

TOOL = "lm-evaluation-harness"
KNOWN_VERSION = "0.4."
RUN_AGAIN = "Run lm_eval again with --log_samples and --output_path."
DATE = re.compile(r"_(\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d+)\.jsonl?$")


def recognise(path: Path) -> LoggedRun | None:
    """The run of a results file, or of the results file beside a file of samples."""
    if path.name.startswith("samples_") and path.suffix == ".jsonl":
        date = DATE.search(path.name)
        beside = sorted(path.parent.glob(f"*_{date[1]}.json")) if date else []
        if date is None or not beside:
            raise EvidenceError(
                str(path), f"expected the results file of its run beside it, found no "
                f"results_{date[1] if date else '*'}.json", "Copy it there too.",
            )  # fmt: skip
        task = path.name.removeprefix("samples_")[: -len(date[0])]
        run = recognise(beside[0])
        return run and LoggedRun(run.path, (task,), run.model)
    content = json_object(path)
    if content is None or not {"results", "configs", "n-samples"} <= content.keys():
        return None
    version = str(content.get("lm_eval_version", "none"))
    if not version.startswith(KNOWN_VERSION):
        raise EvidenceError(
            str(path), f"expected a log of lm_eval {KNOWN_VERSION}x, got one of {version}",
            "Run the evaluation with a version that is known.",
        )  # fmt: skip
    return LoggedRun(path, tuple(content["configs"]), _model(content))


def read(path: Path, task: str) -> ToolLog:
    """Read one task.

    Raises:
        EvidenceError: when the samples are missing, cut off, or not those of the run.
    """
    results = json_object(path) or {}
    date = DATE.search(path.name)
    samples_file = path.with_name(f"samples_{task}_{date[1] if date else ''}.jsonl")
    if not samples_file.is_file():
        raise EvidenceError(
            str(path), f"expected the samples of {task} beside it in {samples_file.name}, found none",
            RUN_AGAIN,
        )  # fmt: skip
    lines = json_lines(samples_file)
    _require_whole(results, task, samples_file, lines)
    filters = list(dict.fromkeys(str(line["filter"]) for line in lines))
    return ToolLog(
        tool=TOOL,
        version=str(results["lm_eval_version"]),
        model=_model(results),
        task=task,
        path=path,
        metrics=[
            LoggedMetric(
                _metric_name(key, name, filters),
                bool(results.get("higher_is_better", {}).get(task, {}).get(key, True)),
                printed=_number(results["results"].get(task, {}).get(f"{key},{name}")),
                reason_against=_aggregation(results, task, key),
            )
            for name in filters
            for key in next(line for line in lines if line["filter"] == name)["metrics"]
        ],
        samples=list(_samples(samples_file, lines, filters)),
    )


def unfinished(directory: Path) -> str | None:
    """lm_eval writes samples after results, so samples alone are of a run that was cut in copying."""
    lone = sorted(file.name for file in directory.rglob("samples_*.jsonl"))
    return f"the results_*.json that belongs to {listed(lone)}" if lone else None


def _require_whole(results: JsonObject, task: str, path: Path, lines: list[JsonObject]) -> None:
    needed = {"doc_id", "doc", "target", "arguments", "resps", "filter", "metrics"}
    for number, line in enumerate(lines, start=1):
        if missing := sorted(needed - line.keys()):
            raise EvidenceError(
                f"{path} line {number}",
                f"expected a sample of lm_eval, got one without {listed(missing)}", RUN_AGAIN,
            )  # fmt: skip
    seen = [(str(line["filter"]), line["doc_id"]) for line in lines]
    if twice := sorted(
        {f"doc_id {doc} ({name})" for name, doc in seen if seen.count((name, doc)) > 1}
    ):
        raise EvidenceError(
            str(path), f"expected each question once per filter, got several of {listed(twice)}",
            "Two runs were written into one file: run lm_eval again into an empty directory.",
        )  # fmt: skip
    for name in {name for name, _ in seen}:
        kinds = {tuple(line["metrics"]) for line in lines if line["filter"] == name}
        if len(kinds) > 1:
            raise EvidenceError(
                str(path), f"expected samples of one task, got some with the metrics "
                f"{' and some with '.join(sorted(map(', '.join, kinds)))}",
                "Two tasks were mixed: take each task's own file.",
            )  # fmt: skip
    asked = results["n-samples"].get(task, {}).get("effective")
    found = len({doc for _, doc in seen})
    if asked != found:
        raise EvidenceError(
            str(path), f"expected the {asked} questions that the run asked, got {found}",
            "Copy the file again, or run lm_eval again.",
        )  # fmt: skip
    wanted = results.get("task_hashes", {}).get(task)
    hashes = "".join(f"{s['doc_hash']}{s['prompt_hash']}{s['target_hash']}" for s in lines)
    if wanted and hashlib.sha256(hashes.encode()).hexdigest() != wanted:
        raise EvidenceError(
            str(path), "expected the samples whose hash the results file has, got others",
            "Take the samples of this very run, unedited and in their order.",
        )  # fmt: skip


def _samples(path: Path, lines: list[JsonObject], filters: list[str]) -> Iterator[LoggedSample]:
    by_doc: dict[Any, list[JsonObject]] = {}
    for line in lines:
        by_doc.setdefault(line["doc_id"], []).append(line)
    for doc_id, answers in by_doc.items():
        first = answers[0]
        try:
            requests = [list(arguments.values()) for arguments in first["arguments"].values()]
            prompt = str(requests[0][0])
            yield LoggedSample(
                log_id=str(doc_id),
                repeat=0,
                input_text=_shown(first["doc"], prompt),
                content=[first["doc"], first["target"]],
                prompt=json.dumps(requests, ensure_ascii=False),
                raw_output=json.dumps(
                    {
                        "responses": first["resps"],
                        "filtered": {a["filter"]: a["filtered_resps"] for a in answers},
                        "target": first["target"],
                    },
                    ensure_ascii=False,
                ),
                scores={
                    _metric_name(key, str(answer["filter"]), filters): answer.get(key)
                    for answer in answers
                    for key in answer["metrics"]
                },
                fields={"doc": first["doc"], "target": first["target"]},
            )
        except (AttributeError, KeyError, IndexError, TypeError) as error:
            raise damaged(path, f"doc_id {doc_id}", error) from error


def _shown(doc: Any, prompt: str) -> str:
    """The texts of the question that the prompt shows, in the question's order; else all of it.

    Prompts hold a chat template, examples and instructions, which differ between models and versions.
    """
    texts = [text for text in _texts(doc) if text.strip() and text.strip() in prompt]
    return "\n".join(texts) or json.dumps(doc, ensure_ascii=False, sort_keys=True)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from _texts(part)
    elif isinstance(value, list):
        for part in value:
            yield from _texts(part)


def _aggregation(results: JsonObject, task: str, key: str) -> str | None:
    for metric in results["configs"].get(task, {}).get("metric_list") or ():
        if metric.get("metric") == key and metric.get("aggregation", "mean") != "mean":
            return f"lm_eval puts it together by {metric['aggregation']}, not as a mean of samples"
    return None


def _metric_name(key: str, filter_name: str, filters: list[str]) -> str:
    return key if len(filters) == 1 else f"{key}.{filter_name}"


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _model(results: JsonObject) -> str:
    config = results.get("config", {})
    arguments = config.get("model_args")
    named = (
        arguments.get("pretrained") or arguments.get("model")
        if isinstance(arguments, dict)
        else arguments
    )
    return str(results.get("model_name") or named or config.get("model") or "unknown")


FORMAT = LogFormat(
    tool=TOOL,
    looks_like="results_*.json with samples_*.jsonl (lm_eval --log_samples)",
    suffixes=(".json", ".jsonl"),
    recognise=recognise,
    read=read,
    unfinished=unfinished,
)
