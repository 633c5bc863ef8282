"""GPU slots: no more work on GPUs at once than the limit `gpu` on the Prefect server allows.

Does: hold slots of that global concurrency limit while work is done, and give them back however it
ends. Does not: create the limit (`pawl deploy` does) or choose a device; without the limit, or
outside a run, nothing waits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import ParamSpec, TypeVar

from prefect.client.orchestration import get_client
from prefect.concurrency.sync import concurrency
from prefect.context import FlowRunContext, TaskRunContext
from prefect.exceptions import ObjectNotFound
from prefect.logging import get_run_logger

from configs.errors import PrefectError
from configs.stack import GPU_LIMIT
from flows.server_outages import once_the_server_answers

LEASE_S = 120.0
"""How long slots stay taken after the process that holds them died. Renewed at three quarters."""

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

_held: ContextVar[bool] = ContextVar("gpu_slot_held", default=False)


@contextmanager
def gpu_slot(slots: int = 1) -> Iterator[None]:
    """Wait for slots of the limit `gpu`, hold them during the block.

    A block within a block takes none of its own, so that one run never waits for itself. When a
    lease cannot be renewed, because the server is away for long, the block goes on: work of hours is
    worth more than the limit being kept to the letter.

    Args:
        slots: GPUs that the block uses, at least 1.
    Raises:
        PrefectError: when the limit will never have as many.
    """
    if _held.get() or (FlowRunContext.get() or TaskRunContext.get()) is None:
        yield
        return
    allowed = once_the_server_answers(_allowed)
    if allowed is None:
        yield
        return
    if slots > allowed:
        raise PrefectError(
            f"concurrency limit {GPU_LIMIT}",
            f"expected at least the {slots} slots that are asked for, got {allowed}",
            f"Run `prefect gcl update {GPU_LIMIT} --limit {slots}`, or lower training.processes.",
        )
    logger = get_run_logger()
    logger.info("asking for %d of the %d slots of the limit %s", slots, allowed, GPU_LIMIT)
    failure: BaseException | None = None
    ended = False
    try:
        with concurrency(
            GPU_LIMIT,
            slots,
            lease_duration=LEASE_S,
            strict=True,
            raise_on_lease_renewal_failure=False,
        ):
            token = _held.set(True)
            try:
                yield
            except BaseException as error:
                failure = error
                raise
            finally:
                _held.reset(token)
                ended = True
    except Exception as error:
        if not ended or error is failure:
            raise
        logger.warning(
            "the slots of %s could not be given back (%s); their lease ends within %.0f s",
            GPU_LIMIT, error, LEASE_S,
        )  # fmt: skip
        if failure is not None:
            raise failure from None


def on_gpu(
    work: Callable[Arguments, Result], slots: int = 1
) -> Callable[Arguments, Result]:  # fmt: skip
    """The same work, done with slots held; for `StepCache.run`, so that reuse takes none.

    Args:
        work: what uses GPUs.
        slots: as of `gpu_slot`.
    """

    def holding(*arguments: Arguments.args, **named: Arguments.kwargs) -> Result:
        with gpu_slot(slots):
            return work(*arguments, **named)

    return holding


def _allowed() -> int | None:
    """Slots that the limit has in all; None when there is no such limit, or it is switched off."""
    with get_client(sync_client=True) as client:
        try:
            limit = client.read_global_concurrency_limit_by_name(GPU_LIMIT)
        except ObjectNotFound:
            return None
    return limit.limit if limit.active else None
