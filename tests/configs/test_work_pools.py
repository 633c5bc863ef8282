"""The base job templates make jobs that Docker and Kubernetes take, rendered by Prefect's workers."""

import asyncio
import json
from pathlib import Path

import kubernetes_validate
import pytest
from prefect.client.schemas.objects import FlowRun
from prefect_docker.worker import DockerWorkerJobConfiguration
from prefect_kubernetes.worker import KubernetesWorkerJobConfiguration

import configs
from flows.stack.gpu_placement import place

TEMPLATES = Path(configs.__file__).parent / "work_pools"
KUBERNETES_VERSION = "1.32"
UNUSED_CLIENT = object()
"""The templates refer to no block or variable of a server, so none is asked; without this one is started."""


def rendered(configuration, pool_type, tags=()):
    template = json.loads((TEMPLATES / f"{pool_type}.json").read_text())
    variables = place(tags, pool_type).job_variables
    job = asyncio.run(
        configuration.from_template_and_values(template, variables, client=UNUSED_CLIENT)
    )
    job.prepare_for_flow_run(FlowRun(flow_id="0" * 32, name="sweep-3"))
    return job


@pytest.fixture(autouse=True)
def worker_environment(monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://mlflow:5000")
    monkeypatch.delenv("MLFLOW_TRACKING_USERNAME", raising=False)
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "of the worker")


def kubernetes_pod(*tags):
    job = rendered(KubernetesWorkerJobConfiguration, "kubernetes", tags)
    pod = job.job_manifest["spec"]["template"]["spec"]
    for ignored in ("completions", "parallelism"):
        del pod[ignored]  # Prefect insists on them here, where Kubernetes ignores them
    kubernetes_validate.validate(job.job_manifest, KUBERNETES_VERSION, strict=True)
    return pod


def test_a_run_without_gpu_asks_kubernetes_for_none():
    pod = kubernetes_pod()
    [container] = pod["containers"]
    assert "nvidia.com/gpu" not in container["resources"]["limits"]
    assert "nodeSelector" not in pod
    assert "tolerations" not in pod


def test_a_run_on_four_gpus_of_a_kind_goes_to_nodes_that_have_them():
    pod = kubernetes_pod("pawl", "gpu:h100:4")
    [container] = pod["containers"]
    assert container["resources"]["limits"]["nvidia.com/gpu"] == 4
    assert pod["nodeSelector"] == {"pawl/gpu": "h100"}
    assert pod["tolerations"] == [
        {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}
    ]


def test_every_kubernetes_run_shares_one_home_and_gets_passwords_from_a_secret():
    pod = kubernetes_pod()
    [container] = pod["containers"]
    environment = {one["name"]: one["value"] for one in container["env"]}
    assert environment["MLFLOW_TRACKING_URI"] == "http://mlflow:5000"
    assert "of the worker" not in json.dumps(pod)
    assert container["envFrom"] == [{"secretRef": {"name": "pawl-clients", "optional": True}}]
    mounted = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    assert mounted["home"] == environment["PAWL_HOME"]
    claims = [volume.get("persistentVolumeClaim") for volume in pod["volumes"]]
    assert {"claimName": "pawl-home"} in claims


def test_a_pod_told_to_go_has_its_run_scheduled_again():
    pod = kubernetes_pod()
    environment = {one["name"]: one["value"] for one in pod["containers"][0]["env"]}
    assert environment["PREFECT_FLOW_RUN_EXECUTE_SIGTERM_BEHAVIOR"] == "reschedule"


@pytest.mark.parametrize(
    ("configuration", "pool_type"),
    [(KubernetesWorkerJobConfiguration, "kubernetes"), (DockerWorkerJobConfiguration, "docker")],
)
def test_what_a_deployment_adds_to_the_environment_keeps_the_templates_own(
    configuration, pool_type
):
    template = json.loads((TEMPLATES / f"{pool_type}.json").read_text())
    job = asyncio.run(
        configuration.from_template_and_values(template, {"env": {"A": "b"}}, client=UNUSED_CLIENT)
    )
    job.prepare_for_flow_run(FlowRun(flow_id="0" * 32, name="sweep-3"))
    environment = job.env
    if pool_type == "kubernetes":
        [container] = job.job_manifest["spec"]["template"]["spec"]["containers"]
        environment = {one["name"]: one["value"] for one in container["env"]}
    assert environment["A"] == "b"
    assert environment["PAWL_HOME"] == "/var/lib/pawl"


def test_a_docker_run_gets_the_workers_addresses_and_its_gpus():
    from docker.types import HostConfig

    job = rendered(DockerWorkerJobConfiguration, "docker", ["gpu:a100:2"])
    assert job.image == "pawl:latest"
    assert job.env["MLFLOW_TRACKING_URI"] == "http://mlflow:5000"
    assert job.env["MLFLOW_TRACKING_PASSWORD"] == "of the worker"
    assert not job.env["MLFLOW_TRACKING_USERNAME"]
    assert job.volumes == ["pawl_home:/var/lib/pawl"]
    taken = HostConfig(version="1.45", **job.container_create_kwargs)
    [request] = taken["DeviceRequests"]
    assert (request["Count"], request["Capabilities"]) == (2, [["gpu"]])


@pytest.mark.parametrize("pool_type", ["process", "docker", "kubernetes"])
def test_every_variable_that_a_template_declares_is_used_and_the_reverse(pool_type):
    from prefect.utilities.templating import find_placeholders

    template = json.loads((TEMPLATES / f"{pool_type}.json").read_text())
    used = {found.name for found in find_placeholders(template["job_configuration"])}
    assert used == set(template["variables"]["properties"])


@pytest.mark.parametrize("pool_type", ["process", "docker", "kubernetes"])
def test_a_server_takes_every_template(pool_type):
    from prefect.server.schemas.actions import WorkPoolCreate

    template = json.loads((TEMPLATES / f"{pool_type}.json").read_text())
    WorkPoolCreate(name="pool", type=pool_type, base_job_template=template)
