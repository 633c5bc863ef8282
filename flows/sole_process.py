"""One process at a time per flow run.

Prefect cannot tell a run whose process is gone from one whose heartbeats it could not receive, because
the server itself was away. The automation that picks runs up then starts a second process beside the
first. Does: let the second wait until the first has ended, however it ends; it then finds the finished
steps in the cache. Does not: keep two runs apart (registry/claims.py, flows/step_cache.py do).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from filelock import FileLock, Timeout
from prefect import runtime
from prefect.logging import get_run_logger

from flows.home import home


def sole_process_of_this_run() -> AbstractContextManager[None]:
    """`sole_process` of the flow run that calls this.

    Not a decorator of flows: Prefect looks for the types of a form in the module of what it wraps.
    """
    return sole_process(str(runtime.flow_run.id), home() / "locks")


@contextmanager
def sole_process(run_id: str, locks: Path) -> Iterator[None]:
    """Wait until no other process works for a run, and keep others waiting during the block.

    The lock is the operating system's and ends with the process that holds it. Blocks within blocks
    do not wait for each other.

    Args:
        run_id: of the flow run.
        locks: directory that all workers share, such as one below PAWL_HOME.
    """
    lock = FileLock(locks / f"run-{run_id}.lock", is_singleton=True)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        get_run_logger().warning(
            "another process still works for this run: the server was away, and took it for gone; "
            "waiting until it ends"
        )
        lock.acquire()
    try:
        yield
    finally:
        lock.release()
