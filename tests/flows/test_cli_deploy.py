"""`pawl deploy` on the command line."""


def test_without_a_server_it_says_how_to_start_one(run_pawl, tmp_path):
    printed = run_pawl("deploy", home=tmp_path, cwd=tmp_path, PREFECT_HOME=str(tmp_path))
    assert printed.code == 1
    assert printed.err == (
        "pawl: PREFECT_API_URL: expected the address of a Prefect server, got none. Start one with "
        "`pawl up`, or set it.\n"
    )


def test_a_deployment_that_is_not_declared_is_named_before_anything_is_asked(run_pawl, tmp_path):
    printed = run_pawl(
        "deploy", "--only", "swep", home=tmp_path, cwd=tmp_path, PREFECT_HOME=str(tmp_path),
        PREFECT_API_URL="http://127.0.0.1:9/api",
    )  # fmt: skip
    assert printed.code == 1
    assert "--only: expected one of lifecycle, fine-tune, " in printed.err
    assert "got 'swep'" in printed.err
