"""A worker and its run are killed: how long until the run goes on elsewhere, with shipped settings.

`python -m benchmarks.killed_worker`: a Prefect server, a worker and a training of its own; SIGKILL to
the worker, the run's process and the training, as when their machine loses power; then a second worker.
It prints when the training ended, when the server noticed, when the run was scheduled again and when it
went on, and fails if it did not resume from a checkpoint or was not completed. Takes 5 to 10 minutes.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from prefect.settings import PREFECT_API_URL, temporary_settings

from flows.automations.apply import apply_automations
from flows.automations.declared import declared_automations
from tests.flows.test_long_runs import LongRuns, wait_for
from tests.servers.prefect_server import PrefectServer, copy_of_migrated, migrate

OURS = ("mark-vanished-runs", "pick-up-crashed-runs", "end-cancelling-runs")
PATIENCE_S = 900.0


def killed_and_picked_up(directory: Path, steps: int) -> dict[str, float]:
    """Seconds from the kill to each stage.

    Args:
        directory: empty.
        steps: length of the training; a checkpoint is written in its middle.
    """
    (directory / "migrated").mkdir()
    copy_of_migrated(migrate(directory / "migrated"), directory / "server")
    server = PrefectServer(directory / "server").start()
    runs = LongRuns(server, directory / "home")
    try:
        with temporary_settings({PREFECT_API_URL: server.api_url}):
            apply_automations(declared=[d for d in declared_automations() if d.path.stem in OURS])
        worker = runs.start_worker()
        run = runs.start(steps=steps, checkpoints=10)
        wait_for(lambda: runs.steps_done(run) and runs.checkpoint(), "a checkpoint", PATIENCE_S)
        trainings = runs.trainings()
        victims = [p for p in runs.processes() if p not in trainings]
        for process in victims:
            process.kill()
        worker.wait()
        started, stages = time.monotonic(), {}

        def reached(stage: str) -> None:
            stages[stage] = time.monotonic() - started
            print(f"{stages[stage]:6.1f} s  {stage}", flush=True)

        wait_for(lambda: not runs.trainings(), "the end of the orphaned training", PATIENCE_S)
        reached("the training without a parent has saved a checkpoint and ended")
        saved = runs.checkpoint().name
        names: list[str] = []

        def history() -> list[str]:
            found = server.request("GET", "/flow_run_states/", params={"flow_run_id": run})
            names[:] = [s["name"] for s in sorted(found, key=lambda s: s["timestamp"])]
            return names

        wait_for(lambda: "Crashed" in history(), "Crashed", PATIENCE_S)
        reached("the run is marked as crashed")
        wait_for(lambda: "AwaitingRetry" in history(), "AwaitingRetry", PATIENCE_S)
        reached("the run is scheduled again")
        runs.start_worker()
        line = f"training goes on from {saved}"
        wait_for(lambda: line in runs.logs(run), line, PATIENCE_S)
        reached(f"another worker goes on from {saved}")
        server.await_state(run, {"COMPLETED"}, PATIENCE_S)
        reached("the run is completed")
        return stages
    finally:
        server.close()
        for process in runs.processes():
            process.kill()


def main() -> None:
    """Run it once."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--steps", type=int, default=210)
    with tempfile.TemporaryDirectory() as directory:
        killed_and_picked_up(Path(directory), arguments.parse_args().steps)


if __name__ == "__main__":
    main()
