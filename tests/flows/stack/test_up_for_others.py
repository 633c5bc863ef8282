"""`pawl up` for other machines: passwords, PostgreSQL and S3."""

import boto3
import httpx
import psutil
import psycopg2
import pytest
import yaml
from moto.server import ThreadedMotoServer

from configs.named_files import SHIPPED
from configs.yaml_file import read_yaml
from tests.servers.postgresql import create_database

pytestmark = pytest.mark.takes_minutes


@pytest.fixture(scope="module")
def bucket():
    """An empty bucket of an S3 store; as the settings by which MLflow uses it, and a client."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    url = "http://{}:{}".format(*server.get_host_and_port())
    keys = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_DEFAULT_REGION": "us-east-1"}  # fmt: skip
    client = boto3.client(
        "s3", endpoint_url=url, aws_access_key_id="key", aws_secret_access_key="secret",
        region_name="us-east-1",
    )  # fmt: skip
    client.create_bucket(Bucket="pawl")
    destination = {
        "MLFLOW_ARTIFACTS_DESTINATION": "s3://pawl/mlflow",
        "MLFLOW_S3_ENDPOINT_URL": url,
    }
    yield keys | destination, client
    server.stop()


@pytest.fixture(scope="module")
def shared(bring_up, postgresql_address, bucket):
    """A stack for other machines, on PostgreSQL and S3."""
    for name in ("up_prefect", "up_mlflow"):
        create_database(postgresql_address, name)
    stack = bring_up(
        "shared", "--no-deploy", "--workers", "0", "--host", "0.0.0.0", "--auth",
        PREFECT_SERVER_DATABASE_CONNECTION_URL=f"postgresql+asyncpg://{postgresql_address}/up_prefect",
        MLFLOW_BACKEND_STORE_URI=f"postgresql+psycopg2://{postgresql_address}/up_mlflow",
        **bucket[0],
    )  # fmt: skip
    stack.await_saying("Up. Ctrl-C stops everything")
    return stack


def test_servers_for_others_are_refused_without_passwords(run_pawl, tmp_path):
    printed = run_pawl("up", "--host", "0.0.0.0", home=tmp_path, cwd=tmp_path)
    assert printed.code == 1
    assert "--host 0.0.0.0: expected authentication" in printed.err


def test_whoever_comes_without_a_password_gets_401_from_both(shared):
    flows, experiments = "/flows/count", "/api/2.0/mlflow/experiments/search?max_results=1"
    assert httpx.post(f"{shared.prefect}{flows}").status_code == 401
    assert httpx.get(f"{shared.mlflow}{experiments}").status_code == 401
    wrong = ("pawl", "guess")
    assert httpx.post(f"{shared.prefect}{flows}", auth=wrong).status_code == 401
    assert httpx.get(f"{shared.mlflow}{experiments}", auth=wrong).status_code == 401
    told = shared.settings
    mlflow = (told["MLFLOW_TRACKING_USERNAME"], told["MLFLOW_TRACKING_PASSWORD"])
    assert shared.request("POST", flows) == 0
    assert httpx.get(f"{shared.mlflow}{experiments}", auth=mlflow).status_code == 200


def test_passwords_are_only_where_the_owner_reads_them(shared):
    secrets = [
        shared.settings["MLFLOW_TRACKING_PASSWORD"],
        shared.settings["PREFECT_API_AUTH_STRING"],
    ]
    for process in psutil.process_iter():
        try:
            words = " ".join(process.cmdline())
        except psutil.Error:
            continue
        assert not any(secret in words for secret in secrets)
    for path in (shared.home / "stack").rglob("*"):
        if path.is_file() and any(
            secret in path.read_bytes().decode("latin1") for secret in secrets
        ):
            assert path.stat().st_mode & 0o077 == 0, path


def test_a_lifecycle_runs_with_both_servers_on_postgresql_and_evidence_on_s3(
    shared, run_pawl, tmp_path, postgresql_address, bucket
):
    demo = read_yaml(SHIPPED / "lifecycles" / "demo.yaml")
    demo |= {"quantizations": [], "name": "small", "guard_tasks": []}
    demo["data"] |= {"train_documents": 8, "validation_documents": 2, "test_documents": 12}
    demo["lora"] |= {"epochs": 1, "batch_size": 8}
    demo["gate"] |= {"candidates": ["fine-tuned"], "resamples": 1000, "floors": []}
    demo["gate"] |= {"comparisons": [{"metric": "micro_f1", "margin": 0.05}]}
    demo["gate"] |= {"preflight": {"action": "warn"}, "readable_references": {"action": "warn"}}
    demo["baseline"] = {"kind": "local", "source": "pawl://tiny-clinical"}
    (tmp_path / "small.yaml").write_text(yaml.safe_dump(demo))
    printed = run_pawl("run", tmp_path / "small.yaml", home=shared.home, cwd=tmp_path)
    assert printed.code == 0, printed.err[-3000:]
    assert "Outcome: " in printed.out
    assert not (shared.home / "mlflow.db").exists()
    assert rows(postgresql_address, "up_prefect", "SELECT state_type FROM flow_run") == [
        ("COMPLETED",)
    ]
    model = demo["registry"]["model_name"]
    found = rows(postgresql_address, "up_mlflow", "SELECT name, version FROM model_versions")
    assert (model, 1) in found
    kept = [one["Key"] for one in bucket[1].list_objects_v2(Bucket="pawl")["Contents"]]
    assert any(key.endswith("decision.json") for key in kept), kept


def rows(address, database, query):
    connection = psycopg2.connect(f"postgresql://{address}/{database}")
    try:
        with connection.cursor() as cursor:
            cursor.execute(query)
            return cursor.fetchall()
    finally:
        connection.close()


def test_down_stops_the_stack_of_the_home(shared, run_pawl, tmp_path):
    printed = run_pawl("down", home=shared.home, cwd=tmp_path)
    assert f"Stopped the stack on {shared.home}." in printed.out.replace("\n", "")
    assert shared.process.wait(10) == 0
    assert not shared.processes()
    again = run_pawl("down", home=shared.home, cwd=tmp_path)
    assert "No stack runs on" in again.out
