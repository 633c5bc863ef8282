import subprocess
import sys

HEAVY = ("torch", "transformers", "openai", "pandas", "numpy", "scipy", "matplotlib", "markdown_it")
MODULES = (
    "decision", "evaluation", "gate", "plots", "report", "runner", "scorers", "stats",
    "engines.completion", "engines.endpoint", "engines.local", "engines.recorded",
)  # fmt: skip


def test_importing_evals_loads_no_heavy_library():
    code = (
        f"import sys, {', '.join(f'evals.{name}' for name in MODULES)}\n"
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
