HEAVY = ("torch", "transformers", "lm_eval", "datasets", "pandas", "numpy", "openai", "aiohttp")
MODULES = ("evaluate", "jsonl_dataset", "metrics", "models", "quiet", "tasks")


def test_importing_the_harness_loads_no_heavy_library(loaded_by_importing):
    named = ["configs.harness", *(f"evals.harness.{name}" for name in MODULES)]
    assert loaded_by_importing(named, HEAVY) == "[]"
