import doctest

import pytest

from configs.critical_labels import CriticalLabel
from configs.errors import EvidenceError
from configs.gate_policy import Comparison, GateConfig
from configs.load import load_task
from evals import critical_rows
from evals.critical_sizes import critical_sizes, require_carriers

NOTES, TRIAGE = load_task("clinical-notes"), load_task("message-triage")
EMPTY = {"medications": [], "problems": [], "allergies": [], "adverse_events": []}


def rows_of(carriers, others, **fields):
    """Two rows per document; the second of the first `carriers` documents has an allergy."""
    return [
        {
            "id": f"r{document}-{part}", "doc_id": f"d{document}", "text": "A note.",
            "target": EMPTY | ({"allergies": ["iodine"]} if part and document < carriers else {}),
            "note_type": "ward", "unseen_drug": document % 2 == 0, **fields,
        }
        for document in range(carriers + others)
        for part in range(2)
    ]  # fmt: skip


def sizes(*rules, task=NOTES, rows=None, **changes):
    policy = GateConfig(
        comparisons=(Comparison(metric="micro_f1", margin=0.05),), critical=rules, **changes
    )
    return critical_sizes(policy, task, rows or rows_of(31, 9))


def test_documents_are_counted_not_rows_and_from_gold_alone():
    [found] = sizes(CriticalLabel(field="allergies", minimum=0.5))
    assert (found.carriers, found.documents, found.needed, found.sufficient) == (31, 40, 30, True)
    require_carriers([found], "test set")


def test_too_few_of_all_required_rules_are_refused_in_one_message():
    rules = [
        CriticalLabel(field="allergies", minimum=0.5, min_documents=32),
        CriticalLabel(field="problems", minimum=0.5, required=False),
        CriticalLabel(slice="unseen_drug", value="yes", minimum=0.5),
        CriticalLabel(slice="unseen_drug", value="True", minimum=0.5),
    ]
    with pytest.raises(EvidenceError) as caught:
        require_carriers(sizes(*rules), "test set of demo")
    assert str(caught.value) == (
        "test set of demo: "
        "\n  - recall of allergies: expected at least 32 documents that carry it, got 31 of 40"
        "\n  - recall where unseen_drug = yes: expected rows where unseen_drug = yes, got none; "
        "there are False, True"
        "\n  - recall where unseen_drug = True: expected at least 30 documents that carry it, got "
        "16 of 40. Add such documents, lower min_documents of the rule, or make it not required."
    )


def test_a_label_of_a_classification_is_counted():
    rows = [
        {"id": f"r{n}", "doc_id": f"d{n}", "text": "x", "target": label, "channel": "app",
         "several_concerns": False, "unseen_wording": False}
        for n, label in enumerate(["emergency"] * 3 + ["routine"] * 5)
    ]  # fmt: skip
    [found] = sizes(CriticalLabel(label="emergency", minimum=0.5), task=TRIAGE, rows=rows)
    assert (found.carriers, found.sufficient) == (3, False)


def test_a_policy_without_critical_rules_looks_at_no_row():
    assert sizes(rows=[{"no": "row"}]) == ()


def test_examples_run():
    assert doctest.testmod(critical_rows).failed == 0
