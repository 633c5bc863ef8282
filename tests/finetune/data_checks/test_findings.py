import pytest

from configs.errors import DataError
from finetune.data_checks.findings import (
    ClassCount,
    DataReport,
    Number,
    SplitSize,
    balance_table,
    finding,
    findings_table,
    require_acceptable,
)


def report_of(*findings, balance=()):
    splits = [SplitSize(split=s, rows=2, documents=2) for s in ("train", "test")]
    return DataReport(splits=splits, findings=findings, balance=balance)


FINE = finding("repeated_texts", "warn", False, "Nothing repeated.", ["x"])
WARNED = finding("near_duplicates", "warn", True, "Two are close.", ["a", "b"])
REFUSED = finding("exact_duplicates", "refuse", True, "Fourteen are the same.",
                  [f"r{i}" for i in range(14)])  # fmt: skip


def test_warnings_pass():
    require_acceptable(report_of(FINE, WARNED))


def test_a_refusal_names_the_check_the_rows_and_what_to_do():
    with pytest.raises(DataError) as raised:
        require_acceptable(report_of(WARNED, FINE, REFUSED))
    message = str(raised.value)
    named = ", ".join(f"r{i}" for i in range(10))
    assert f"exact_duplicates: Fourteen are the same. [{named} and 4 more]" in message
    assert "set exact_duplicates to warn" in message
    assert "near_duplicates" not in message


def test_a_check_that_is_off_cannot_have_a_finding():
    with pytest.raises(ValueError, match="expected a check that is on"):
        finding("drift", "off", False, "x")


def test_findings_are_listed_worst_first_with_their_figures():
    number = Number(name="share", value=0.25, low=0.1, high=0.4, range_of="95 % interval", n=1200,
                    n_unit="rows", p_value=0.004)  # fmt: skip
    report = report_of(FINE, WARNED.model_copy(update={"numbers": (number,)}), REFUSED)
    header, rows = findings_table(report)
    assert len(header) == 4
    assert [row[0] for row in rows] == ["refuse", "warn", "ok"]
    assert rows[1][2:] == [
        "Two are close. [a, b]",
        "share 0.25 (95 % interval 0.1 to 0.4), p = 0.004, n = 1,200 rows",
    ]
    assert rows[2][2] == "Nothing repeated."


def test_classes_are_listed_with_one_column_per_split():
    def count(split, name, items):
        return ClassCount(
            split=split, name=name, items=items, share=items / 10, rows=1, rows_share=1
        )

    report = report_of(balance=[count("train", "a", 4), count("test", "b", 6)])
    assert balance_table(report)[1] == [["`a`", "4 (40.0%)", "0"], ["`b`", "0", "6 (60.0%)"]]


def test_a_report_survives_its_file():
    report = report_of(WARNED, REFUSED)
    assert DataReport.model_validate_json(report.model_dump_json()) == report
