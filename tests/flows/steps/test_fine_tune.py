"""Two runs that would train the same: one after the other."""

import logging
import threading
import time

import pytest

from flows.steps import fine_tune
from flows.steps.fine_tune import _only_one


@pytest.fixture(autouse=True)
def own_home(tmp_path, monkeypatch):
    monkeypatch.setenv("PAWL_HOME", str(tmp_path))
    monkeypatch.setattr(fine_tune, "get_run_logger", lambda: logging.getLogger("test"))


def test_the_second_waits_and_says_so(caplog):
    caplog.set_level(logging.INFO)
    order, inside = [], threading.Event()

    def second():
        with _only_one("same"):
            order.append("second")

    waiting = threading.Thread(target=second)
    with _only_one("same"):
        waiting.start()
        deadline = time.monotonic() + 30
        while "another run trains the same" not in caplog.text and time.monotonic() < deadline:
            inside.wait(0.05)
        order.append("first")
    waiting.join(30)
    assert order == ["first", "second"]
    assert "another run trains the same" in caplog.text


def test_different_trainings_do_not_wait_and_a_failure_lets_go():
    with _only_one("one"), _only_one("other"):
        pass
    with pytest.raises(ValueError, match="no"), _only_one("one"):
        raise ValueError("no")
    with _only_one("one"):
        pass
