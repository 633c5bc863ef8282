"""A person opens the form of `fine-tune`, is told what is wrong, corrects it, and gets a decision."""

import re

import pytest
from playwright import sync_api

from registry.store import ModelStore

pytestmark = pytest.mark.takes_minutes
TAGS = {"promote": "promoted", "reject": "rejected", "inconclusive": "inconclusive"}
RANK, RATE = "Rank (Optional)", "Learning Rate (Optional)"
PRESSES = 3


def look(page, directory, name):
    """Keep a screenshot of the page and return its text."""
    page.screenshot(path=directory / f"{name}.png", full_page=True)
    return page.inner_text("body")


def press_submit(page):
    page.get_by_role("button", name="Submit").click()


def submit(page):
    """Press as a person does: again while the form stays, as it once did without a word of an error."""
    for press in range(1, PRESSES + 1):
        press_submit(page)
        try:
            page.wait_for_url(re.compile(r"/deployment/[0-9a-f-]+(\?|$)"), timeout=20_000)
            return
        except sync_api.TimeoutError:
            print(f"the form is still there after press {press} of Submit")
    raise AssertionError(f"the form is still there after {PRESSES} presses of Submit")


def refusals(page):
    """What the form says about a value that is out of its range: in the browser, then by the server."""
    page.get_by_label(RANK).fill("0")
    press_submit(page)
    yield page.get_by_label(RANK).evaluate("field => field.validationMessage")
    page.get_by_label(RANK).fill("16")
    page.get_by_label(RATE).fill("2")
    press_submit(page)
    yield page.get_by_text("Error creating flow run").first.inner_text()


def test_a_run_from_the_form_ends_with_a_decision(page, deployed_pawl, tmp_path):
    server, screens = deployed_pawl, tmp_path / "screens"
    screens.mkdir()
    print(f"screenshots: {screens}")
    server.start_worker()
    deployment = server.request("GET", "/deployments/name/fine-tune/fine-tune")
    form = f"/deployments/deployment/{deployment['id']}/run"
    assert f"fine-tune/fine-tune: {server.url}{form}" in server.printed

    page.goto(f"{server.url}/v2{form}")
    page.get_by_label(RANK).wait_for()
    shown = look(page, screens, "form")
    assert "Rank of the adapter's matrices. Range: at least 1 and at most 1024." in shown
    assert "LoRA (Optional)" in shown
    assert "Changes (Optional)" in shown
    by_browser, by_server = refusals(page)
    assert by_browser == "Value must be greater than or equal to 1."
    assert "'request.lora.learning_rate'" in by_server
    assert "2 is greater than or equal to the maximum of 1" in by_server
    assert server.request("POST", "/flow_runs/count", json={}) == 0

    page.reload()  # after an error, the next press of Submit only checks again
    page.get_by_label("Select Lifecycle").click()
    page.get_by_role("option", name="quick").click()
    page.get_by_label(RANK).fill("16")
    page.get_by_label("Epochs (Optional)").fill("1")
    page.get_by_label("Requested By (Optional)").fill("Ada")
    submit(page)
    page.locator("a[href*='/runs/flow-run/']").first.click()
    page.get_by_text("Running", exact=True).first.wait_for()
    [run] = server.request("POST", "/flow_runs/filter", json={})
    asked = run["parameters"]["request"]
    assert (asked["lifecycle"], asked["lora"]["rank"], asked["requested_by"]) == (
        "quick",
        16,
        "Ada",
    )
    server.await_state(run["id"], {"COMPLETED"}, timeout_s=480)
    page.reload()  # Prefect's page may miss the last change of state on a busy machine
    page.get_by_text("Completed", exact=True).first.wait_for()

    store = ModelStore(f"sqlite:///{server.home / 'mlflow.db'}", server.home / "mlartifacts")
    [version] = store.versions("quick-extractor")
    outcome = version.tags["decision_outcome"]
    page.get_by_text(TAGS[outcome], exact=True).first.wait_for()
    look(page, screens, "run")
    page.get_by_role("tab", name="Artifacts").click()
    page.get_by_role("heading", name="promote", exact=True).click()
    page.get_by_role("link", name=re.compile("^[0-9a-f]{8}$")).click()
    page.get_by_text(version.tags["decision_reason"]).first.wait_for()
    assert "quick-extractor version 1 is" in look(page, screens, "decision")
