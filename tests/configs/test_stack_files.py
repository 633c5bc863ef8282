"""The compose file and the Kubernetes manifests, as far as they can be checked without a cluster."""

import re
import shutil
import subprocess
from pathlib import Path

import kubernetes_validate
import pytest
import yaml

import configs

STACK = Path(configs.__file__).parent / "stack"
ROOT = Path(configs.__file__).parent.parent


@pytest.fixture(scope="module")
def compose():
    return yaml.safe_load((STACK / "compose.yaml").read_text())


@pytest.fixture(scope="module")
def manifests(tmp_path_factory):
    """What kustomize makes of the directory once the secrets are filled in."""
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl, which holds kustomize, is not installed")
    directory = tmp_path_factory.mktemp("kustomize") / "kubernetes"
    shutil.copytree(STACK / "kubernetes", directory)
    for name in ("secrets", "clients"):
        shutil.copy(directory / f"{name}.example.env", directory / f"{name}.env")
    made = subprocess.run(
        ["kubectl", "kustomize", directory], capture_output=True, text=True, check=True
    )
    return list(yaml.safe_load_all(made.stdout))


def pods(manifests):
    return {
        one["metadata"]["name"]: one["spec"]["template"]["spec"]
        for one in manifests
        if one["kind"] in ("Deployment", "Job")
    }


def test_every_manifest_is_valid_for_the_kubernetes_api(manifests):
    assert {one["kind"] for one in manifests} >= {"Deployment", "Service", "Role", "Job"}
    for one in manifests:
        kubernetes_validate.validate(one, "1.32", strict=True)


def test_every_secret_config_and_claim_that_a_pod_names_exists(manifests):
    made = {(one["kind"], one["metadata"]["name"]) for one in manifests}
    text = [yaml.safe_dump(pod) for pod in pods(manifests).values()]
    for kind, pattern in (
        ("Secret", r"secretRef:\n\s+name: (\S+)"),
        ("ConfigMap", r"configMap(?:Ref)?:\n\s+name: (\S+)"),
        ("PersistentVolumeClaim", r"claimName: (\S+)"),
        ("ServiceAccount", r"serviceAccountName: (\S+)"),
    ):
        named = {name for pod in text for name in re.findall(pattern, pod)}
        assert named, kind
        assert {(kind, name) for name in named} <= made
    assert ("PersistentVolumeClaim", "pawl-home") in made  # of the base job template
    assert ("ServiceAccount", "pawl-run") in made


def test_no_pod_runs_as_root_and_only_the_worker_talks_to_the_cluster(manifests):
    for name, pod in pods(manifests).items():
        assert pod["securityContext"]["runAsNonRoot"], name
        assert pod.get("automountServiceAccountToken", True) == (name == "worker")
        for container in pod["containers"]:
            assert container["securityContext"]["allowPrivilegeEscalation"] is False


def test_both_servers_in_the_cluster_ask_for_a_password(manifests):
    [servers] = [one for one in manifests if one["metadata"]["name"] == "pawl-servers"]
    assert "PREFECT_SERVER_API_AUTH_STRING" in servers["data"]
    assert "MLFLOW_AUTH_ADMIN_PASSWORD" in servers["data"]
    assert "basic-auth" in pods(manifests)["mlflow"]["containers"][0]["command"]


def test_compose_starts_nothing_without_passwords(compose):
    services = compose["services"]
    for service, variable in (
        ("postgres", "POSTGRES_PASSWORD"),
        ("objects", "MINIO_ROOT_PASSWORD"),
        ("prefect", "PREFECT_SERVER_API_AUTH_STRING"),
        ("mlflow", "MLFLOW_AUTH_ADMIN_PASSWORD"),
    ):
        assert re.search(r"\$\{\w+:\?\}", services[service]["environment"][variable])
    assert "basic-auth" in services["mlflow"]["command"]


def test_compose_publishes_only_both_servers_and_on_loopback_unless_told(compose):
    published = {name: one["ports"] for name, one in compose["services"].items() if "ports" in one}
    assert set(published) == {"prefect", "mlflow"}
    assert all(port.startswith("${LISTEN_ON:-127.0.0.1}:") for [port] in published.values())


def test_compose_names_only_services_volumes_and_configs_that_it_has(compose):
    for name, service in compose["services"].items():
        assert set(service.get("depends_on", {})) <= set(compose["services"]), name
        for volume in service.get("volumes", []):
            made = volume.partition(":")[0] in compose["volumes"]
            assert made or volume.startswith("${OWN_CONFIGS:-./"), name
        for config in service.get("configs", []):
            assert config["source"] in compose["configs"], name


def test_deployments_and_runs_of_compose_find_the_teams_own_files_and_messages_go_out(compose):
    services = compose["services"]
    for service in ("deploy", "worker"):
        path = services[service]["environment"]["PAWL_CONFIGS"]
        assert any(volume.endswith(f":{path}:ro") for volume in services[service]["volumes"])
    assert "PAWL_WEBHOOK_URL" in services["deploy"]["environment"]


def test_the_example_of_settings_names_every_variable_of_compose(compose):
    text = (STACK / "compose.yaml").read_text()
    used = set(re.findall(r"\$\{(\w+)", text))
    told = re.findall(r"^(\w+)=", (STACK / "example.env").read_text(), re.MULTILINE)
    assert used == set(told)


def test_the_image_is_built_from_files_that_exist():
    for line in (STACK / "Dockerfile").read_text().splitlines():
        if line.startswith("COPY "):
            for source in line.split()[1:-1]:
                assert (ROOT / source).exists(), line


def test_filled_in_secrets_get_neither_into_an_image_nor_into_a_commit(tmp_path):
    from docker.utils import exclude_paths

    below = STACK.relative_to(ROOT)
    filled = [below / ".env", *(below / "kubernetes" / f"{n}.env" for n in ("secrets", "clients"))]
    examples = [path.relative_to(ROOT) for path in STACK.rglob("*example.env")]
    assert len(examples) == len(filled)
    for path in (*examples, *filled):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    patterns = [
        line
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line and not line.startswith("#")
    ]
    sent = exclude_paths(str(tmp_path), patterns)
    assert {str(path) for path in examples} <= sent
    assert not {str(path) for path in filled} & sent

    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    shutil.copy(STACK / ".gitignore", tmp_path / below)
    for path in filled:
        assert subprocess.run(["git", "check-ignore", "-q", path], cwd=tmp_path).returncode == 0


def test_the_image_has_the_drivers_authentication_and_workers_that_the_stack_needs():
    pinned = {line.partition("==")[0] for line in (ROOT / "requirements.lock").open()}
    assert pinned >= {
        "asyncpg", "psycopg2-binary", "boto3", "s3fs", "Flask-WTF", "prefect-docker",
        "prefect-kubernetes",
    }  # fmt: skip


def test_the_database_counts_as_healthy_only_once_its_databases_are_made(compose):
    # While it makes them, PostgreSQL's image listens on a socket file alone.
    assert "--host" in compose["services"]["postgres"]["healthcheck"]["test"]
