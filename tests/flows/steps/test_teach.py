from pathlib import Path

import pytest

from configs.distillation import load_distillation
from configs.lifecycle import TrainingConfig
from configs.load import load_lifecycle
from flows.step_cache import StepOutcome
from flows.steps.teach import taught_lifecycle

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
