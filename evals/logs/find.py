"""Which tool wrote a log, and which run and task of it is meant.

Does: recognise by content, list the choices where there are several. Does not: read samples (one module
per tool). A further tool is one module and one line in `FORMATS`.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

from configs.errors import EvidenceError
from evals.logs import inspect_ai, lm_eval, nemo_evaluator
from evals.logs.files import json_object, listed
from evals.logs.tool_log import LogFormat, LoggedRun, ToolLog

FORMATS: tuple[LogFormat, ...] = (lm_eval.FORMAT, inspect_ai.FORMAT, nemo_evaluator.FORMAT)


def read_log(path: Path, task: str | None = None) -> ToolLog:
    """Read one task of the run at a path.

    Args:
        path: a log file, or a directory that holds the files of one run.
        task: which task, where the log has several.
    Raises:
        EvidenceError: when there is no log of a known tool, when the person must choose among runs
            or tasks (they are listed), or when the log is not whole.
    """
    if not path.exists():
        raise EvidenceError(str(path), "expected a log, found nothing", "Check the path.")
    runs = _runs(path)
    if not runs:
        raise _nothing(path)
    wanted = [(known, run) for known, run in runs if task is None or task in run.tasks]
    if not wanted:
        tasks = sorted({name for _, run in runs for name in run.tasks})
        raise EvidenceError(
            str(path), f"expected one of the tasks {listed(tasks)}, got {task!r}", "Correct --task."
        )
    if len(wanted) > 1:
        choices = "".join(
            f"\n  {run.path}: {listed(list(run.tasks))}, {run.model}" for _, run in wanted
        )
        raise EvidenceError(
            str(path), f"expected one run, found {len(wanted)}:{choices}\n",
            "Name the file of the one that is meant; the newest is not guessed.",
        )  # fmt: skip
    known, run = wanted[0]
    if task is None and len(run.tasks) > 1:
        raise EvidenceError(
            str(run.path), f"expected one task, got {', '.join(run.tasks)}", "Choose with --task."
        )
    return known.read(run.path, task or run.tasks[0])


def _runs(path: Path) -> list[tuple[LogFormat, LoggedRun]]:
    files = [path]
    if path.is_dir():
        # Files of samples are found from the file that names their run.
        files = sorted(f for f in path.rglob("*") if f.suffix in (".json", ".eval") and f.is_file())
    found = []
    for file in files:
        for known in FORMATS:
            if path.is_dir() and file.suffix not in known.suffixes:
                continue
            if (run := known.recognise(file)) is not None:
                found.append((known, run))
    return found


def _nothing(path: Path) -> EvidenceError:
    known = "; ".join(f"{known.tool}: {known.looks_like}" for known in FORMATS)
    for log in FORMATS if path.is_dir() else ():
        if missing := log.unfinished(path):
            return EvidenceError(
                str(path),
                f"expected a finished run of {log.tool}, found one that lacks {missing}",
                "Finish the run, or copy all of its files.",
            )
    return EvidenceError(
        str(path), f"expected a log of one of {known}; got {_what_it_is(path)}",
        "Name the tool's output file or directory.",
    )  # fmt: skip


def _what_it_is(path: Path) -> str:
    if path.is_dir():
        files = sorted(str(file.relative_to(path)) for file in path.rglob("*") if file.is_file())
        return f"a directory with {listed(files)}" if files else "an empty directory"
    if path.stat().st_size == 0:
        return "an empty file"
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            return f"a ZIP with {listed(archive.namelist()) or 'nothing in it'}"
    content = json_object(path)
    if content is not None:
        return f"JSON with the keys {listed(list(content)) or 'of an empty object'}"
    with path.open("rb") as file:
        return f"a file that begins with {file.read(40)!r}"
