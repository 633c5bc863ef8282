import pytest
import yaml

from configs.errors import ConfigError
from configs.load import load_gate, load_lifecycle, load_policy, load_task
from configs.named_files import SHIPPED, configuration_names
from configs.yaml_file import read_yaml

DEMO = (SHIPPED / "lifecycles" / "demo.yaml").read_text()


def refusal(tmp_path, text, load=load_lifecycle):
    """The error that a file of this text is refused with; its path is shown as FILE."""
    path = tmp_path / "written.yaml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(ConfigError) as raised:
        load(str(path))
    return str(raised.value).replace(str(path), "FILE")


def changed(old, new):
    assert DEMO.count(old) == 1
    return DEMO.replace(old, new)


@pytest.mark.parametrize(("folder", "load"), [("lifecycles", load_lifecycle), ("tasks", load_task)])
def test_every_shipped_file_loads_by_path_and_by_name(folder, load):
    paths = sorted((SHIPPED / folder).glob("*.yaml"))
    assert paths
    for path in paths:
        assert load(str(path)) == load(path.stem)
        assert load(path.stem).name == path.stem


def test_every_shipped_yaml_is_of_a_kind_that_is_tested():
    folders = {path.parent.name for path in SHIPPED.rglob("*.yaml")}
    # The others have loaders of their own, and tests beside those.
    others = {"harness_tasks", "rubrics", "automations", "distillations", "follow", "matrices"}
    others |= {"stack", "kubernetes", "sweeps", SHIPPED.name}
    assert folders == {"lifecycles", "tasks", "gates"} | others


def test_every_shipped_policy_loads_by_path_and_by_name():
    for path in (SHIPPED / "gates").glob("*.yaml"):
        assert load_gate(str(path)) == load_gate(path.stem) == load_policy(path.stem)


def test_a_lifecycle_may_name_its_policy_and_a_policy_may_be_that_of_a_lifecycle(tmp_path):
    content = yaml.safe_load(DEMO) | {"gate": "no-worse-than-baseline"}
    path = tmp_path / "written.yaml"
    path.write_text(yaml.safe_dump(content))
    assert load_lifecycle(str(path)).gate == load_gate("no-worse-than-baseline")
    assert load_policy(str(path)) == load_gate("no-worse-than-baseline")
    assert load_policy("demo") == load_lifecycle("demo").gate


def test_every_shipped_lifecycle_names_a_task_that_loads():
    for path in (SHIPPED / "lifecycles").glob("*.yaml"):
        assert load_task(load_lifecycle(str(path)).task)


def test_a_name_that_is_not_there_comes_with_those_that_are():
    with pytest.raises(ConfigError) as raised:
        load_lifecycle("demmo")
    assert str(raised.value).startswith("demmo: expected the path of a YAML file or one of demo, ")


@pytest.fixture
def own_files(tmp_path, monkeypatch):
    """Put files of one's own into a directory that PAWL_CONFIGS names."""
    monkeypatch.setenv("PAWL_CONFIGS", str(tmp_path))

    def put(folder, name, text):
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / f"{name}.yaml").write_text(text)

    return put


def test_files_of_ones_own_are_found_by_name_and_come_before_shipped_ones(own_files):
    own_files("lifecycles", "mine", DEMO)
    own_files("lifecycles", "demo", DEMO.replace("seed: 17", "seed: 18"))
    own_files("gates", "strict", "comparisons: [{metric: micro_f1, margin: 0.01}]\n")
    assert configuration_names("lifecycles").count("demo") == 1
    assert {"mine", "smollm2-phee"} <= set(configuration_names("lifecycles"))
    assert load_lifecycle("mine").seed == 17
    assert load_lifecycle("demo").seed == 18
    assert load_gate("strict").comparisons[0].margin == 0.01


def test_a_name_that_is_nearly_right_comes_with_the_right_one(own_files):
    own_files("lifecycles", "mine-2026", DEMO)
    with pytest.raises(ConfigError, match=r"Did you mean 'mine-2026'\?$"):
        load_lifecycle("mine-2025")


def test_a_directory_of_ones_own_that_is_not_there_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("PAWL_CONFIGS", str(tmp_path / "nowhere"))
    with pytest.raises(ConfigError, match=r"PAWL_CONFIGS: expected a directory .* got .*nowhere"):
        load_lifecycle("demo")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"none\.yaml: expected a file, found none"):
        read_yaml(tmp_path / "none.yaml")


def test_a_directory_is_no_file(tmp_path):
    with pytest.raises(ConfigError, match="expected a readable UTF-8 file"):
        read_yaml(tmp_path)


