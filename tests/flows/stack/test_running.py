import os
import subprocess
import sys

import pytest

from configs.errors import StackError
from flows.home import use_running_stack
from flows.stack.running import only_stack, parse_environment, running_stack, tell_addresses

ADDRESSES = {
    "PREFECT_API_URL": "http://127.0.0.1:4200/api",
    "PREFECT_API_AUTH_STRING": 'pawl:it\'s a "secret" $HOME',
    "MLFLOW_TRACKING_URI": "http://127.0.0.1:5000",
    "MLFLOW_TRACKING_PASSWORD": "p",
}


@pytest.fixture
def environment(monkeypatch, tmp_path):
    """No settings of servers, and a home without a stack."""
    for name in [name for name in os.environ if name.startswith(("PREFECT_", "MLFLOW_", "PAWL_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(os, "environ", os.environ.copy())
    monkeypatch.chdir(tmp_path)
    os.environ |= {"PAWL_HOME": str(tmp_path / "home"), "HOME": str(tmp_path)}
    return os.environ


@pytest.fixture
def stack(environment, tmp_path):
    """A stack that holds the home in another process, as far as others can tell."""
    code = (
        "import sys, pathlib, flows.stack.running as r\n"
        f"home, addresses = pathlib.Path({str(tmp_path / 'home')!r}), {ADDRESSES!r}\n"
        "with r.only_stack(home):\n"
        "    r.tell_addresses(home, addresses)\n"
        "    print('up', flush=True)\n"
        "    sys.stdin.read()\n"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout.readline() == "up\n"
    yield holder
    holder.kill()
    holder.communicate()


def settings(environment):
    return {name: environment.get(name) for name in ADDRESSES}


def test_later_commands_of_the_home_use_its_stack(environment, stack, tmp_path):
    assert running_stack(tmp_path / "home").pid == stack.pid
    use_running_stack()
    assert settings(environment) == ADDRESSES


def test_without_a_stack_nothing_is_set(environment):
    use_running_stack()
    assert not any(settings(environment).values())


def test_a_stack_that_was_killed_is_not_used(environment, stack, tmp_path):
    stack.kill()
    stack.wait()
    assert (tmp_path / "home" / "stack" / "environment").exists()
    use_running_stack()
    assert not any(settings(environment).values())


def test_a_stack_that_ended_leaves_no_addresses(environment, stack, tmp_path):
    stack.communicate("")
    assert not (tmp_path / "home" / "stack" / "environment").exists()
    assert running_stack(tmp_path / "home") is None


def test_another_prefect_that_the_user_chose_gets_none_of_our_passwords(environment, stack):
    environment["PREFECT_API_URL"] = "https://prefect.example/api"
    use_running_stack()
    assert environment["PREFECT_API_URL"] == "https://prefect.example/api"
    assert "PREFECT_API_AUTH_STRING" not in environment
    assert environment["MLFLOW_TRACKING_URI"] == ADDRESSES["MLFLOW_TRACKING_URI"]


def test_another_mlflow_that_the_user_chose_gets_none_of_our_passwords(environment, stack):
    environment["MLFLOW_TRACKING_URI"] = "sqlite:///mine.db"
    use_running_stack()
    assert environment["MLFLOW_TRACKING_URI"] == "sqlite:///mine.db"
    assert "MLFLOW_TRACKING_PASSWORD" not in environment


@pytest.mark.parametrize("active", ["team", "local"])
def test_a_server_of_the_active_prefect_profile_is_left_alone(environment, stack, tmp_path, active):
    (tmp_path / ".prefect").mkdir()
    (tmp_path / ".prefect" / "profiles.toml").write_text(
        f'active = "{active}"\n[profiles.local]\n'
        '[profiles.team]\nPREFECT_API_URL = "https://prefect.example/api"\n'
    )
    use_running_stack()
    assert ("PREFECT_API_URL" in environment) == (active == "local")


def test_a_server_named_in_prefect_toml_is_left_alone(environment, stack, tmp_path):
    (tmp_path / "prefect.toml").write_text('[api]\nurl = "https://prefect.example/api"\n')
    use_running_stack()
    assert "PREFECT_API_URL" not in environment


def test_two_stacks_on_one_home_are_refused_by_name(stack, tmp_path):
    message = f"got one of process {stack.pid}. Use that one"
    with pytest.raises(StackError, match=message), only_stack(tmp_path / "home"):
        raise AssertionError("a second stack began")


def test_addresses_are_kept_from_others_and_a_shell_reads_them(tmp_path):
    (tmp_path / "stack").mkdir()
    path = tell_addresses(tmp_path, ADDRESSES)
    assert path.stat().st_mode & 0o777 == 0o600
    assert parse_environment(path.read_text()) == ADDRESSES
    shown = subprocess.run(
        ["sh", "-c", f". {path}; printenv PREFECT_API_AUTH_STRING"], capture_output=True, text=True
    )
    assert shown.stdout.strip() == ADDRESSES["PREFECT_API_AUTH_STRING"]
