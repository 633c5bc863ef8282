"""Keep lm_eval's log lines and progress bars off the terminal."""

from __future__ import annotations

import contextlib
import io
import logging
from collections.abc import Iterator


@contextlib.contextmanager
def quiet_lm_eval() -> Iterator[None]:
    """Drop what lm_eval and its bars write to the terminal; errors are raised, not written."""
    logger = logging.getLogger("lm_eval")
    level, propagates = logger.level, logger.propagate
    logger.setLevel(logging.CRITICAL)
    logger.propagate = False
    nowhere = io.StringIO()
    try:
        # Some bars have no switch, and some methods print.
        with contextlib.redirect_stderr(nowhere), contextlib.redirect_stdout(nowhere):
            yield
    finally:
        logger.setLevel(level)
        logger.propagate = propagates
