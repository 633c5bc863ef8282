"""Parts of `pawl up` that need no server."""

from types import SimpleNamespace

import pytest

from configs.errors import StackError
from configs.stack import StackConfig
from flows.stack import up as module
from flows.stack.kept_program import SLACK_S
from flows.stack.plan import SERVER_LIMITS, WORKER_LIMITS
from flows.stack.up import STOP_PATIENCE_S, need_free_port, run_stack


@pytest.fixture
def put_back(monkeypatch):
    """Pools whose left runs were looked for when a worker ended."""
    asked = []
    monkeypatch.setattr(module, "put_back", lambda api, pool, started: asked.append(pool) or 0)

    def settle(pool_type):
        plan = SimpleNamespace(client_environment={"PREFECT_API_URL": "http://127.0.0.1:1/api"})
        module._put_back(StackConfig(pool_type=pool_type), plan, {"here-0": 1.0})
        return asked

    return settle


def test_runs_of_a_process_pool_end_with_their_worker(put_back):
    assert put_back("process") == ["default"]


@pytest.mark.parametrize("pool_type", ["docker", "kubernetes"])
def test_containers_and_jobs_outlive_their_worker_and_are_left_alone(put_back, pool_type):
    assert put_back(pool_type) == []


def test_a_host_that_nobody_knows_is_named():
    with pytest.raises(StackError, match=r"--host no-such-host\.invalid: .* Correct it"):
        need_free_port("no-such-host.invalid", 4200, "--prefect-port")


def test_who_stops_a_stack_waits_as_long_as_it_may_take():
    longest_s = sum(
        limits.grace_s + 2 * limits.patience_s + SLACK_S
        for limits in (WORKER_LIMITS, SERVER_LIMITS)
    )
    assert longest_s <= STOP_PATIENCE_S


def test_nobody_else_reads_the_database_that_holds_secrets_of_blocks(monkeypatch, tmp_path):
    monkeypatch.setattr(module.Supervisor, "run", lambda *_, **__: None)
    monkeypatch.setattr(module, "need_free_port", lambda *_: None)
    (tmp_path / "prefect").mkdir(mode=0o755)
    run_stack(StackConfig(), tmp_path)
    assert (tmp_path / "prefect").stat().st_mode & 0o077 == 0
