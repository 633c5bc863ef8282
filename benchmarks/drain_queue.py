"""Are queued evaluations lost or doubled when workers are killed while they drain the queue?

Does: `pawl up` with its own servers and process workers; queues N evaluations, each asked for twice
at once under one idempotency key, as two watchers would; kills workers with SIGKILL while they work;
waits until the queue is empty, counts, and exits with 1 if any evaluation was lost or doubled.
Does not: measure how fast a model answers (`benchmarks.engine_speed`).

    python -m benchmarks.drain_queue --runs 1000 --workers 3 --kills 10

With PREFECT_SERVER_DATABASE_CONNECTION_URL the queue is in that database, otherwise in SQLite.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil

from flows.stack.left_runs import api_client
from flows.stack.running import running_stack
from flows.stack.up import need_free_port

DEPLOYMENT = "queued-evaluation"
POOL = "default"
FINAL = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")
LOOK_EVERY_S = 2.0
PAGE = 200
RETRIES = 30


@contextmanager
def stack(home: Path, workers: int, ports: tuple[int, int]) -> Iterator[httpx.Client]:
    """`pawl up` in a process of its own; yields a client of its Prefect API."""
    for port in ports:
        need_free_port("127.0.0.1", port, "--ports")
    command = [Path(sys.executable).with_name("pawl"), "up", "--workers", workers]
    command += ["--prefect-port", ports[0], "--mlflow-port", ports[1]]
    log = (home / "up.log").open("w")
    with log, subprocess.Popen(
        [str(word) for word in command], env=os.environ | {"PAWL_HOME": str(home)}, stdout=log,
        stderr=log, cwd=home,
    ) as process:  # fmt: skip
        try:
            while "Up. Ctrl-C" not in (home / "up.log").read_text():
                if process.poll() is not None:
                    raise RuntimeError((home / "up.log").read_text())
                time.sleep(0.5)
            found = running_stack(home)
            assert found is not None
            os.environ.update(found.environment)
            # While the tables are busy, SQLite lets a request wait and then refuses it with 503.
            os.environ["PREFECT_CLIENT_MAX_RETRIES"] = str(RETRIES)
            with api_client(found.environment) as api:
                yield api
        finally:
            process.send_signal(signal.SIGTERM)


def deploy() -> str:
    """Make the deployment of the queued evaluation; returns its id."""
    from prefect import flow

    here = Path(__file__).parent
    source: Any = flow.from_source(str(here), "queued_evaluation.py:queued_evaluation")
    return str(
        source.deploy(
            DEPLOYMENT, work_pool_name=POOL, tags=["pawl"], build=False, push=False,
            print_next_steps=False, ignore_warnings=True,
        )
    )  # fmt: skip


async def queue_twice(deployment: str, runs: int, directory: Path) -> None:
    """Ask for every evaluation twice at once."""
    from prefect.client.orchestration import get_client

    at_once = asyncio.Semaphore(8)
    async with get_client() as client:

        async def ask(number: int) -> None:
            async with at_once:
                await client.create_flow_run_from_deployment(
                    deployment,
                    parameters={"number": number, "directory": str(directory)},
                    idempotency_key=f"{DEPLOYMENT}-{number}",
                )

        numbers = [number for number in range(runs) for _ in range(2)]
        await asyncio.gather(*(ask(number) for number in numbers))


def kill_a_worker(home: Path, rng: random.Random) -> str | None:
    """SIGKILL one of the stack's workers in mid-work; returns its name, or None if none runs."""
    stack_of_home = running_stack(home)
    if stack_of_home is None:
        return None
    workers = []
    for process in psutil.Process(stack_of_home.pid).children(recursive=True):
        try:
            words = process.cmdline()
        except psutil.Error:
            continue
        if words[1:5] == ["-m", "prefect", "worker", "start"]:
            workers.append((process, words[words.index("--name") + 1]))
    if not workers:
        return None
    process, name = rng.choice(workers)
    process.kill()
    return name


def flow_runs(api: httpx.Client, deployment: str) -> list[dict[str, Any]]:
    """Every run of a deployment."""
    found: list[dict[str, Any]] = []
    wanted = {"deployments": {"id": {"any_": [deployment]}}, "limit": PAGE, "sort": "ID_DESC"}
    while True:
        answer = api.post("/flow_runs/filter", json={**wanted, "offset": len(found)})
        if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:  # SQLite is locked
            time.sleep(LOOK_EVERY_S)
            continue
        answer.raise_for_status()
        page = answer.json()
        found += page
        if len(page) < PAGE:
            return found


def drain(
    api: httpx.Client, deployment: str, home: Path, kills: int, patience_s: float
) -> tuple[list[dict[str, Any]], int]:
    """Wait until every run ended, and kill workers at even distances of the way.

    Args:
        patience_s: longest time without any run ending.
    Returns:
        The runs, and how many workers were killed.
    """
    rng, killed = random.Random(17), 0
    before, since = -1, time.monotonic()
    while True:
        runs = flow_runs(api, deployment)
        # A crash is not the end: an automation schedules such a run again.
        done = sum(run["state_type"] in FINAL and run["state_type"] != "CRASHED" for run in runs)
        if done != before:
            before, since = done, time.monotonic()
            print(f"{done} of {len(runs)} ended, {killed} workers killed", flush=True)
        if done == len(runs) or time.monotonic() - since > patience_s:
            return runs, killed
        if killed < kills and done >= (killed + 1) * len(runs) / (kills + 2):
            killed += kill_a_worker(home, rng) is not None
        time.sleep(LOOK_EVERY_S)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--patience-s", type=float, default=600)
    parser.add_argument("--ports", type=int, nargs=2, default=(4217, 5017))
    options = parser.parse_args()
    # No `with`: what is left after a failure is what one wants to see.
    home = Path(tempfile.mkdtemp(prefix="pawl-drain-"))
    directory = home / "evaluations"
    directory.mkdir()
    with stack(home, options.workers, tuple(options.ports)) as api:
        deployment = deploy()
        started = time.monotonic()
        asyncio.run(queue_twice(deployment, options.runs, directory))
        queued_s = time.monotonic() - started
        runs, killed = drain(api, deployment, home, options.kills, options.patience_s)
        seconds = time.monotonic() - started
    notes = [json.loads(line) for line in (directory / "executions.jsonl").open()]
    count = Counter(line["what"] for line in notes)
    evaluated = Counter(line["number"] for line in notes if line["what"] == "evaluated")
    completed = Counter(
        run["parameters"]["number"] for run in runs if run["state_type"] == "COMPLETED"
    )
    kept = sum((directory / str(i) / "evaluation.json").exists() for i in range(options.runs))
    lost = sum(not completed[number] for number in range(options.runs))
    doubled = (
        len(runs) - options.runs
        + sum(many - 1 for many in evaluated.values())
        + count["overlap"]
    )  # fmt: skip
    print(
        f"{options.runs} evaluations asked for twice in {queued_s:.0f} s, drained by "
        f"{options.workers} workers in {seconds:.0f} s, {killed} killed in mid-work.\n"
        f"Flow runs {len(runs)}; completed {sum(completed.values())}; results kept {kept}; "
        f"starts {count['start']} (more than one after a kill).\n"
        f"Lost {lost}; doubled {doubled} (a second flow run, a second evaluation, or two at once)."
    )
    print(f"Everything is in {home}")
    return int(bool(lost or doubled or kept != options.runs))


if __name__ == "__main__":
    sys.exit(main())
