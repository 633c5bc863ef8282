import socket
from contextlib import contextmanager

import pytest

from flows.doctor.exposure import _own_addresses, reached_from_elsewhere


@contextmanager
def listening(host):
    """A socket that listens; yields the address by which this machine alone names it."""
    with socket.create_server((host, 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/api"


def test_a_server_on_loopback_is_reached_by_nobody_else():
    with listening("127.0.0.1") as url:
        assert reached_from_elsewhere(url) is None


@pytest.mark.skipif(not _own_addresses(), reason="this machine has no address but loopback")
def test_a_server_on_every_address_is_found_out_though_it_is_named_by_loopback():
    with listening("0.0.0.0") as url:
        assert reached_from_elsewhere(url) in _own_addresses()


@pytest.mark.parametrize("url", ["http://pawl.example:4200/api", "http://127.0.0.1/api"])
def test_other_machines_are_not_asked(url):
    assert reached_from_elsewhere(url) is None
