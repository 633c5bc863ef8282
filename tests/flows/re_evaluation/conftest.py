"""Champions that were registered without training, and re-evaluations on a real Prefect server."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from prefect.settings import PREFECT_API_URL, temporary_settings

from configs.canonical_json import digest_json
from configs.lifecycle import LifecycleConfig
from configs.named_files import SHIPPED
from configs.yaml_file import read_yaml
from registry.digests import digest_directory
from registry.promotion import PromotionPlan, promote_version
from registry.store import ModelStore

TINY = SHIPPED / "models" / "tiny-clinical"


def nudge(directory, by):
    """Change one tensor of a checkpoint a little: other bytes, nearly the same answers."""
    from safetensors.torch import load_file, save_file

    path = directory / "model.safetensors"
    tensors = load_file(path)
    before = tensors["model.norm.weight"]
    tensors["model.norm.weight"] = before + by
    assert not tensors["model.norm.weight"].equal(before), "lost in rounding"
    save_file(tensors, path, metadata={"format": "pt"})


@dataclass
class Workplace:
    """A home of one's own with its registry, a task, and base weights that can be changed."""

    directory: Path

    @property
    def home(self):
        return self.directory / "home"

    @property
    def store(self):
        return ModelStore(f"sqlite:///{self.home / 'mlflow.db'}", self.home / "mlartifacts")

    @property
    def task(self):
        return self.directory / "notes.yaml"

    def base(self, name="base", nudged_by=0.0):
        """Source of base weights of this name, and their digest."""
        directory = self.directory / name
        if not directory.exists():
            shutil.copytree(TINY, directory)
        if nudged_by:
            nudge(directory, nudged_by)
        return f"file://{directory}", digest_directory(directory).digest

    def recipe(self, model="notes", base="base", documents=30, **registry):
        """A lifecycle so small that it takes seconds; `documents` are tested."""
        demo = read_yaml(SHIPPED / "lifecycles" / "demo.yaml")
        demo |= {"name": "small", "quantizations": [], "guard_tasks": [], "task": str(self.task)}
        demo["base_model"] = {"source": self.base(base)[0]}
        demo["data"] |= {"train_documents": 24, "validation_documents": 4}
        demo["data"]["test_documents"] = documents
        demo["lora"] |= {"epochs": 1, "rank": 8, "checkpoints": 1}
        demo["evaluation"] = {"batch_size": 64}
        demo["baseline"] = {"kind": "local", "source": "pawl://tiny-clinical"}
        demo["gate"] = {
            "candidates": ["fine-tuned"], "resamples": 1000, "preflight": {"action": "warn"},
            "readable_references": {"action": "warn"},
            "comparisons": [{"metric": "micro_f1", "margin": 0.05}],
        }  # fmt: skip
        demo["registry"] = {"model_name": model, **registry}
        return LifecycleConfig.model_validate(demo)

    def champion(self, model="notes", base="base", weights=TINY, documents=30, **registry):
        """Register a champion with the evidence it would have."""
        from flows.evidence_facts import facts_now

        config = self.recipe(model, base, documents, **registry)
        source, digest = self.base(base)
        recipe = config.model_dump(mode="json")
        lineage = {
            "base_source": source, "data_digest": "sha256:data", "adapter_digest": "sha256:a",
            "lifecycle": config.name, "config_digest": digest_json(recipe), "training_run": "none",
            **facts_now(config, digest).tags,
        }  # fmt: skip
        plan = PromotionPlan(
            model=model, alias=config.registry.alias, candidate="fine-tuned",
            weights_directory=weights, kept_directory=self.home / "models", lineage=lineage,
            recipe=recipe, metrics={}, attachments=(), actor="ada", reasons=("better",),
            decision={"outcome": "promote", "promoted": "fine-tuned", "about": model},
        )  # fmt: skip
        return promote_version(self.store, plan)


@pytest.fixture
def workplace(migrated_database, tmp_path, monkeypatch):
    for name in [n for n in os.environ if n.startswith(("PAWL_", "MLFLOW_"))]:
        monkeypatch.delenv(name)
    place = Workplace(tmp_path)
    place.home.mkdir()
    shutil.copy(migrated_database, place.home / "mlflow.db")
    place.task.write_text((SHIPPED / "tasks" / "clinical-notes.yaml").read_text())
    monkeypatch.setenv("PAWL_HOME", str(place.home))
    return place


@pytest.fixture
def on_prefect(prefect_server):
    """This process talks to the shared server."""
    with temporary_settings({PREFECT_API_URL: prefect_server.api_url}):
        yield prefect_server


@pytest.fixture
def re_evaluated(workplace, on_prefect):
    """Run the flow here; returns its final state."""
    from flows.deployed.re_evaluate import re_evaluate
    from flows.requests.re_evaluate import ReEvaluateRequest

    def run(**request):
        return re_evaluate(ReEvaluateRequest(**request), return_state=True)

    return run


@pytest.fixture
def run_in_state(on_prefect):
    """Ids of flow runs that are in some state on the server."""
    from prefect import flow
    from prefect.client.orchestration import get_client
    from prefect.states import State

    @flow(name="stand-in for a holder of claims")
    def held():
        """Never runs."""

    def make(state_type):
        with get_client(sync_client=True) as client:
            run = client.create_flow_run(held, state=State(type=state_type))
        return str(run.id)

    return make


def edit_task(place, **changes):
    place.task.write_text(yaml.safe_dump(read_yaml(place.task) | changes))
