"""Small tasks of lm_eval made from the note-reading questions, and the tiny model that answers."""

import json
from pathlib import Path

import pytest

import configs
from evals.harness.models import local_harness_model
from evals.harness.tasks import SHIPPED

TINY = Path(configs.__file__).parent / "models" / "tiny-clinical"
GENERATE = """
task: note-writing
output_type: generate_until
doc_to_text: "{{note}}\\n{{question}}"
doc_to_target: "{{choices[answer]}}"
generation_kwargs: {until: ["\\n"], max_gen_toks: 12, do_sample: false}
filter_list:
  - name: whole
    filter: [{function: take_first}]
  - name: first-word
    filter: [{function: regex, regex_pattern: '(\\w+)'}, {function: take_first}]
metric_list:
  - {metric: exact_match, aggregation: mean, higher_is_better: true, ignore_case: true}
"""
CHOOSE = """
output_type: multiple_choice
doc_to_text: "{{note}}\\n{{question}}"
doc_to_target: answer
doc_to_choice: choices
num_fewshot: 1
fewshot_split: test
metric_list:
  - {metric: acc, aggregation: mean, higher_is_better: true}
  - {metric: acc_norm, aggregation: mean, higher_is_better: true}
"""
PERPLEXITY = """
task: note-surprise
output_type: loglikelihood_rolling
doc_to_text: ""
doc_to_target: "{{note}}"
metric_list:
  - {metric: word_perplexity}
"""
DATA = """
custom_dataset: !function evals.harness.jsonl_dataset.beside_task
dataset_kwargs: {{file: {file}}}
test_split: test
"""
GROUP = """
group: {name}
task: [part-a, part-b]
aggregate_metric_list:
  - {{metric: acc, weight_by_size: {weighted}}}
"""


@pytest.fixture(scope="session", autouse=True)
def no_report_on_the_machine():
    """lm_eval describes the machine for 0.6 s in each result, which nothing here reads."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lm_eval.evaluator.add_env_info", lambda results: None)
        yield


@pytest.fixture(scope="session")
def tasks_dir(tmp_path_factory):
    """A directory of tasks: generation, two parts of unequal size, groups of these, perplexity."""
    directory = tmp_path_factory.mktemp("tasks")
    rows = [json.loads(line) for line in (SHIPPED / "note-reading.jsonl").open()]
    parts = {"a.jsonl": rows[:11], "b.jsonl": rows[20:25]}
    for name, part in parts.items():
        lines = (json.dumps({**row, "patient": number // 2}) for number, row in enumerate(part))
        (directory / name).write_text("\n".join(lines))
    tasks = {
        "note-writing": GENERATE + DATA.format(file="a.jsonl"),
        "part-a": "task: part-a" + CHOOSE + DATA.format(file="a.jsonl"),
        "part-b": "task: part-b" + CHOOSE + DATA.format(file="b.jsonl"),
        "by-question": GROUP.format(name="by-question", weighted="true"),
        "by-task": GROUP.format(name="by-task", weighted="false"),
        "note-surprise": PERPLEXITY + DATA.format(file="a.jsonl"),
        "nowhere": "task: nowhere" + CHOOSE + DATA.format(file="missing.jsonl"),
        "loose": "group: loose\ntask: [part-a, part-b]\n",
    }
    for name, content in tasks.items():
        (directory / f"{name}.yaml").write_text(content)
    return directory


@pytest.fixture(scope="session")
def tiny_dir():
    """Where the tiny base model is."""
    return TINY


@pytest.fixture(scope="session")
def tiny():
    """The tiny base model in float32."""
    return local_harness_model(TINY, name="tiny", dtype="float32")
