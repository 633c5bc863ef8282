"""The server that tests share starts, survives SIGKILL and keeps what it knew."""


def test_server_killed_and_started_again_remembers_its_flows(own_prefect_server):
    server = own_prefect_server().start()
    made = server.request("POST", "/flows/", json={"name": "kept"})
    server.kill()
    assert not server._answers()
    server.start()
    assert server.request("GET", "/flows/name/kept")["id"] == made["id"]
