"""A mistake in a file is said at once, by name, and starts no server."""

import pytest


@pytest.mark.parametrize(
    ("verb", "nearest"), [("distill", "clinical-notes-from-champion"), ("sweep", "demo-lora")]
)
def test_a_name_that_is_not_there_comes_with_the_nearest(pawl, tmp_path, verb, nearest):
    printed = pawl(verb, nearest[:-1])
    assert printed.code == 1
    assert f"Did you mean '{nearest}'?" in printed.err
    assert not (tmp_path / "home" / "prefect").exists()


@pytest.mark.parametrize("verb", ["distill", "sweep"])
def test_a_broken_file_is_named(pawl, tmp_path, verb):
    path = tmp_path / "broken.yaml"
    path.write_text("name: broken\nlifecycle: demo\n")
    printed = pawl(verb, path)
    assert printed.code == 1
    assert f"{path}:" in printed.err
    assert "missing" in printed.err
    assert not (tmp_path / "home" / "prefect").exists()
