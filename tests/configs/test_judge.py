import pytest
import yaml

from configs.errors import ConfigError
from configs.judge import distinct_presentations, load_judge, load_rubric
from configs.named_files import SHIPPED

JUDGE = {
    "model": {"kind": "endpoint", "base_url": "http://localhost:8000/v1", "model": "big"},
    "rubric": "answer-correctness",
    "human_labels": "labels.jsonl",
}


def load(tmp_path, **changes):
    path = tmp_path / "judge.yaml"
    path.write_text(yaml.safe_dump({**JUDGE, **changes}))
    return load_judge(path)


def refusal(tmp_path, **changes):
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, **changes)
    return str(caught.value)


def test_every_shipped_rubric_loads_by_name_and_by_path():
    paths = sorted((SHIPPED / "rubrics").glob("*.yaml"))
    assert [path.stem for path in paths] == ["answer-correctness", "summary-faithfulness"]
    for path in paths:
        assert load_rubric(path.stem) == load_rubric(str(path))
        assert load_rubric(path.stem).name == path.stem


def test_an_unknown_rubric_is_refused_with_the_shipped_ones():
    with pytest.raises(ConfigError, match="one of answer-correctness, summary-faithfulness"):
        load_rubric("helpfulness")


def test_a_rubric_with_a_wrong_key_is_refused_with_the_nearest(tmp_path):
    path = tmp_path / "rubric.yaml"
    path.write_text(yaml.safe_dump({"name": "x", "criterias": [], "prompt": "p"}))
    with pytest.raises(ConfigError, match="criterias: unknown key; did you mean 'criteria'"):
        load_rubric(str(path))


def test_a_judge_names_its_rubric_or_contains_it(tmp_path):
    named = load(tmp_path)
    assert named.rubric == load_rubric("answer-correctness")
    whole = named.rubric.model_dump(mode="json")
    assert load(tmp_path, rubric=whole) == named


def test_a_judge_may_be_local_weights(tmp_path):
    local = load(tmp_path, model={"kind": "local", "source": "file:///judge"})
    assert local.model.source == "file:///judge"


def test_a_recorded_judge_is_refused(tmp_path):
    assert "one of 'endpoint', 'local'" in refusal(tmp_path, model={"kind": "recorded"})


def test_a_judge_without_human_labels_must_be_allowed_in_so_many_words(tmp_path):
    assert "a judge that nobody checked is no evidence" in refusal(tmp_path, human_labels=None)
    assert load(tmp_path, human_labels=None, allow_uncalibrated=True).human_labels is None


def test_an_even_number_of_repeats_has_no_median(tmp_path):
    assert "expected an odd number" in refusal(tmp_path, repeats=2)


def test_no_more_repeats_than_there_are_presentations(tmp_path):
    assert "expected at most 2, the number of ways" in refusal(tmp_path, repeats=3)
    assert load(tmp_path, repeats=3, rubric="summary-faithfulness").repeats == 3
    assert distinct_presentations(load_rubric("summary-faithfulness")) == 20


def test_an_input_without_a_field_is_refused(tmp_path):
    assert "placeholder such as {text}" in refusal(tmp_path, input="the text")
