from prefect.client.schemas.actions import ArtifactCreate

from flows.steps import step_state


def test_a_system_on_a_task_named_by_path_is_published_under_a_key_that_prefect_takes(monkeypatch):
    keys = []
    monkeypatch.setattr(
        step_state, "create_markdown_artifact", lambda markdown, key, description: keys.append(key)
    )
    step_state.publish("evaluate-mine on /data/Prüfung_2.yaml", "text", "what it is")
    assert keys == ["evaluate-mine-on--data-pr-fung-2-yaml"]
    assert ArtifactCreate(key=keys[0]).key == keys[0]
