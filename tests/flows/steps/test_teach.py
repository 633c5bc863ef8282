import json
from pathlib import Path

import pytest

from configs.data import FileData, SyntheticNotes
from configs.distillation import UnlabelledFile, load_distillation
from configs.errors import DataError
from configs.lifecycle import TrainingConfig
from configs.load import load_lifecycle, load_task
from finetune.data import write_rows
from finetune.splits import load_splits
from flows.step_cache import StepCache, StepOutcome
from flows.steps.teach import taught_lifecycle, teach

DISTILLATION = load_distillation("clinical-notes-from-endpoint")
DEMO = load_lifecycle("demo")


@pytest.fixture
def taught():
    result = {"teacher": "answers of big at http://here/v1", "kept": 540}
    return StepOutcome(
        step="teach", files=Path("/kept/teach"), digest="sha256:x", result=result, reused=False,
        seconds=1,
    )  # fmt: skip


def test_the_student_learns_from_the_taught_rows_and_is_held_against_its_teacher(taught):
    student = taught_lifecycle(DISTILLATION, DEMO, taught)
    assert student.data.train == "/kept/teach/train.jsonl"
    assert student.data.test == "/kept/teach/test.jsonl"
    assert student.baseline == DISTILLATION.teacher
    for field in ("name", "base_model", "lora", "gate", "registry", "seed", "quantizations"):
        assert getattr(student, field) == getattr(DEMO, field)


def test_teacher_and_terms_become_part_of_the_recipe(taught):
    description = taught_lifecycle(DISTILLATION, DEMO, taught).description
    assert description.startswith(DEMO.description)
    assert "Taught by answers of big at http://here/v1 on 540 rows" in description
    assert DISTILLATION.teacher_terms in description


def test_the_baseline_of_the_lifecycle_stays_where_that_is_asked_for(taught):
    asked = DISTILLATION.model_copy(update={"held_against": "lifecycle"})
    assert taught_lifecycle(asked, DEMO, taught).baseline == DEMO.baseline


def test_how_training_is_run_stays_although_it_is_no_part_of_a_recipe(taught):
    training = TrainingConfig(launcher="accelerate", processes=2)
    student = DEMO.model_copy(update={"training": training})
    assert taught_lifecycle(DISTILLATION, student, taught).training == training


def test_a_test_document_is_refused_although_this_lifecycle_samples_another(tmp_path):
    task = load_task(DEMO.task)
    notes = SyntheticNotes(train_documents=1, validation_documents=2, test_documents=9, seed=5)
    splits = load_splits(notes, task, False, 17)
    paths = {s: str(tmp_path / f"{s}.jsonl") for s in ("train", "validation", "test")}
    for split, path in paths.items():
        write_rows(getattr(splits, split), Path(path))
    student = DEMO.model_copy(update={"data": FileData(kind="files", **paths, max_test_rows=2)})
    used = load_splits(student.data, task, False, student.seed).test
    left_out = next(row for row in splits.test if row not in used)
    asked = tmp_path / "documents.jsonl"
    asked.write_text(json.dumps({"id": "new", "text": left_out.text}))
    documents = UnlabelledFile(kind="file", path=str(asked))
    leaking = DISTILLATION.model_copy(update={"documents": documents})
    with pytest.raises(DataError, match="expected no document in both"):
        teach.fn(leaking, student, task, StepCache(tmp_path / "cache"))
