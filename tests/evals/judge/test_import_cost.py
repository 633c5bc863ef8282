from pathlib import Path

import evals.judge

HEAVY = ("torch", "transformers", "openai", "pandas", "numpy", "scipy", "sklearn", "matplotlib")


def test_importing_the_judge_loads_no_heavy_library(loaded_by_importing):
    modules = sorted(path.stem for path in Path(evals.judge.__path__[0]).glob("*.py"))
    named = [f"evals.judge.{name}" for name in modules if name != "__init__"]
    assert "evals.judge.scorer" in named
    assert loaded_by_importing([*named, "configs.judge", "configs.rubric"], HEAVY) == "[]"
