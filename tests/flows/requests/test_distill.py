import pytest

from configs.distillation import load_distillation
from configs.errors import ConfigError
from configs.load import load_lifecycle
from configs.named_files import SHIPPED
from flows.requests.distill import DistillRequest, distillation_of


def test_a_form_left_as_it_is_gives_the_distillation_as_declared():
    distillation, student = distillation_of(DistillRequest())
    assert distillation == load_distillation("clinical-notes-from-champion")
    assert student == load_lifecycle("demo")


def test_what_is_filled_in_replaces_what_is_declared():
    request = DistillRequest(
        distillation="clinical-notes-from-endpoint", max_documents=9, samples=5, agreement=4,
        changes={"model_name": "student"},
    )  # fmt: skip
    distillation, student = distillation_of(request)
    declared = load_distillation("clinical-notes-from-endpoint")
    changes = {"max_documents": 9, "samples": 5, "agreement": 4}
    assert distillation == declared.model_copy(update=changes)
    assert student.registry.model_name == "student"


def test_what_does_not_fit_together_is_refused_in_words():
    with pytest.raises(ConfigError, match="more than half of 5 samples"):
        distillation_of(DistillRequest(distillation="clinical-notes-from-endpoint", samples=5))


def test_the_form_lists_the_distillations_that_there_are():
    listed = DistillRequest.model_json_schema()["properties"]["distillation"]["enum"]
    assert set(listed) == {path.stem for path in (SHIPPED / "distillations").glob("*.yaml")}
