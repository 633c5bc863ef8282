"""What README.md tells a reader to type works, and what it lists exists."""

import re
import shlex
from pathlib import Path

import pytest
import yaml
from typer.main import get_command

from configs.lifecycle import LifecycleConfig
from flows.cli import app

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
CONSOLE_LINES = [
    line for kind, text in BLOCKS if kind == "console" for line in text.splitlines() if line
]
PAWL_LINES = [line for line in CONSOLE_LINES if line.startswith(".venv/bin/pawl ")]
RUNNABLE = [line for line in PAWL_LINES if not re.search(r"\b[A-Z]{3,}\b", line)]


def test_every_console_line_is_one_of_two_kinds():
    assert PAWL_LINES
    for line in CONSOLE_LINES:
        assert line.startswith((".venv/bin/pawl ", "make ")), line


def test_every_make_target_that_is_named_exists():
    targets = set(re.findall(r"^([a-z0-9]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {line.split()[1] for line in CONSOLE_LINES if line.startswith("make ")}
    named |= set(re.findall(r"`make ([a-z0-9]+)`", README))
    assert {"demo", "test", "check"} <= named <= targets


def test_the_pawl_commands_run_one_after_the_other_on_what_the_demo_left(demo, run_pawl):
    for line in RUNNABLE:
        printed = run_pawl(*shlex.split(line)[1:], home=demo.home, cwd=demo.cwd)
        assert printed.code == 0, (line, printed.err)


@pytest.mark.parametrize("line", PAWL_LINES)
def test_every_option_that_is_shown_exists(line):
    command, arguments = get_command(app), shlex.split(line)[1:]
    while hasattr(command, "commands"):
        command = command.commands[arguments.pop(0)]
    options = {o for p in command.params for o in p.opts}
    assert {argument for argument in arguments if argument.startswith("--")} <= options


def test_the_table_of_commands_is_complete():
    section = README.split("\n## Commands")[1].split("\n## ")[0]
    listed = set(re.findall(r"`pawl ([a-z-]+)", section))
    assert listed == set(get_command(app).commands)


def test_the_lifecycle_shown_is_valid():
    shown = [text for kind, text in BLOCKS if kind == "yaml"]
    assert shown
    for text in shown:
        LifecycleConfig.model_validate(yaml.safe_load(text))


def test_the_layout_names_every_package_on_disk():
    section = README.split("\n## Layout")[1].split("\n## ")[0]
    listed = set(re.findall(r"^\| `([a-z]+)/`", section, re.MULTILINE))
    on_disk = {path.parent.name for path in ROOT.glob("*/__init__.py")} | {"tests"}
    assert listed == on_disk
