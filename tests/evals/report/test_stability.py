from configs.gate_policy import Comparison, GateConfig
from evals.report.stability import noise_sentences, stability_line, stability_section
from evals.stability import ChangedRow, MovedMetric, Stability

POLICY = GateConfig(comparisons=(Comparison(metric="micro_f1", margin=0.05),))


def found(moved=0.002, batch_sizes=(64, 1), changed=1):
    rows = tuple(
        ChangedRow(
            id=f"r{n}", cluster=f"d{n}", metrics=("micro_f1",), first="no rash", again="a rash"
        )
        for n in range(changed)
    )
    metric = MovedMetric(
        metric="micro_f1", first=0.9, again=0.9 + moved, moved=moved, low=-0.03, high=0.04
    )
    return Stability(
        system="awq", task="clinical-notes", rows=40, clusters=35, of_rows=255, seconds=1.5,
        batch_sizes=batch_sizes, low=0.0006, high=0.1316, changed=rows, moved=(metric,),
    )  # fmt: skip


def test_the_line_says_how_many_answers_and_points_moved_with_n_and_interval():
    assert stability_line(found()) == (
        "1 of 40 answers changed (0.1% to 13.2%) when asked again one at a time instead of 64, in "
        "another order; micro_f1 moved by 0.0020 (-0.0300 to +0.0400) on these 40 rows, 35 documents"
    )
    assert "asked again in another order;" in stability_line(found(batch_sizes=None))
    assert "in another order, 8 at once as before;" in stability_line(found(batch_sizes=(8, 8)))
    assert "16 at once instead of 64" in stability_line(found(batch_sizes=(64, 16)))


def test_a_margin_of_the_size_of_the_noise_is_named():
    assert noise_sentences(POLICY, {"awq": found(0.002)}) == []
    [sentence] = noise_sentences(POLICY, {"awq": found(0.002), "fp8-dynamic": found(-0.02)})
    assert sentence == (
        "The margin of 0.05 for micro_f1 is of the size of the noise of asking: asking again moved "
        "fp8-dynamic's by 0.0200, 40% of it."
    )


def test_nothing_asked_and_nothing_to_ask_is_no_section():
    assert stability_section(POLICY, {}, {}, True) is None


def test_the_report_has_a_line_per_system_and_texts_only_where_they_may_be_shown(report_of):
    told = {
        "stability": {"awq": found(0.02, changed=12)},
        "not_asked_again": {"baseline": "because recorded answers cannot be given anew"},
    }
    markdown, html = report_of(**told, show_text=True)
    for text in (markdown, html):
        assert "Stability of the evaluation" in text
        assert "12 of 40 answers changed" in text
        assert "baseline: not asked again, because recorded answers cannot be given anew." in text
        assert "of the size of the noise of asking" in text
        assert "2 more are in stability.json" in text
    assert "[-no-]{+a+} rash" in markdown or "no" in markdown.split("Row r0, from")[1]
    hidden, _ = report_of(**told, show_text=False)
    assert "Row r0, from the first to the second" not in hidden
    assert "r0" in hidden


def test_a_report_without_second_answers_has_no_such_section(report_of):
    assert "Stability of the evaluation" not in report_of()[0]
