import pytest

from configs.errors import ConfigError
from configs.stack import StackConfig
from flows.stack.credentials import Credentials
from flows.stack.plan import PASSWORD_OF_JOBS, plan_stack

SECRETS = Credentials(
    prefect="pawl:sesame", mlflow_user="admin", mlflow_password="hunter2", mlflow_secret_key="k"
)


@pytest.fixture
def plan(tmp_path):
    def make(given=None, credentials=None, **settings):
        return plan_stack(StackConfig(**settings), tmp_path, given or {}, credentials)

    return make


def programs(plan):
    return {one.name: one for one in (*plan.servers, *plan.workers, plan.deploy) if one}


def test_servers_that_others_reach_are_refused_without_passwords(plan):
    with pytest.raises(ConfigError, match=r"--host 0.0.0.0: .* Add --auth"):
        plan(host="0.0.0.0")


def test_no_password_is_on_a_command_line(plan):
    for one in programs(plan(credentials=SECRETS, host="0.0.0.0", auth=True)).values():
        assert not any("sesame" in word or "hunter2" in word for word in one.command)


def test_leases_of_gpu_slots_outlive_the_server(plan):
    leases = programs(plan())["prefect"].environment["PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE"]
    assert leases.endswith(".filesystem")


def test_the_task_run_recorder_is_never_told_to_spin(plan):
    environment = programs(plan())["prefect"].environment
    name = "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL"
    assert int(environment[name]) >= 1


def test_pages_of_others_may_not_use_the_servers(plan):
    found = programs(plan(prefect_port=4300, mlflow_port=5300))
    origins = found["prefect"].environment["PREFECT_SERVER_API_CORS_ALLOWED_ORIGINS"]
    assert origins.split(",") == ["http://127.0.0.1:4300", "http://localhost:4300"]
    hosts = found["mlflow"].environment["MLFLOW_SERVER_ALLOWED_HOSTS"]
    assert hosts.split(",") == ["127.0.0.1:5300", "localhost:5300"]


def test_databases_that_the_user_names_replace_the_embedded_ones(plan):
    given = {
        "PREFECT_SERVER_DATABASE_CONNECTION_URL": "postgresql+asyncpg://db/prefect",
        "MLFLOW_BACKEND_STORE_URI": "postgresql+psycopg2://db/mlflow",
        "MLFLOW_ARTIFACTS_DESTINATION": "s3://bucket/mlflow",
    }
    found = programs(plan(given))
    prefect = found["prefect"].environment
    mlflow = found["mlflow"].environment
    assert given.items() <= {**prefect, **mlflow}.items()
    assert "MLFLOW_DEFAULT_ARTIFACT_ROOT" not in mlflow  # clients reach the bucket through MLflow


def test_passwords_of_the_servers_get_neither_to_workers_nor_into_their_jobs(plan):
    given = {
        "PREFECT_SERVER_DATABASE_CONNECTION_URL": "postgresql+asyncpg://pawl:hunter2@db/prefect",
        "PREFECT_API_DATABASE_PASSWORD": "hunter2",
        "PREFECT_SERVER_API_AUTH_STRING": "pawl:sesame",
        "MLFLOW_BACKEND_STORE_URI": "postgresql+psycopg2://pawl:hunter2@db/mlflow",
        "MLFLOW_AUTH_ADMIN_PASSWORD": "hunter2",
        "AWS_PROFILE": "of the runs",
    }
    found = programs(plan(given, SECRETS, auth=True))
    for name in ("worker-0", "deploy"):
        environment = dict(found[name].environment)
        assert environment["AWS_PROFILE"] == "of the runs"
        # What a client cannot do without.
        assert environment.pop("PREFECT_API_AUTH_STRING") == "pawl:sesame"
        assert environment.pop("MLFLOW_TRACKING_PASSWORD") == "hunter2"
        assert not [value for value in environment.values() if "hunter2" in value]
        assert not [value for value in environment.values() if "sesame" in value]


def test_jobs_in_a_cluster_have_the_password_from_a_secret_of_it_or_are_refused(plan):
    cluster = {"pool_type": "kubernetes", "auth": True}
    named = dict.fromkeys(PASSWORD_OF_JOBS, "pawl-clients")
    with pytest.raises(ConfigError, match=r"everybody who may read jobs reads the password"):
        plan(named | {PASSWORD_OF_JOBS[0]: ""}, SECRETS, **cluster)
    assert plan(named, SECRETS, **cluster).workers
    assert not plan({}, SECRETS, workers=0, **cluster).workers


def test_artifacts_stay_readable_without_a_server_while_nobody_else_uses_it(plan, tmp_path):
    local = programs(plan())["mlflow"].environment
    assert local["MLFLOW_DEFAULT_ARTIFACT_ROOT"] == (tmp_path / "mlartifacts").as_uri()
    shared = programs(plan(credentials=SECRETS, host="0.0.0.0", auth=True))["mlflow"].environment
    assert "MLFLOW_DEFAULT_ARTIFACT_ROOT" not in shared


def test_an_address_of_the_callers_shell_does_not_lead_workers_elsewhere(plan):
    given = {"PREFECT_API_URL": "https://other/api", "MLFLOW_TRACKING_URI": "http://other"}
    assert "MLFLOW_TRACKING_URI" not in programs(plan(given))["mlflow"].environment
    worker = programs(plan(given))["worker-0"].environment
    assert worker["PREFECT_API_URL"] == "http://127.0.0.1:4200/api"
    assert worker["MLFLOW_TRACKING_URI"] == "http://127.0.0.1:5000"


def test_every_worker_has_a_name_and_the_pools_template(plan):
    workers = plan(workers=3, pool="gpus", pool_type="docker", runs_per_worker=2).workers
    names = [one.command[one.command.index("--name") + 1] for one in workers]
    assert len(set(names)) == 3
    words = " ".join(workers[0].command)
    assert "--pool gpus --type docker --limit 2" in words
    assert words.endswith("work_pools/docker.json")


def test_workers_look_for_runs_every_few_seconds_unless_told_otherwise(plan):
    name = "PREFECT_WORKER_QUERY_SECONDS"
    assert plan().workers[0].environment[name] == "3"
    assert plan({name: "20"}).workers[0].environment[name] == "20"
