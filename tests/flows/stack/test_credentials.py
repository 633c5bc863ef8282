import pytest

from configs.errors import StackError
from flows.stack.credentials import credentials


@pytest.fixture
def path(tmp_path):
    return tmp_path / "credentials.json"


def test_they_are_made_once_and_only_their_owner_reads_them(path):
    made = credentials(path, {})
    assert path.stat().st_mode & 0o777 == 0o600
    assert credentials(path, {}) == made
    assert len({made.prefect, made.mlflow_password, made.mlflow_secret_key}) == 3


def test_what_the_user_set_wins_and_is_not_written_down(path):
    given = {"PREFECT_SERVER_API_AUTH_STRING": "team:own", "MLFLOW_AUTH_ADMIN_PASSWORD": "theirs"}
    found = credentials(path, given)
    assert (found.prefect, found.mlflow_password) == ("team:own", "theirs")
    assert "own" not in path.read_text()
    assert "theirs" not in path.read_text()


def test_a_file_that_others_may_read_is_refused(path):
    credentials(path, {})
    path.chmod(0o644)
    with pytest.raises(StackError, match="chmod 600"):
        credentials(path, {})


def test_a_damaged_file_is_named(path):
    path.touch(mode=0o600)
    with pytest.raises(StackError, match=r"credentials.json: expected the credentials"):
        credentials(path, {})
