"""Step 0 of a distillation: a teacher answers documents that have no label."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from prefect.client.schemas.objects import State

from configs.canonical_json import digest_json
from configs.data import FileData
from configs.distillation import DistillationConfig, UnlabelledFile
from configs.durable_files import write_durably
from configs.lifecycle import LifecycleConfig
from configs.task import TaskConfig
from configs.validation import validate
from evals.report.tables import markdown_table
from evals.runner import decoding_of, requests_of
from finetune.data import write_rows
from finetune.distillation.answers import Answer, require_comparable_answers
from finetune.distillation.taught_rows import LeftOut, require_enough, taught_rows
from finetune.distillation.unlabelled import (
    gold_rows,
    labelled_rows,
    read_unlabelled,
    require_apart,
    sample_of_documents,
)
from flows.code_version import code_version
from flows.gpu_slots import gpu_slot
from flows.home import data_directory, model_store
from flows.progress import recording_facts
from flows.step_cache import StepCache, StepOutcome
from flows.steps.prepare import located
from flows.steps.step_state import progress_reporter, publish, step, step_state
from flows.steps.teach_engine import Teacher, find_teacher

LEFT_OUT, PROVENANCE = "left_out.json", "provenance.json"
SHOWN_LEFT_OUT = 50


@step(name="teach", task_run_name="teach {student.name} by {distillation.name}")
def teach(
    distillation: DistillationConfig,
    student: LifecycleConfig,
    task_config: TaskConfig,
    cache: StepCache,
) -> State[Any] | StepOutcome:
    """Ask the teacher, keep what is valid and agreed; leaves three splits, `left_out.json` and
    `provenance.json`.

    Answers are kept one by one in the bank of baselines: a second attempt asks only what is missing.

    Raises:
        DataError: for unusable documents, documents that are also in test, or too few usable
            answers.
        EngineError: when the teacher leaves a row unanswered, its answers are too old, or before its
            cost exceeds the limit.
    """
    require_comparable_answers(task_config, distillation.samples)
    documents = _documents(distillation, student, task_config)
    data = located(student.data)
    labelled = {
        split: labelled_rows(data, split, task_config, student.skip_bad_rows)
        for split in ("validation", "test")
    }
    require_apart(documents, labelled["validation"], labelled["test"], task_config)
    gold = {s: gold_rows(rows, data, s, student.seed) for s, rows in labelled.items()}
    asked_digest = digest_json(documents)
    teacher = find_teacher(distillation, student, task_config, asked_digest)
    teacher.refuse_expired()
    how = ("samples", "agreement", "min_kept", "teacher_terms")
    inputs = {
        "teacher": teacher.inputs,
        "documents": asked_digest,
        "gold": {s: digest_json([row.as_dict() for row in rows]) for s, rows in gold.items()},
        "how": distillation.model_dump(mode="json", include=set(how)),
        "temperature": distillation.temperature if distillation.samples > 1 else None,
        "task": task_config.model_dump(mode="json"),
        "code": [code_version("finetune"), code_version("evals")],
    }

    def work(directory: Path) -> dict[str, Any]:
        requests = requests_of(task_config, documents)
        samples = [
            _answers(teacher, task_config, documents, sample)
            for sample in range(distillation.samples)
        ]
        answers = list(zip(*samples, strict=True))
        digests = [request.prompt_digest for request in requests]
        taught = taught_rows(
            documents, answers, digests, task_config, teacher.name, distillation.agreement
        )
        left_out = [asdict(found) for found in taught.left_out]
        require_enough(taught, distillation.min_kept, f"distillation {distillation.name}")
        for split, rows in {"train": taught.rows, **gold}.items():
            write_rows(rows, directory / f"{split}.jsonl")
        write_durably(directory / LEFT_OUT, json.dumps(left_out, indent=2, ensure_ascii=False))
        provenance = {
            "distillation": distillation.name,
            "teacher": teacher.name,
            "teacher_digest": digest_json(teacher.inputs),
            "teacher_terms": distillation.teacher_terms,
            "documents_digest": asked_digest,
            "samples": distillation.samples,
            "agreement": distillation.agreement,
            "asked": len(documents),
            "kept": len(taught.rows),
            "left_out": taught.reasons,
        }
        write_durably(directory / PROVENANCE, json.dumps(provenance, indent=2, ensure_ascii=False))
        run_id = _record_run(provenance, directory / PROVENANCE)
        currency = teacher.price.currency if teacher.price else None
        paid = {"cost": teacher.cost(), "currency": currency}
        return {**provenance, **paid, "mlflow_run_id": run_id}

    outcome = cache.run("teach", inputs, work)
    _publish(outcome, task_config.show_text)
    result = outcome.result
    return step_state(outcome, f"{result['kept']} of {result['asked']} rows taught")


def taught_lifecycle(
    distillation: DistillationConfig, student: LifecycleConfig, taught: StepOutcome
) -> LifecycleConfig:
    """The student's lifecycle on the taught rows; validation and test rows are the gold ones.

    The teacher and its terms become part of the description, which reports show and the registered
    version keeps in its recipe.
    """
    origin = (
        f"Taught by {taught.result['teacher']} on {taught.result['kept']} rows that nobody labelled "
        f"(distillation {distillation.name})."
    )
    terms = distillation.teacher_terms.strip()
    said = [student.description, origin, f"Terms of the teacher: {terms}" if terms else ""]
    paths = {s: str(taught.files / f"{s}.jsonl") for s in ("train", "validation", "test")}
    data = FileData(kind="files", **paths)
    content = student.model_dump(mode="json") | {
        "data": data.model_dump(mode="json"),
        "description": " ".join(part for part in said if part),
    }
    if distillation.held_against == "teacher":
        content["baseline"] = distillation.teacher.model_dump(mode="json")
    taught_by = validate(LifecycleConfig, content, f"student of distillation {distillation.name}")
    # How it is run is no part of a recipe, so `content` lacks it.
    return taught_by.model_copy(update={"training": student.training})


def _documents(
    distillation: DistillationConfig, student: LifecycleConfig, task_config: TaskConfig
) -> list[dict[str, Any]]:
    unlabelled = distillation.documents
    if isinstance(unlabelled, UnlabelledFile):
        path = str(data_directory() / unlabelled.path)
        unlabelled = unlabelled.model_copy(update={"path": path})
    rows = read_unlabelled(unlabelled, task_config, student.skip_bad_rows)
    return sample_of_documents(rows, distillation.max_documents, distillation.seed)


def _answers(
    teacher: Teacher, task_config: TaskConfig, documents: list[dict[str, Any]], sample: int
) -> list[Answer]:
    progress = progress_reporter(f"Answers of the teacher, sample {sample + 1}", "rows")
    engine = teacher.make_engine(sample, recording_facts(progress, teacher.price))
    requests, decoding = requests_of(task_config, documents), decoding_of(task_config)
    if teacher.on_this_machine:
        with gpu_slot():
            completions = engine.answer(requests, decoding, progress)
    else:
        completions = engine.answer(requests, decoding, progress)
    # An endpoint may send half of a surrogate pair, which no file can hold.
    return [
        Answer(c.text.encode("utf-8", "replace").decode(), c.finish_reason == "length")
        for c in completions
    ]


def _record_run(provenance: dict[str, Any], file: Path) -> str:
    store = model_store()
    name = provenance["distillation"]
    run_id = store.start_run(f"teach {name}", {"pawl.step": "teach", "pawl.distillation": name})
    counted = ("asked", "kept")
    store.log_params(run_id, {k: v for k, v in provenance.items() if k not in counted})
    store.log_metrics(run_id, {k: float(provenance[k]) for k in counted}, 0)
    store.attach(run_id, [file])
    store.end_run(run_id, "FINISHED")
    return run_id


def _publish(outcome: StepOutcome, show_text: bool) -> None:
    result = outcome.result
    cost = result["cost"]
    facts = [
        ["rows asked", str(result["asked"])],
        ["rows kept", str(result["kept"])],
        *([f"left out: {reason}", str(n)] for reason, n in sorted(result["left_out"].items())),
        ["samples per row", f"{result['samples']}, at least {result['agreement']} agree"],
        ["cost of the record", "no price" if cost is None else f"{cost:.4f} {result['currency']}"],
        ["terms", result["teacher_terms"] or "none given"],
    ]
    left_out = [LeftOut(**found) for found in json.loads((outcome.files / LEFT_OUT).read_text())]
    # A detail may quote the row, which a report may show only where the task says so.
    lines = [
        f"- `{found.id}`: {found.reason}" + (f"; {found.detail}" if show_text else "")
        for found in left_out[:SHOWN_LEFT_OUT]
    ]
    publish(
        "teach",
        f"## Taught by {result['teacher']}\n\n{markdown_table(['', ''], facts)}\n\n"
        + "\n".join(lines),
        "What the teacher answered, what was kept and what was left out",
    )
