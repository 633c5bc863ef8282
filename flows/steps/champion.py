"""Step 5a: who is champion now, so that candidates are held against it and nothing else."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict

from configs.errors import RegistryError
from configs.lifecycle import RegistryConfig
from flows.home import model_store
from flows.steps.step_state import step
from registry.alias_ledger import read_ledger


class FoundChampion(BaseModel):
    """The champion at one moment; `weights_digest` and `directory` are None if there is none."""

    model_config = ConfigDict(frozen=True)

    head: int
    """Ledger entry in effect, 0 for none: a promotion decided against it must follow it."""
    weights_digest: str | None = None
    directory: Path | None = None

    def unless_among(self, known: set[str]) -> dict[str, tuple[Path, str]]:
        """Directory and digest as `{"champion": ...}`; empty when its bytes are among `known`.

        Then it is one of the run's own candidates, and compared with itself it would say nothing.
        """
        if self.directory is None or self.weights_digest is None or self.weights_digest in known:
            return {}
        return {"champion": (self.directory, self.weights_digest)}


def registry_may_come_back(task: object, run: object, state: object) -> bool:
    """Whether a retry can help: the registry was unreachable, rather than refusing."""
    result = state.result(raise_on_failure=False)  # type: ignore[attr-defined]
    return isinstance(result, RegistryError) and "unreachable" in result.problem


@step(
    name="find champion",
    task_run_name="find champion of {registry.model_name}",
    retries=2,
    retry_delay_seconds=5,
    retry_condition_fn=registry_may_come_back,
)
def find_champion(registry: RegistryConfig) -> FoundChampion:
    """The champion that the ledger puts in production.

    Raises:
        RegistryError: when MLflow is unreachable, or the ledger was tampered with.
    """
    store = model_store()
    state = read_ledger(store, registry.model_name, registry.alias)
    if state.version is None:
        return FoundChampion(head=state.head_number)
    record = store.version(registry.model_name, state.version)
    return FoundChampion(
        head=state.head_number,
        weights_digest=record.weights_digest,
        directory=record.weights_directory,
    )
