from pathlib import Path

import pytest
import yaml

import configs
from configs.data_checks import Contained, DataChecks, Drift, FewGoldItems, LabelSaid, Majority
from configs.errors import DataError
from configs.task import TaskConfig
from finetune.data_checks.check_data import check_data
from finetune.data_checks.findings import require_acceptable
from finetune.synthetic.generators import generate_rows

POLICY = DataChecks()
SHIPPED = Path(configs.__file__).parent / "tasks"
SIZES = {"train": 600, "validation": 60, "test": 200}


def shipped(name):
    task = TaskConfig.model_validate(yaml.safe_load((SHIPPED / f"{name}.yaml").read_text()))
    return task, {s: list(generate_rows(name, s, n, 17)) for s, n in SIZES.items()}


@pytest.mark.parametrize(
    "name", ["clinical-notes", "message-triage", "discharge-summary", "guideline-qa"]
)
def test_shipped_synthetic_data_pass_although_they_are_written_from_templates(name, by_check):
    task, splits = shipped(name)
    report = check_data(splits, task, POLICY)
    require_acceptable(report)
    found = by_check(report.findings)
    for check in ("exact_duplicates", "near_duplicates", "contained", "repeated_texts"):
        assert found[check].count <= 0.01 * len(splits["test"]), check


def test_what_the_shipped_notes_hide_from_training_on_purpose_is_seen(by_check):
    task, splits = shipped("clinical-notes")
    found = by_check(check_data(splits, task, POLICY).findings)
    assert found["drift.unseen_words"].severity == "warn"
    assert found["drift.length"].severity == found["drift.labels"].severity == "ok"


@pytest.fixture
def splits(prose):
    return {
        split: [
            {
                "id": f"{split}-{i}", "doc_id": f"{split}-{i}", "text": prose(f"{split}{i}"),
                "target": ("urgent", "routine")[i % 2],
            }
            for i in range(60)
        ]
        for split in ("train", "validation", "test")
    }  # fmt: skip


def test_clean_rows_pass_every_check(splits, triage):
    report = check_data(splits, triage, POLICY)
    assert [f.check for f in report.findings if f.severity != "ok"] == []
    assert [(size.split, size.rows, size.documents) for size in report.splits][-1] == (
        "test",
        60,
        60,
    )


def test_a_leaked_row_is_refused_and_named(splits, triage):
    splits["test"][7]["text"] = splits["train"][3]["text"].upper()
    with pytest.raises(DataError, match=r"exact_duplicates: 1 of 60 .*\[test-7\]"):
        require_acceptable(check_data(splits, triage, POLICY))


def test_the_same_rows_give_the_same_report(splits, triage):
    assert check_data(splits, triage, POLICY) == check_data(splits, triage, POLICY)


def test_a_policy_with_everything_off_finds_nothing(splits, triage):
    off = DataChecks.model_validate(
        {
            name: "off" if isinstance(value, str) else {**value.model_dump(), "action": "off"}
            for name, value in POLICY
            if name not in ("shown_ids", "seed")
        }
    )
    assert check_data(splits, triage, off).findings == ()


def test_every_check_of_the_policy_is_run(splits, triage, extraction):
    targets = {s: [row | {"target": {"drug": ["a"]}} for row in rows] for s, rows in splits.items()}
    field = triage.model_copy(update={"user_prompt": "{id} {text}"})
    run = {
        found.check.partition(".")[0]
        for report in (check_data(splits, field, POLICY), check_data(targets, extraction, POLICY))
        for found in report.findings
    }
    assert run == {name for name, _ in POLICY} - {"shown_ids", "seed"}


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_an_empty_or_missing_split_is_refused(splits, triage, split):
    with pytest.raises(DataError, match=f"data.{split}: expected rows, got none"):
        check_data(splits | {split: []}, triage, POLICY)
    del splits[split]
    with pytest.raises(DataError, match=f"got no {split}"):
        check_data(splits, triage, POLICY)


@pytest.mark.parametrize(
    ("setting", "check"),
    [
        ({"majority": Majority(action="refuse", share=0.4)}, "majority"),
        ({"few_gold_items": FewGoldItems(action="refuse", min_items=100)}, "few_gold_items"),
        ({"label_in_text": LabelSaid(action="refuse", excess=0)}, "label_in_text"),
        ({"contained": Contained(action="refuse", share=0.2)}, "contained"),
        ({"drift": Drift(action="refuse", length_ks=0.2)}, "drift.length"),
    ],
)
def test_every_action_may_be_made_a_refusal(splits, triage, prose, setting, check):
    for i, row in enumerate(splits["test"]):
        row["text"] = f"{prose(i, 60)} {splits['train'][i]['text']} {row['target']}"
    with pytest.raises(DataError, match=f"- {check}: "):
        require_acceptable(check_data(splits, triage, DataChecks(**setting)))


@pytest.mark.parametrize("show_text", [True, False])
def test_text_of_rows_and_answers_is_in_the_report_only_where_the_task_allows_it(
    splits, extraction, show_text
):
    secret = {"drug": ["secretdrug"]}
    rows = {s: [row | {"target": secret} for row in own] for s, own in splits.items()}
    for row in rows["test"]:
        row["text"] += " secretword"
    rows["test"][1] |= {"text": rows["test"][0]["text"], "target": {"drug": ["secretother"]}}
    task = extraction.model_copy(update={"show_text": show_text})
    written = check_data(rows, task, POLICY).model_dump_json()
    assert [w in written for w in ("secretdrug", "secretother", "secretword")] == [show_text] * 3
