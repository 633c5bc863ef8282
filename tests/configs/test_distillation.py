import pytest

from configs.distillation import DistillationConfig, load_distillation
from configs.errors import ConfigError
from configs.load import load_lifecycle
from configs.named_files import SHIPPED
from configs.validation import validate

ENDPOINT = {"kind": "endpoint", "base_url": "http://127.0.0.1:1/v1", "model": "big"}
LOCAL = {"kind": "local", "source": "pawl://tiny-clinical"}
SMALL = {
    "name": "small", "lifecycle": "demo", "teacher": ENDPOINT, "teacher_terms": "Apache-2.0",
    "documents": {"kind": "synthetic", "generator": "clinical-notes"},
}  # fmt: skip


def test_every_shipped_distillation_loads_by_path_and_by_name_and_names_a_lifecycle():
    paths = sorted((SHIPPED / "distillations").glob("*.yaml"))
    assert paths
    for path in paths:
        found = load_distillation(str(path))
        assert found == load_distillation(path.stem)
        assert found.name == path.stem
        assert load_lifecycle(found.lifecycle)


def test_a_name_that_is_not_there_comes_with_those_that_are():
    with pytest.raises(ConfigError, match="or one of clinical-notes-from-champion"):
        load_distillation("clinical")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"teacher_terms": "  "}, "teacher_terms: expected the licence or contract that allows"),
        ({"samples": 3, "agreement": 1}, "agreement: expected more than half of 3 samples"),
        ({"samples": 4, "agreement": 2}, "agreement: expected more than half of 4 samples"),
        ({"samples": 3, "agreement": 4}, "at most all, got 4"),
        ({"samples": 3, "agreement": 2, "teacher": LOCAL}, "samples: expected 1 for a teacher"),
        ({"max_cost": 5}, "max_cost: expected an endpoint with a price"),
        ({"teacher": {"kind": "endpoint"}}, "teacher.base_url: missing"),
    ],
)
def test_what_does_not_fit_together_is_named(changes, words):
    with pytest.raises(ConfigError, match=words):
        validate(DistillationConfig, SMALL | changes, "small")


def test_a_local_teacher_needs_no_terms():
    made = validate(DistillationConfig, SMALL | {"teacher": LOCAL, "teacher_terms": ""}, "small")
    assert (made.samples, made.agreement, made.held_against) == (1, 1, "teacher")
