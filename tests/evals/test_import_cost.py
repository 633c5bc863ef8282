HEAVY = (
    "torch", "transformers", "openai", "pandas", "numpy", "scipy", "matplotlib", "markdown_it",
    "lm_eval", "sklearn", "datasets",
)  # fmt: skip
MODULES = (
    "decision", "evaluation", "gate", "preflight", "selftest", "sequential_evaluation", "runner",
    "scorers.registry", "report.write", "stats.paired", "stats.betting", "stats.group_sequential",
    "stats.max_t", "documents_needed", "siblings", "running_costs", "judge.scorer",
    "harness.evaluate", "engines.completion", "engines.endpoint", "engines.local",
    "engines.recorded",
)  # fmt: skip


def test_importing_evals_loads_no_heavy_library(loaded_by_importing):
    named = [f"evals.{name}" for name in MODULES]
    assert loaded_by_importing(named, HEAVY) == "[]"
