import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from evals.report.blocks import Diff, Report, Section
from evals.report.markdown import below_section, code_block, code_span, escaped, report_markdown
from evals.report.regressions import word_diff


def rendered(markdown):
    """As GitHub, MLflow and Prefect read it: with HTML and tables."""
    return (
        MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).parse(markdown)
    )


@pytest.mark.parametrize(
    "text",
    ["<script>alert(1)</script>", "![x](http://a.example/b)", "*a* _b_ __c__ `d`", "[a](b)", "a|b",
     "&lt;", "micro_f1 of awq", "~~no~~", "\\*"],
)  # fmt: skip
def test_escaped_text_is_shown_as_it_is(text):
    _, inline, _ = rendered("x " + escaped(text))
    assert all(child.type == "text" or child.type == "text_special" for child in inline.children)
    assert "".join(child.content for child in inline.children) == f"x {text}"


@given(st.text(alphabet="ab`<|*\n", max_size=30))
def test_code_survives_any_backticks(text):
    [fence] = rendered(code_block(text, "diff"))
    assert fence.content.strip("\n") == text.strip("\n") or not text.strip()


def test_names_of_metrics_stay_readable_and_digests_are_code():
    assert escaped("micro_f1") == "micro_f1"
    assert code_span("sha256:ab") == "`sha256:ab`"
    assert code_span("a`b") == "`` a`b ``"
    assert code_span("") == ""


def test_a_diff_is_a_fenced_block_that_answers_cannot_leave():
    before, after = "```\n# not a heading\n<b>old</b>", "```\n# not a heading\n<b>new</b>"
    report = Report(
        "demo", "reject", "No.", "Alpha.", (),
        (Section("Rows", (Diff("Row r1", word_diff(before, after)),)),),
    )  # fmt: skip
    tokens = rendered(report_markdown(report))
    [fence] = [token for token in tokens if token.type == "fence"]
    assert fence.info == "diff"
    assert "\n- old\n+ new\n" in fence.content
    assert [token.tag for token in tokens if token.type == "heading_open"] == ["h1", "h2"]
    assert not [token for token in tokens if token.type.startswith("html")]


def test_headings_of_a_section_given_as_markdown_go_below_its_title_and_code_is_left_alone():
    text = "# Judge\n\n```sh\n# comment\n```\n\n## Bias\n"
    assert below_section(text) == "### Judge\n\n```sh\n# comment\n```\n\n#### Bias"
    assert below_section("### Deep\n\nText.") == "### Deep\n\nText."
    assert below_section("Text.") == "Text."
