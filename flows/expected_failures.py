"""Expected failures reach the reader as one message, without the traceback that Prefect logs.

Does: strip the traceback from log records of a `PawlError`; its text says where, what and what next.
Does not: touch programming mistakes, whose traceback is the only clue.
"""

from __future__ import annotations

import logging

from configs.errors import PawlError

ENGINE_LOGGERS = ("prefect.flow_runs", "prefect.task_runs")


def without_traceback(record: logging.LogRecord) -> bool:
    """Logging filter: keep every record, but no traceback of an expected failure."""
    if record.exc_info and isinstance(record.exc_info[1], PawlError):
        record.exc_info = None
        record.exc_text = None
    return True


def hide_tracebacks_of_expected_failures() -> None:
    """Install the filter on the loggers of Prefect's engines; twice does no harm."""
    for name in ENGINE_LOGGERS:
        logging.getLogger(name).addFilter(without_traceback)
