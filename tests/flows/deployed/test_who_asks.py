"""Under four eyes a run must say who asks, before a teacher is paid or a trial is trained."""

from types import SimpleNamespace

import pytest
import yaml

from configs.errors import ConfigError
from configs.named_files import SHIPPED
from configs.yaml_file import read_yaml
from flows import requester as asking
from flows.deployed import distill as distilling
from flows.deployed import sweep as sweeping
from flows.requests.distill import DistillRequest
from flows.requests.sweep import SweepRequest


class Worked(Exception):
    """Something was computed."""


def works(*_, **__):
    raise Worked


@pytest.fixture(autouse=True)
def from_a_form(monkeypatch):
    """A deployment's run, whose first work is an exception."""
    runtime = SimpleNamespace(
        deployment=SimpleNamespace(id="d"), flow_run=SimpleNamespace(name="brave-otter")
    )
    monkeypatch.setattr(asking, "runtime", runtime)
    monkeypatch.setattr(distilling, "teach", works)
    monkeypatch.setattr(sweeping, "prepare", works)


@pytest.fixture
def approved_by_another(tmp_path):
    """A shipped distillation or sweep whose lifecycle asks for a second person; returns its path."""

    def write(folder, name):
        content = read_yaml(SHIPPED / folder / f"{name}.yaml")
        lifecycle = read_yaml(SHIPPED / "lifecycles" / f"{content['lifecycle']}.yaml")
        lifecycle["gate"] |= {"approval": {}}
        (tmp_path / "asking.yaml").write_text(yaml.safe_dump(lifecycle))
        path = tmp_path / f"{name}.yaml"
        path.write_text(yaml.safe_dump(content | {"lifecycle": str(tmp_path / "asking.yaml")}))
        return str(path)

    return write


def test_a_distillation(approved_by_another):
    path = approved_by_another("distillations", "clinical-notes-from-champion")
    with pytest.raises(ConfigError, match="Say who asks"):
        distilling.distill.fn(DistillRequest(distillation=path))
    with pytest.raises(Worked):
        distilling.distill.fn(DistillRequest(distillation=path, requested_by="ada"))


def test_a_sweep_that_goes_to_the_gate(approved_by_another):
    path = approved_by_another("sweeps", "demo-lora")
    with pytest.raises(ConfigError, match="Say who asks"):
        sweeping.sweep.fn(SweepRequest(sweep=path))
    for request in ({"requested_by": "ada"}, {"gate_the_best": False}):
        with pytest.raises(Worked):
            sweeping.sweep.fn(SweepRequest(sweep=path, **request))