def test_malformed_yaml_is_named_by_line_and_column(tmp_path):
    message = refusal(tmp_path, "name: demo\nlora:\n  rank: [16\nseed: 17\n")
    assert message.startswith("FILE line 4, column 5: expected valid YAML, got: ")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("seed: 1\nseed: 2\n", "FILE line 2, column 1: expected valid YAML, got: key 'seed' is wr"),
        ("lora:\n  rank: 1\n  rank: 2\n", "FILE line 3, column 3: expected valid YAML, got: key '"),
        ("? [a, b]\n: 1\n", "FILE line 1, column 3: expected valid YAML, got: a key must be a"),
        ("name: 2024-13-45\n", "FILE line 1, column 7: expected valid YAML, got: month must be in"),
        ("name: !!python/object:os.system x\n", "FILE line 1, column 7: expected valid YAML"),
        ("name: \x01\n", "FILE: expected valid YAML, got: unacceptable character"),
        ("- a\n- b\n", "FILE: expected a mapping of keys to values, got list"),
        ("", "FILE: expected a mapping of keys to values, got NoneType"),
        (b"name: \xff\n", "FILE: expected a readable UTF-8 file, got: 'utf-8' codec can't decode"),
    ],
    ids=[
        "key twice", "nested key twice", "list as key", "no such date", "code", "control character",
        "list", "empty", "not UTF-8",
    ],
)  # fmt: skip
def test_what_is_no_plain_mapping_is_refused(tmp_path, text, message):
    assert refusal(tmp_path, text).startswith(message)


def test_a_merged_mapping_may_be_overridden(tmp_path):
    path = tmp_path / "merged.yaml"
    path.write_text("a: &a {rank: 1, alpha: 2}\nb:\n  <<: *a\n  rank: 3\n")
    assert read_yaml(path)["b"] == {"rank": 3, "alpha": 2}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("task: clinical", "taks: clinical", "taks: unknown key; did you mean 'task'"),
        ("  rank:", "  rnak:", "lora.rnak: unknown key; did you mean 'rank'"),
        (
            "grid_points:",
            "gridpoints:",
            "quantizations.0.gridpoints: unknown key; did you mean 'gr",
        ),
        ("train_documents:", "train_docs:", "data.train_docs: unknown key; did you mean 'train_d"),
        ("  path: pawl", "  paht: pawl", "baseline.paht: unknown key; did you mean 'path'"),
        (
            "minimum: 0.95",
            "minimal: 0.95",
            "gate.floors.0.minimal: unknown key; did you mean 'minimum'",
        ),
        (
            "  alias:",
            "  zzz:",
            "registry.zzz: unknown key; valid keys: alias, max_evidence_age_days, model_name",
        ),
    ],
)
def test_an_unknown_key_is_named_with_the_nearest_valid_one(tmp_path, old, new, message):
    assert message in refusal(tmp_path, changed(old, new))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("rank: 64", "rank: sixteen", "lora.rank: expected a valid integer, unable to parse"),
        ("batch_size: 8", "batch_size: 0", "lora.batch_size: expected greater than or equal to 1"),
        ("margin: 0.1\n      task", "margin: 85\n      task", "gate.comparisons.2.margin: expected less than 1, got 85"),
        ("scheme: awq", "scheme: gptq", "quantizations.0.scheme: expected 'fp8-dynamic' or 'awq'"),
        ("pawl://tiny-clinical", "tiny", "base_model.source: expected string to match pattern"),
        ("kind: recorded", "kind: recoded", "baseline.kind: got 'recoded', expected one of 'recor"),
        ("  kind: recorded\n", "", "baseline.kind: missing, expected one of 'recorded', 'endpoint'"),
        ("task: clinical-notes\n", "", "FILE: task: missing"),
        ("seed: 17\nbase", "seed: {a: 1}\nbase", "FILE: seed: expected a valid integer, got {'a': 1}"),
        (
            "evaluation:\n  batch_size: 64\n  beside_constrained: true\n",
            "evaluation: 64\n",
            "evaluation: expected a mapping of",
        ),
        ("  - scheme: fp8-dynamic\n", "", "FILE: gate.candidates: expected one of ['fine-tuned', 'a"),
        ("- scheme: fp8-dynamic", "- scheme: awq", "FILE: quantizations: expected each scheme once"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_named_with_what_was_expected(tmp_path, old, new, message):
    text = refusal(tmp_path, changed(old, new))
    assert message in text
    assert text.endswith("Correct the file and run again.")
    assert "\n" not in text  # one mistake is one problem


def test_several_problems_come_in_one_error(tmp_path):
    text = (
        changed("rank: 64", "rank: sixteen")
        .replace("task: clin", "taks: clin")
        .replace("0.95", "95")
    )
    message = refusal(tmp_path, text)
    for problem in (
        "\n  - task: missing",
        "\n  - taks: unknown key; did you mean 'task'",
        "\n  - lora.rank: expected a valid integer",
        "\n  - gate.floors.0.minimum: expected less than 1, got 95",
    ):
        assert problem in message
    assert message.count("\n  - ") == 4


def test_a_long_value_is_shown_in_part(tmp_path):
    message = refusal(tmp_path, changed("rank: 64", f"rank: {'x' * 500}"))
    assert len(message) < 250


def test_a_task_that_breaks_a_rule_is_refused_by_field(tmp_path):
    text = (SHIPPED / "tasks" / "clinical-notes.yaml").read_text().replace("{text}", "note")
    assert "FILE: user_prompt: expected a prompt with" in refusal(tmp_path, text, load_task)
