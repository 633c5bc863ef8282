import socket

import pytest
from pydantic import ValidationError

from configs.stack import StackConfig, is_loopback


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_addresses_of_this_machine_alone_are_known(host):
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.3", "pawl.example"])
def test_addresses_that_others_reach_are_known(host):
    assert not is_loopback(host)


def test_on_every_address_processes_here_use_loopback_and_people_the_host_name():
    config = StackConfig(host="0.0.0.0", auth=True)
    assert config.local_url(4200) == "http://127.0.0.1:4200"
    assert config.public_url(4200) == f"http://{socket.gethostname()}:4200"


def test_on_every_address_of_ipv6_processes_here_use_its_loopback():
    assert StackConfig(host="::", auth=True).local_url(4200) == "http://[::1]:4200"


def test_the_address_that_people_use_is_among_the_accepted_ones():
    config = StackConfig(host="0.0.0.0", address="pawl.example", auth=True)
    assert "pawl.example:5000" in config.host_headers(5000)
    assert "http://pawl.example:5000" in config.origins(5000)


def test_addresses_of_ipv6_are_bracketed():
    assert StackConfig(host="::1").local_url(4200) == "http://[::1]:4200"


def test_two_servers_on_one_port_are_refused():
    with pytest.raises(ValidationError, match="prefect_port and mlflow_port are both 5000"):
        StackConfig(prefect_port=5000)
