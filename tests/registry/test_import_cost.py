import re
from pathlib import Path

HEAVY = ("mlflow", "sqlalchemy", "requests", "torch", "numpy", "pandas", "prefect")


def test_importing_registry_loads_no_heavy_library(loaded_by_importing):
    modules = [path.stem for path in Path("registry").glob("[!_]*.py")]
    assert len(modules) > 10
    named = [f"registry.{name}" for name in modules]
    assert loaded_by_importing(named, HEAVY) == "[]"


def test_only_the_connection_and_the_stores_import_mlflow():
    imports = re.compile(r"^\s*(from|import) mlflow", re.MULTILINE)
    importers = {p.name for p in Path("registry").glob("*.py") if imports.search(p.read_text())}
    assert importers == {"mlflow_connection.py", "mlflow_runs.py", "store.py"}
