"""A real browser, and Pawl on a server with its user interface."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from configs.named_files import SHIPPED
from configs.yaml_file import read_yaml

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
ARGUMENTS = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
"""For root in a container with little shared memory, where pages would crash."""
WAIT_MS = 60_000


@pytest.fixture
def page(tmp_path):
    """A page of Chromium; how it looks at the end is kept in last.png, what failed in it is printed."""
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine: install one to test the forms in a real browser")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        page = browser.new_page(viewport={"width": 1300, "height": 1300})
        page.set_default_timeout(WAIT_MS)
        page.on("console", lambda said: said.type == "error" and print("console:", said.text))
        page.on("response", lambda answer: answer.ok or print(answer.status, answer.url))
        yield page
        page.screenshot(path=tmp_path / "last.png", full_page=True)
        browser.close()


def quick_lifecycle():
    """The demo cut down: few documents, one quantization, the tiny base itself as the baseline."""
    quick = read_yaml(SHIPPED / "lifecycles" / "demo.yaml")
    quick |= {"name": "quick", "guard_tasks": [], "evaluation": {"batch_size": 64}}
    quick["data"] |= {"train_documents": 40, "validation_documents": 4, "test_documents": 40}
    quick["quantizations"] = [{"scheme": "fp8-dynamic"}]
    quick["baseline"] = {"kind": "local", "source": "pawl://tiny-clinical"}
    quick["gate"] = {
        "comparisons": [{"metric": "micro_f1", "margin": 0.05}],
        "resamples": 1000,
        "preflight": {"action": "warn"},
        "readable_references": {"action": "warn"},
    }
    quick["registry"] = {"model_name": "quick-extractor"}
    return quick


@pytest.fixture
def quick_configs(tmp_path):
    """A directory for PAWL_CONFIGS with the lifecycle `quick`."""
    directory = tmp_path / "configs"
    (directory / "lifecycles").mkdir(parents=True)
    (directory / "lifecycles" / "quick.yaml").write_text(yaml.safe_dump(quick_lifecycle()))
    return directory


@pytest.fixture
def deployed_pawl(own_prefect_server, quick_configs, tmp_path):
    """A server with user interface and what `pawl deploy` brings, run in an empty directory."""
    server = own_prefect_server(ui=True).start()
    workplace = tmp_path / "workplace"
    workplace.mkdir()
    server.home = tmp_path / "home"
    done = subprocess.run(
        [Path(sys.executable).with_name("pawl"), "deploy", "--only", "fine-tune"],
        env=server.environment(PAWL_HOME=server.home, PAWL_CONFIGS=quick_configs, COLUMNS=100),
        cwd=workplace, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    server.printed = done.stdout
    return server
