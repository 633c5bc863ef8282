"""Is every release re-evaluated exactly once while watcher, worker and server are killed at random?

Does: publish releases into directories that a real, scheduled watch-weights follows; kill its process, the
worker with all its runs, and the Prefect server at random moments; start worker and server again as an
operating system would; let Pawl's automations do the rest. Prints how often each release was decided, and
how soon, and exits with 1 unless each was decided exactly once. Does not: compute evaluations; a stand-in
(benchmarks/stand_in_re_evaluation.py) is asked and claims like the real one.

    python -m benchmarks.release_chaos --releases 100
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import statistics
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil
import yaml
from prefect.settings import PREFECT_API_URL, temporary_settings

from benchmarks.stand_in_re_evaluation import outcomes
from flows.automations.apply import apply_automations
from registry.claims import claims_ledger_name
from registry.releases import Release, releases_in_effect
from registry.store import ModelStore
from tests.servers.prefect_server import PrefectServer, migrate
from tests.small_checkpoint import checkpoint

ROOT = Path(__file__).parents[1]
SOURCES = 5
POOL = "default"
VICTIMS = ("watcher", "re-evaluation", "worker", "server")
PATIENCE_S = 1800.0
"""A release that is not decided by then counts as missed."""


@dataclass
class Chaos:
    """The processes, what was done to them, and what was published."""

    server: PrefectServer
    store: ModelStore
    directory: Path
    interval_s: float
    random: random.Random
    kills: Counter[str] = field(default_factory=Counter)
    published: dict[str, list[float]] = field(default_factory=dict)
    """By source: when each release was put there, seconds since 1970."""

    def environment(self) -> dict[str, str]:
        """Of the worker and its runs."""
        return {
            "PAWL_HOME": str(self.directory / "home"), "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]),
            "MLFLOW_DISABLE_TELEMETRY": "true", "OMP_NUM_THREADS": "1",
            "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",
        }  # fmt: skip

    def source(self, number: int) -> Path:
        """Directory of one source."""
        return self.directory / "sources" / str(number)

    def publish(self, number: int) -> None:
        """Put the next release into a source: the weights in one move, as `mv` does."""
        place = self.source(number)
        times = self.published.setdefault(f"file://{place}", [])
        for path, content in checkpoint(f"release {len(times)} of {number}").items():
            place.mkdir(parents=True, exist_ok=True)
            (place / f"{path}.tmp").write_bytes(content)
            (place / f"{path}.tmp").replace(place / path)
        times.append(time.time())

    def start_worker(self) -> None:
        """Start a worker of the pool."""
        self.server.start_worker(POOL, **self.environment())

    def revive(self) -> None:
        """Start what has ended, as a supervisor does."""
        if self.server.process.poll() is not None:
            self.server.start()
        if self.server.workers[-1].poll() is not None:
            self.start_worker()

    def kill(self, victim: str) -> bool:
        """SIGKILL; False if there is no such process at the moment."""
        if victim == "server":
            self.server.kill()
        elif victim == "worker":
            self._kill_tree(self.server.workers[-1].pid)
        else:
            name = {"watcher": "watch-weights", "re-evaluation": "re-evaluate"}[victim]
            processes = self._runs_of(name)
            if not processes:
                return False
            processes[0].kill()
        self.kills[victim] += 1
        print(f"  killed the {victim}", flush=True)
        return True

    def _kill_tree(self, pid: int) -> None:
        with contextlib.suppress(psutil.NoSuchProcess):
            worker = psutil.Process(pid)
            for process in (*worker.children(recursive=True), worker):
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
        self.server.workers[-1].wait()

    def _runs_of(self, flow: str) -> list[psutil.Process]:
        """Processes of a flow's runs."""
        found = []
        with contextlib.suppress(psutil.NoSuchProcess, httpx.HTTPError):
            query = {"flows": {"name": {"any_": [flow]}},
                     "flow_runs": {"state": {"type": {"any_": ["RUNNING"]}}}}  # fmt: skip
            running = {
                run["id"] for run in self.server.request("POST", "/flow_runs/filter", json=query)
            }
            for process in psutil.Process(self.server.workers[-1].pid).children(recursive=True):
                with contextlib.suppress(psutil.NoSuchProcess):
                    if process.environ().get("PREFECT__FLOW_RUN_ID", "") in running:
                        found.append(process)
        return found

    def deploy(self) -> None:
        """Both deployments, as prefect.yaml declares them but for the schedule's interval."""
        listed = [{"source": f"file://{self.source(n)}", "quiet_s": 1} for n in range(SOURCES)]
        follow = self.directory / "follow.yaml"
        follow.write_text(yaml.safe_dump({"sources": listed}))
        watching = {"request": {"follow": str(follow), "grace_s": 45, "pending_limit_s": 120}}
        schedule = {"interval": self.interval_s, "anchor_date": "2026-01-01T00:00:00Z"}
        self._deployment(
            "watch-weights", "flows.deployed.watch_weights.watch_weights", 1,
            {"collision_strategy": "CANCEL_NEW", "grace_period_seconds": 60},
            parameters=watching, schedules=[{"schedule": schedule, "active": True}],
        )  # fmt: skip
        self._deployment(
            "re-evaluate",
            "benchmarks.stand_in_re_evaluation.re_evaluate",
            4,
            {"collision_strategy": "ENQUEUE"},
        )
        with temporary_settings({PREFECT_API_URL: self.server.api_url}):
            for change in apply_automations():
                print(f"  {change.kind}: {change.name}", flush=True)

    def _deployment(
        self, name: str, entrypoint: str, limit: int, options: dict[str, Any], **more: Any
    ) -> None:
        made = self.server.request("POST", "/flows/", json={"name": name})
        deployment = {
            "name": name, "flow_id": made["id"], "entrypoint": entrypoint, "work_pool_name": POOL,
            "tags": ["pawl"], "enforce_parameter_schema": False, "concurrency_limit": limit,
            "concurrency_options": options, "pull_steps": [],
        }  # fmt: skip
        self.server.request("POST", "/deployments/", json=deployment | more)

    def announced(self) -> list[Release]:
        """Releases that must be re-evaluated."""
        return [release for release in releases_in_effect(self.store) if release.announce]


