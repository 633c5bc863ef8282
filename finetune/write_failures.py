"""A disk that cannot be written to, told apart from a mistake, whichever library reports it.

Does: turn the errors of Python, safetensors and torch into one PawlError. Does not: free space.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from configs.errors import PawlError

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
NOT_WRITABLE = (errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO)
# torch's own writer reports every failure as a RuntimeError with one of these in it.
TORCH_CANNOT_WRITE = ("PytorchStreamWriter", "inline_container", "No space left")


@contextmanager
def named_write_failures(where: str, kind: type[PawlError], action: str) -> Iterator[None]:
    """Let a block that writes fail with a `kind` of error that says so.

    Args:
        where: what is being written.
        action: what to do once there is space again.
    Raises:
        PawlError: a `kind`, when the disk is full or refuses to be written to; anything else that
            is raised in the block passes unchanged.
    """
    from safetensors import SafetensorError

    try:
        yield
    except (OSError, SafetensorError, RuntimeError) as error:
        reason = _reason(error)
        if reason is None:
            raise
        raise kind(where, f"expected to write it, but {reason}", action) from error


def _reason(error: Exception) -> str | None:
    if isinstance(error, RuntimeError):
        known = any(mark in str(error) for mark in TORCH_CANNOT_WRITE)
        return "the disk is full" if known else None
    # safetensors keeps the error number in its message only.
    number = getattr(error, "errno", None)
    if number in FULL or any(f"(os error {full})" in str(error) for full in FULL):
        return "the disk is full"
    if number in NOT_WRITABLE or any(f"(os error {no})" in str(error) for no in NOT_WRITABLE):
        return f"got: {error}"
    return None
