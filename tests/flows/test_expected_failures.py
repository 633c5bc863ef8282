import logging
import sys

import pytest

from configs.errors import DataError
from flows.expected_failures import ENGINE_LOGGERS, hide_tracebacks_of_expected_failures


def logged(name, error):
    """What a handler of Prefect's logger `name` would print of a failure."""
    hide_tracebacks_of_expected_failures()
    hide_tracebacks_of_expected_failures()
    logger = logging.getLogger(name)
    try:
        raise error
    except type(error):
        record = logger.makeRecord(
            name, logging.ERROR, __file__, 1, "failed: %s", (error,), sys.exc_info()
        )
    assert logger.filter(record)
    return logging.Formatter().format(record)


@pytest.mark.parametrize("name", ENGINE_LOGGERS)
def test_an_expected_failure_is_logged_without_a_traceback(name):
    text = logged(name, DataError("rows.jsonl line 3", "expected JSON", "Correct it."))
    assert text == "failed: rows.jsonl line 3: expected JSON. Correct it."


@pytest.mark.parametrize("name", ENGINE_LOGGERS)
def test_a_programming_mistake_keeps_its_traceback(name):
    assert "Traceback" in logged(name, ZeroDivisionError("oops"))