def run(chaos: Chaos, wanted: int, between_kills_s: float) -> None:
    """Publish and kill until every release is decided, or patience ends."""
    for number in range(SOURCES):
        chaos.publish(number)
    await_first_looks(chaos)
    left = wanted
    next_kill = time.monotonic() + chaos.random.expovariate(1 / between_kills_s)
    victim = chaos.random.choice(VICTIMS)
    last_progress, done = time.monotonic(), -1
    while True:
        decided = outcomes(chaos.store)
        releases = chaos.announced()
        for number in range(SOURCES):
            mine = [r for r in releases if r.followed == f"file://{chaos.source(number)}"]
            times = chaos.published[f"file://{chaos.source(number)}"]
            settled = len(mine) == len(times) - 1 and all(r.release_id in decided for r in mine)
            if settled and left:
                chaos.publish(number)
                left -= 1
        if len(decided) > done:
            last_progress, done = time.monotonic(), len(decided)
            print(f"{done} of {wanted} decided", flush=True)
        if done == wanted or time.monotonic() - last_progress > PATIENCE_S:
            return
        # The next victim is chosen once and awaited: a choice per turn would nearly always hit what
        # is always there.
        if time.monotonic() > next_kill and chaos.kill(victim):
            victim = chaos.random.choice(VICTIMS)
            next_kill = time.monotonic() + chaos.random.expovariate(1 / between_kills_s)
            time.sleep(chaos.random.uniform(0, 5))
            chaos.revive()
        time.sleep(0.5)


def await_first_looks(chaos: Chaos) -> None:
    """Wait until each source is known."""
    deadline = time.monotonic() + PATIENCE_S
    while len(releases_in_effect(chaos.store)) < SOURCES:
        if time.monotonic() > deadline:
            raise RuntimeError("the sources were not looked at")
        time.sleep(0.5)


def settle(chaos: Chaos, seconds: float) -> None:
    """Let late runs show whether they do anything twice."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        chaos.revive()
        time.sleep(1)


def report(chaos: Chaos, wanted: int) -> bool:
    """Print the table; returns whether each release was decided exactly once."""
    decided = outcomes(chaos.store)
    releases = chaos.announced()
    counts = Counter(len(decided.get(release.release_id, [])) for release in releases)
    noticed, acted = [], []
    for release in releases:
        earlier = [
            r for r in releases if r.followed == release.followed and r.number < release.number
        ]
        published = chaos.published[release.followed][len(earlier) + 1]
        noticed.append(release.released_ms / 1000 - published)
        if times := decided.get(release.release_id):
            acted.append((min(times) - release.released_ms) / 1000)
    query = {"flows": {"name": {"any_": ["re-evaluate"]}}}
    runs = chaos.server.request("POST", "/flow_runs/filter", json=query | {"limit": 200})
    claims = chaos.store.versions(claims_ledger_name("re-evaluate/any"))
    once = counts[1] == wanted == len(releases)
    print(f"\n| what | value |\n| --- | --- |\n| releases noted | {len(releases)} of {wanted} |")
    print(f"| decided exactly once | {counts[1]} |")
    print(f"| missed | {counts[0] + wanted - len(releases)} |")
    print(f"| decided more than once | {sum(n for times, n in counts.items() if times > 1)} |")
    print(f"| kills | {dict(chaos.kills)} |")
    print(f"| runs of re-evaluate | {len(runs)}: {dict(Counter(r['state_name'] for r in runs))} |")
    print(f"| claims written | {len(claims)} |")
    for name, values in (("published to noted", noticed), ("noted to decided", acted)):
        if values:
            ordered = sorted(values)
            p90 = ordered[min(len(ordered) - 1, int(0.9 * len(ordered)))]
            middle = statistics.median(ordered)
            print(f"| {name}, s: median, 90 %, max | {middle:.1f}, {p90:.1f}, {ordered[-1]:.1f} |")
    return once


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--releases", type=int, default=100)
    parser.add_argument("--interval-s", type=float, default=15, help="of the schedule")
    parser.add_argument("--between-kills-s", type=float, default=45, help="mean; random")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="directory for everything, to look at afterwards")
    arguments = parser.parse_args()
    os.environ["MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT"] = "true"
    with tempfile.TemporaryDirectory(prefix="pawl-chaos-") as scratch:
        directory = arguments.keep or Path(scratch)
        (directory / "home").mkdir(parents=True)
        (directory / "prefect").mkdir()
        migrate(directory / "prefect")
        server = PrefectServer(directory / "prefect")
        store = ModelStore(f"sqlite:///{directory / 'home' / 'mlflow.db'}")
        store.models()
        chaos = Chaos(server, store, directory, arguments.interval_s, random.Random(arguments.seed))
        try:
            server.start()
            chaos.start_worker()
            while not server.request("POST", "/work_pools/filter", json={}):
                time.sleep(0.5)
            chaos.deploy()
            run(chaos, arguments.releases, arguments.between_kills_s)
            settle(chaos, 2 * arguments.interval_s + 60)
            return 0 if report(chaos, arguments.releases) else 1
        finally:
            server.close()


if __name__ == "__main__":
    sys.exit(main())
