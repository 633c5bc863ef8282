HEAVY = ("torch", "transformers", "openai", "pandas", "numpy", "scipy", "matplotlib", "markdown_it")
MODULES = (
    "decision", "evaluation", "gate", "plots", "report", "runner", "scorers.registry", "stats",
    "engines.completion", "engines.endpoint", "engines.local", "engines.recorded",
)  # fmt: skip


def test_importing_evals_loads_no_heavy_library(loaded_by_importing):
    named = [f"evals.{name}" for name in MODULES]
    assert loaded_by_importing(named, HEAVY) == "[]"
