"""The command line as a person uses it, in this process or in one of its own."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

OUTSIDE = ("PAWL_", "PREFECT_", "MLFLOW_", "OPENAI_")


@dataclass
class Printed:
    """What a command left on the terminal."""

    code: int
    out: str
    err: str


@pytest.fixture
def pawl(monkeypatch, capsys, tmp_path):
    """Run `pawl ARGUMENTS` in this process, with a home of its own below `tmp_path`."""
    from flows import cli

    for name in [name for name in os.environ if name.startswith(OUTSIDE)]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PAWL_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["pawl", *map(str, arguments)])
        capsys.readouterr()
        code = 0
        try:
            cli.main()
        except SystemExit as stop:
            code = stop.code or 0
        printed = capsys.readouterr()
        return Printed(code, printed.out, printed.err)

    return run


def pawl_process(arguments, home, cwd, **settings):
    """Command and environment of `pawl ARGUMENTS` as a process of its own on embedded defaults."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(OUTSIDE)}
    environment |= {"PAWL_HOME": str(home), "COLUMNS": "100", **settings}
    command = [str(Path(sys.executable).with_name("pawl")), *map(str, arguments)]
    return {"args": command, "env": environment, "cwd": cwd, "text": True}


@pytest.fixture(scope="session")
def run_pawl():
    """Run `pawl ARGUMENTS` in a process of its own and wait for it."""

    def run(*arguments, home, cwd, **settings):
        done = subprocess.run(
            **pawl_process(arguments, home, cwd, **settings), capture_output=True, timeout=900
        )
        return Printed(done.returncode, done.stdout, done.stderr)

    return run
