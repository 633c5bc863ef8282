import subprocess
import sys
from pathlib import Path

HEAVY = ("mlflow", "sqlalchemy", "requests", "torch", "numpy", "pandas", "prefect")


def test_importing_registry_loads_no_heavy_library():
    modules = [path.stem for path in Path("registry").glob("[!_]*.py")]
    assert len(modules) > 10
    code = (
        f"import sys, {', '.join(f'registry.{name}' for name in modules)}\n"
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_only_the_store_imports_mlflow():
    importers = [p.name for p in Path("registry").glob("*.py") if "mlflow import" in p.read_text()]
    importers += [p.name for p in Path("registry").glob("*.py") if "import mlflow" in p.read_text()]
    assert importers == ["store.py"]
