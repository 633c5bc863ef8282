HEAVY = ("pandas", "numpy", "scipy", "matplotlib", "markdown_it", "jinja2", "yaml")


def test_importing_what_the_steps_need_of_the_report_loads_no_heavy_library(loaded_by_importing):
    assert loaded_by_importing(["evals.report.tables", "evals.report.write"], HEAVY) == "[]"
