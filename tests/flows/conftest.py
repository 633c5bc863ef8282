"""The command line as a person uses it, in this process or in one of its own."""

import json
import os
import signal
import subprocess
import sys
import time
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


@pytest.fixture(scope="session")
def start_pawl():
    """Start `pawl ARGUMENTS` on embedded defaults, in a process and a session of its own."""

    def start(*arguments, home, cwd, **settings):
        environment = {k: v for k, v in os.environ.items() if not k.startswith(OUTSIDE)}
        environment |= {"PAWL_HOME": str(home), "COLUMNS": "100", **settings}
        return subprocess.Popen(
            [str(Path(sys.executable).with_name("pawl")), *map(str, arguments)],
            env=environment, cwd=cwd, text=True, start_new_session=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    return start


@pytest.fixture(scope="session")
def run_pawl(start_pawl):
    """Run `pawl ARGUMENTS` in a process of its own and wait for it."""

    def run(*arguments, home, cwd, **settings):
        process = start_pawl(*arguments, home=home, cwd=cwd, **settings)
        try:
            out, err = process.communicate(timeout=580)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
        return Printed(process.returncode, out, err)

    return run


@dataclass
class Demo:
    """A finished `pawl run demo`."""

    home: Path
    cwd: Path
    printed: Printed
    seconds: float

    @property
    def decision_directory(self):
        """Files of the gate's one decision."""
        [directory] = (self.home / "cache" / "gate").iterdir()
        return directory / "files"

    def scores(self, metric):
        """Value of a metric by system, as the gate step kept it for the summary."""
        record = json.loads((self.decision_directory.parent / "step.json").read_text())
        column = record["result"]["score_header"].index(metric)
        rows = record["result"]["score_rows"]
        return {row[0]: float(row[column].split(" ")[0]) for row in rows}


@pytest.fixture(scope="session")
def demo(run_pawl, tmp_path_factory):
    """The demo, run once for all tests that look at what it left behind."""
    cwd = tmp_path_factory.mktemp("demo")
    started = time.monotonic()
    printed = run_pawl("run", "demo", home=cwd / ".pawl", cwd=cwd)
    assert printed.code == 0, printed.err[-3000:]
    return Demo(cwd / ".pawl", cwd, printed, time.monotonic() - started)
