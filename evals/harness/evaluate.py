"""Ask a model a task of lm_eval, and keep every answer as an evaluation that a gate can read.

Does: leave prompts, log-likelihoods, generation and scoring to `lm_eval.simple_evaluate`; its
scores are the ones that `lm_eval run` prints. Does not: use its caches, or run tasks that execute
code that a model wrote or that show pictures.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from configs.errors import ConfigError, EngineError, EvidenceError, PawlError
from configs.harness import HarnessTask
from evals.evaluation import SLICE_PREFIX, Evaluation
from evals.harness.metrics import Measured, Sample, as_metrics, measured, require_usable
from evals.harness.models import HarnessModel
from evals.harness.quiet import quiet_lm_eval
from evals.harness.tasks import LoadedTask, load_harness_task

# What the prompts and scores of a task follow from, besides its questions; file names do not count.
PROTOCOL = ("output_type", "doc_to_text", "doc_to_target", "doc_to_choice", "description",
            "target_delimiter", "fewshot_delimiter", "fewshot_split", "gen_prefix", "num_fewshot",
            "generation_kwargs", "repeats", "filter_list", "process_docs", "process_results",
            )  # fmt: skip


def evaluate_harness_task(model: HarnessModel, asked: HarnessTask, *, system: str) -> Evaluation:
    """Evaluate one system on one task or group.

    Returns:
        One row per question. `id` is `TASK-NUMBER`; `raw_output` is JSON with `responses` (per
        request: log-likelihood and whether greedy decoding would say it, or the text), `filtered`
        per filter, and `target`; a metric's values are in the column of its name (of a group, in
        `METRIC.TASK`, 0 in the rows of other tasks, which `asked.TASK` marks, and `slice.task`
        names the task). lm_eval reports neither tokens nor seconds: these columns are 0, and
        `finish_reason` is `stop`. `data_digest` covers the questions asked, their right answers
        and the settings that prompts and scores follow from. lm_eval seeds the global random
        generators of Python, numpy and torch on the way.
    Raises:
        ConfigError: when there is no such task, or the model cannot be asked it.
        DataError: when the task's data cannot be had.
        EngineError: when the endpoint leaves a question unanswered.
        EvidenceError: when no metric can be gated on, or a field is missing.
    """
    import pandas as pd

    loaded = load_harness_task(asked.task)
    _require_askable(model, asked, loaded)
    samples = _run(model, asked, loaded)
    kept, refused = measured(loaded, samples)
    where = f"harness task {loaded.name}"
    require_usable(where, kept, refused, asked.metric)
    lines = [
        _line(asked, loaded, name, number, answers, kept)
        for name in loaded.tasks
        for number, answers in _by_question(samples[name]).items()
    ]
    return Evaluation(
        system=system,
        engine=model.name,
        task=loaded.name,
        data_digest=_data_digest(asked, loaded, samples),
        metrics=as_metrics(kept, loaded, samples, asked.metric),
        frame=pd.DataFrame(lines),
    )


def _require_askable(model: HarnessModel, asked: HarnessTask, loaded: LoadedTask) -> None:
    def refuse(problem: str, action: str) -> ConfigError:
        return ConfigError(f"harness task {loaded.name}", problem, action)

    for task in loaded.tasks.values():
        if getattr(task, "UNSAFE_CODE", False):
            raise refuse("expected a task that runs no code of the model, got one that does",
                         "Run it with lm_eval in a sandbox.")  # fmt: skip
        if getattr(task, "MULTIMODAL", False):
            raise refuse("expected a task in text, got one with pictures or sound",
                         "Choose a task in text.")  # fmt: skip
        if asked.num_fewshot and task.config.num_fewshot == 0:
            raise refuse(f"expected num_fewshot 0, as the task allows no examples, got "
                         f"{asked.num_fewshot}", "Leave num_fewshot out.")  # fmt: skip
        if task.OUTPUT_TYPE != "generate_until" and not model.gives_likelihoods:
            raise refuse(
                f"expected a task that generates text, got {task.OUTPUT_TYPE}, and {model.name} "
                "cannot score given answers",
                "Use /completions with a tokenizer, or local weights.",
            )
    if model.is_chat_only and not asked.apply_chat_template:
        raise refuse(f"expected apply_chat_template: true, as {model.name} takes only chats, "
                     "got false", "Set it for every system that is compared.")  # fmt: skip
    if asked.apply_chat_template and not model.is_chat_only and not model.gives_likelihoods:
        raise refuse(f"expected a tokenizer to write the chats for {model.name}, got none",
                     "Give the tokenizer, or use /chat/completions.")  # fmt: skip


def _run(
    model: HarnessModel, asked: HarnessTask, loaded: LoadedTask
) -> Mapping[str, Sequence[Sample]]:
    """Samples of lm_eval per task, in the order of its questions."""
    import aiohttp
    import lm_eval
    import requests

    item = loaded.group if loaded.group is not None else loaded.tasks[loaded.name]
    try:
        with quiet_lm_eval():
            results = lm_eval.simple_evaluate(
                model=model.lm,
                tasks=[item],
                task_manager=loaded.manager,
                num_fewshot=asked.num_fewshot,
                limit=asked.limit,
                apply_chat_template=asked.apply_chat_template,
                fewshot_as_multiturn=asked.fewshot_as_multiturn,
                system_instruction=asked.system_prompt,
                bootstrap_iters=0,
                log_samples=True,
            )
    except PawlError:
        raise
    except (
        requests.RequestException, aiohttp.ClientError, TimeoutError, KeyError, TypeError,
        ValueError,
    ) as error:  # fmt: skip
        if not hasattr(model.lm, "base_url"):
            raise
        raise EngineError(
            f"{model.lm.base_url} (model {model.name})",
            f"expected an answer to every question of {loaded.name}, got "
            f"{type(error).__name__}: {str(error)[:300]}",
            "Check the address and the model; to score given answers it must echo prompts with "
            "log-probabilities.",
        ) from error
    return {
        name: sorted(results["samples"][name], key=lambda sample: int(sample["doc_id"]))
        for name in loaded.tasks
    }


def _by_question(samples: Sequence[Sample]) -> dict[int, list[Sample]]:
    """The samples of each question, one per filter."""
    grouped: dict[int, list[Sample]] = {}
    for sample in samples:
        grouped.setdefault(int(sample["doc_id"]), []).append(sample)
    return grouped


def _line(
    asked: HarnessTask,
    loaded: LoadedTask,
    task: str,
    number: int,
    answers: Sequence[Sample],
    kept: Sequence[Measured],
) -> dict[str, Any]:
    first, row_id = answers[0], f"{task}-{number}"
    raw = {
        "responses": first["resps"],
        "filtered": {sample["filter"]: sample["filtered_resps"] for sample in answers},
        "target": first["target"],
    }
    cluster = row_id
    if asked.cluster_field is not None:
        cluster = str(_field(loaded, first["doc"], row_id, asked.cluster_field))
    line: dict[str, Any] = {
        "id": row_id,
        "cluster": cluster,
        "prompt_digest": _digest(first["arguments"]),
        # An endpoint may send half of a surrogate pair, which no file can hold.
        "raw_output": _json(raw).encode("utf-8", "replace").decode(),
        "finish_reason": "stop",
        "input_tokens": 0,
        "output_tokens": 0,
        "latency_s": 0.0,
    }
    for found in kept:
        for name in loaded.tasks:
            line[found.column(name, loaded)] = 0.0
        values = next(sample for sample in answers if sample["filter"] == found.filter)
        line[found.column(task, loaded)] = float(values[found.key])
    if loaded.group is not None:
        line |= {f"asked.{name}": float(name == task) for name in loaded.tasks}
        line[f"{SLICE_PREFIX}task"] = task
    return line | {
        f"{SLICE_PREFIX}{name}": str(_field(loaded, first["doc"], row_id, name))
        for name in asked.slices
    }


def _field(loaded: LoadedTask, doc: Mapping[str, Any], row_id: str, name: str) -> Any:
    if name not in doc:
        raise EvidenceError(
            f"harness task {loaded.name}: question {row_id}",
            f"expected field {name!r}, got only {', '.join(map(str, doc))}",
            "Correct cluster_field or slices of the harness task.",
        )
    return doc[name]


def _data_digest(
    asked: HarnessTask, loaded: LoadedTask, samples: Mapping[str, Sequence[Sample]]
) -> str:
    parts: dict[str, Any] = {"chat": asked.apply_chat_template, "system": asked.system_prompt}
    if asked.apply_chat_template:
        parts["multiturn"] = asked.fewshot_as_multiturn
    for name, task in loaded.tasks.items():
        settings = task.dump_config()
        parts[f"task {name}"] = {
            "settings": {key: settings[key] for key in PROTOCOL if key in settings},
            "questions": [
                [sample["doc_id"], sample["doc"], sample["target"]] for sample in samples[name]
            ],
        }
    return _digest(parts)


def _json(value: Any) -> str:
    from lm_eval.utils import handle_non_serializable

    return json.dumps(value, ensure_ascii=False, sort_keys=True, default=handle_non_serializable)


def _digest(value: Any) -> str:
    return "sha256:" + hashlib.sha256(_json(value).encode("utf-8", "replace")).hexdigest()
