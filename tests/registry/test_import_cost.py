from pathlib import Path

HEAVY = ("mlflow", "sqlalchemy", "requests", "torch", "numpy", "pandas", "prefect")


def test_importing_registry_loads_no_heavy_library(loaded_by_importing):
    modules = [path.stem for path in Path("registry").glob("[!_]*.py")]
    assert len(modules) > 10
    named = [f"registry.{name}" for name in modules]
    assert loaded_by_importing(named, HEAVY) == "[]"


def test_only_the_store_imports_mlflow():
    importers = [p.name for p in Path("registry").glob("*.py") if "mlflow import" in p.read_text()]
    importers += [p.name for p in Path("registry").glob("*.py") if "import mlflow" in p.read_text()]
    assert importers == ["store.py"]
