"""What a child process says becomes results, errors and lines; played here by small scripts."""

import sys

import pytest

from configs.errors import DataError, TrainingError
from configs.lifecycle import LoraConfig, TrainingConfig
from configs.load import load_task
from finetune.training_process import TrainingJob
from flows import training_launcher
from flows.training_launcher import launcher_for, train_in_child

SAYS = (
    "import json, pathlib, sys\n"
    "job = json.loads(pathlib.Path(sys.argv[1]).read_text())\n"
    "pipe = open(job['pipe'], 'w', buffering=1)\n"
    "def say(**message): pipe.write(json.dumps(message) + '\\n')\n"
)


@pytest.fixture
def play(monkeypatch, tmp_path):
    """Train with a script in place of the training; returns the result and all that was told."""
    job = TrainingJob(
        base_dir=tmp_path, base_name="base", train=tmp_path / "train.jsonl", seed=1,
        validation=tmp_path / "validation.jsonl", task=load_task("clinical-notes"),
        lora=LoraConfig(), checkpoints_dir=tmp_path / "checkpoints", out_dir=tmp_path / "out",
    )  # fmt: skip

    def run(script):
        monkeypatch.setattr(
            training_launcher, "command", lambda path: [sys.executable, "-c", script, str(path)]
        )
        told = []
        result = train_in_child(
            job,
            lambda metrics, step: told.append((metrics, step)),
            lambda done, total: told.append((done, total)),
            told.append,
        )
        return result, told

    return run


def test_progress_metrics_lines_and_the_result_come_through(play):
    result, told = play(
        SAYS + "say(kind='metrics', metrics={'loss': 2.5}, step=3)\n"
        "say(kind='progress', done=3, total=9)\n"
        "print('a warning of some library', file=sys.stderr)\n"
        "say(kind='result', result={'steps': 9})\n"
    )
    assert result == {"steps": 9}
    assert sorted(told, key=str) == [
        (3, 9),
        ({"loss": 2.5}, 3),
        "a warning of some library",
    ]


def test_an_expected_failure_keeps_its_kind_and_words(play):
    with pytest.raises(DataError, match=r"^lora: expected short rows\. Raise it\.$"):
        play(
            SAYS + "say(kind='error', error='DataError', where='lora', "
            "problem='expected short rows', action='Raise it.')\nsys.exit(1)\n"
        )


def test_a_traceback_is_quoted(play):
    with pytest.raises(TrainingError, match=r"exit status 1\n(.*\n)*.*ZeroDivisionError"):
        play("1 / 0")


def test_a_kill_is_called_what_it_is(play):
    with pytest.raises(TrainingError, match=r"SIGKILL.*memory"):
        play(SAYS + "import os; os.kill(os.getpid(), 9)")


def test_a_result_of_a_process_that_then_failed_does_not_count(play):
    with pytest.raises(TrainingError, match="exit status 2"):
        play(SAYS + "say(kind='result', result={})\nsys.exit(2)\n")


@pytest.mark.parametrize(
    ("asked", "in_deployment", "got"),
    [
        ("auto", False, "in-process"),
        ("auto", True, "subprocess"),
        ("in-process", True, "in-process"),
        ("accelerate", False, "accelerate"),
    ],
)
def test_the_launcher(asked, in_deployment, got):
    assert launcher_for(TrainingConfig(launcher=asked), in_deployment) == got
