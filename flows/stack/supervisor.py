"""Keeps the programs of a stack running until it is told to stop.

Does: start them in order, wait until they answer, start again what died, stop them in order.
Does not: know what they are (flows/stack/plan.py).
"""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from configs.errors import StackError
from flows.stack import keeper
from flows.stack.kept_program import KeptProgram
from flows.stack.plan import Program, StackPlan

START_PATIENCE_S = 240.0
"""A first start makes the tables of both databases, which takes half a minute on a busy machine."""
LOOK_EVERY_S = 0.2
SETTLE_EVERY_S = 15.0
ORPHAN_PATIENCE_S = 2.0
SHOWN_LOG_CHARACTERS = 2000
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

Say = Callable[[str], None]
Settle = Callable[[Mapping[str, float]], None]
"""Told when the present process of each worker started, in seconds since 1970; infinity for a stopped
one. Says on the server what became of runs that earlier processes left behind."""


class Stopped(Exception):
    """Somebody asked for the end."""


class Supervisor:
    """The programs of one stack."""

    def __init__(self, logs: Path, say: Say, settle: Settle) -> None:
        """
        Args:
            logs: directory of `<program>.log`.
            say: tells the person at the terminal.
            settle: called every 15 s, and once the workers were stopped.
        """
        self._logs, self._say, self._settle = logs, say, settle
        self._kept: list[KeptProgram] = []
        self._told = 0

    def run(self, plan: StackPlan, when_ready: Callable[[], None]) -> None:
        """Run a stack until SIGINT, SIGTERM or SIGHUP; nothing is left running afterwards.

        Args:
            when_ready: called once, when the servers answer, before anything uses them.
        Raises:
            StackError: when a program does not start.
        """
        keeper.adopt_orphans()
        with self._listening():
            try:
                self._start(plan.servers)
                when_ready()
                if plan.deploy is not None:
                    self._deploy(plan.deploy)
                self._start(plan.workers)
                self._say("Up. Ctrl-C stops everything.")
                self._watch()
            except Stopped:
                self._say("Stopping.")
            finally:
                self._stop()

    @contextmanager
    def _listening(self) -> Iterator[None]:
        before = {number: signal.getsignal(number) for number in STOP_SIGNALS}

        def told(number: int, frame: object) -> None:
            self._told += 1

        for number in STOP_SIGNALS:
            signal.signal(number, told)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _sleep(self) -> None:
        if self._told:
            raise Stopped
        time.sleep(LOOK_EVERY_S)

    def _start(self, programs: Sequence[Program]) -> None:
        started = [self._keep(program) for program in programs]
        deadline = time.monotonic() + START_PATIENCE_S
        for kept in started:
            while not kept.answers():
                code = kept.exit_code()
                if code is not None or time.monotonic() > deadline:
                    raise self._did_not_start(kept, code)
                self._sleep()

    def _keep(self, program: Program) -> KeptProgram:
        kept = KeptProgram(program, self._logs / f"{program.name}.log")
        kept.start()
        self._kept.append(kept)
        return kept

    def _did_not_start(self, kept: KeptProgram, code: int | None) -> StackError:
        what = f"it ended with {code}" if code is not None else f"none in {START_PATIENCE_S:.0f} s"
        return StackError(
            kept.program.name,
            f"expected an answer from {kept.program.health_url or 'it'}, got: {what}. "
            f"Its log ends: {kept.output()[-SHOWN_LOG_CHARACTERS:]}",
            f"All of it is in {kept.log}.",
        )

    def _deploy(self, program: Program) -> None:
        kept = self._keep(program)
        while (code := kept.exit_code()) is None:
            self._sleep()
        self._kept.remove(kept)
        self._say(kept.output())
        if code:
            self._say("The deployments are not as they should be: correct it, then `pawl deploy`.")

    def _watch(self) -> None:
        again_at: dict[str, float] = {}
        settle_at = time.monotonic()
        while True:
            if time.monotonic() >= settle_at:
                self._settle(self._worker_starts())
                settle_at = time.monotonic() + SETTLE_EVERY_S
            for kept in self._kept:
                name, now = kept.program.name, time.monotonic()
                if name in again_at:
                    if now >= again_at[name]:
                        del again_at[name]
                        kept.start()
                        self._say(f"{name}: started again.")
                elif (code := kept.exit_code()) is not None:
                    # A keeper that was killed could not end what it kept.
                    keeper.end_descendants(ORPHAN_PATIENCE_S, [one.pid for one in self._kept])
                    wait_s = kept.next_backoff_s()
                    again_at[name] = now + wait_s
                    self._say(
                        f"{name}: ended with {code}; started again in {wait_s:.0f} s. "
                        f"Why is in {kept.log}."
                    )
            self._sleep()

    def _worker_starts(self) -> dict[str, float]:
        return {
            kept.program.worker_name: kept.started_s
            for kept in self._kept
            if kept.program.worker_name is not None
        }

    def _stop(self) -> None:
        """Workers first, for they report to the servers; those started first end last."""
        workers = [kept for kept in self._kept if kept.program.health_url is None]
        servers = [kept for kept in self._kept if kept.program.health_url is not None]
        for group in (workers, servers):
            for kept in group:
                kept.ask_to_stop()
            for kept in group:
                kept.wait(hurried=lambda: self._told > 1)
            if group is workers:
                self._settle(dict.fromkeys(self._worker_starts(), math.inf))
        keeper.end_descendants(patience_s=0)
