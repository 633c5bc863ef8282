"""An installation about which there is nothing to say."""

import pytest

from flows.automations.declared import PREFIX
from flows.doctor.facts import Facts, Home, KnownAutomation, Limit, Machine, Mlflow, Prefect
from flows.home import quiet_libraries

# As the command does: MLflow reads how much it may log when it is imported first.
quiet_libraries()


@pytest.fixture
def healthy():
    watching = KnownAutomation(
        f"{PREFIX}mark vanished runs", True, frozenset({"prefect.flow-run.heartbeat"}),
        proactive=True, within_s=90,
    )  # fmt: skip
    releasing = KnownAutomation(
        f"{PREFIX}re-evaluate", True, frozenset({"model.weights.released"}), runs_deployment=True
    )
    return Facts(
        machine=Machine(python=(3, 12), torch="2.13.0", torch_accelerator="cuda 13.0",
                        gpu_devices=("/dev/nvidia0",)),
        home=Home("/srv/pawl", chosen=True, free_bytes=400 * 10**9,
                  largest_weights_bytes=16 * 10**9),
        prefect=Prefect(
            api_url="https://prefect.example/api", client_version="3.8.8", heartbeat_s=30,
            server_version="3.8.8", needs_credentials=True, cors_origins="https://prefect.example",
            lease_storage="prefect.server.concurrency.lease_storage.filesystem",
            ui_url="https://prefect.example", bound_to="0.0.0.0", limits=(Limit("gpu", 1),),
            active_runs=1, automations=(watching, releasing), deployments=8, clock_ahead_s=0.0,
        ),
        mlflow=Mlflow(
            "https://mlflow.example", refuses_our_host=False, accepts_foreign_host=False,
            needs_credentials=True, clock_ahead_s=0.0,
        ),
    )  # fmt: skip
