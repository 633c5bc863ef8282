"""Metrics reach MLflow in order although it is away for a while."""

import pytest

from configs.errors import RegistryError
from flows.metric_buffer import MetricBuffer


class Mlflow:
    """Takes metrics while it is up."""

    def __init__(self):
        self.up, self.taken, self.asked = True, [], 0

    def send(self, metrics, step):
        self.asked += 1
        if not self.up:
            raise RegistryError("MLflow", "unreachable", "Start it.")
        self.taken.append((metrics["loss"], step))


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def mlflow():
    return Mlflow()


def test_an_outage_delays_metrics_and_loses_none(mlflow):
    clock, warnings = Clock(), []
    buffer = MetricBuffer(mlflow.send, warnings.append, clock)
    for step in range(100):
        clock.now += 1
        mlflow.up = not 10 <= step < 40
        buffer.log({"loss": float(step)}, step)
    assert mlflow.taken == [(float(step), step) for step in range(100)]
    assert len(warnings) == 1
    assert "unreachable" in warnings[0]


def test_attempts_in_an_outage_become_rare(mlflow):
    clock = Clock()
    buffer = MetricBuffer(mlflow.send, lambda line: None, clock)
    mlflow.up = False
    for step in range(3600):
        clock.now += 1
        buffer.log({"loss": 0.0}, step)
    assert mlflow.asked < 20


def test_a_second_outage_is_told_too(mlflow):
    clock, warnings = Clock(), []
    buffer = MetricBuffer(mlflow.send, warnings.append, clock)
    for step, up in enumerate((False, True, False)):
        clock.now += 1000
        mlflow.up = up
        buffer.log({"loss": 0.0}, step)
    assert len(warnings) == 2


def test_the_end_waits_for_mlflow_and_gives_up_in_time(mlflow):
    buffer = MetricBuffer(mlflow.send, lambda line: None, Clock())
    mlflow.up = False
    buffer.log({"loss": 1.0}, 1)
    with pytest.raises(RegistryError, match="unreachable"):
        buffer.flush(wait_s=0)
    mlflow.up = True
    buffer.flush(wait_s=0)
    assert mlflow.taken == [(1.0, 1)]
