HEAVY = ("torch", "transformers", "peft", "trl", "llmcompressor", "datasets", "huggingface_hub")
MODULES = (
    "calibration", "data", "gguf", "merge", "quantize", "splits", "train", "weights",
    "row_sources", "synthetic.generators", "data_checks.check_data",
)  # fmt: skip


def test_importing_finetune_loads_no_heavy_library(loaded_by_importing):
    named = [f"finetune.{name}" for name in MODULES]
    assert loaded_by_importing(named, HEAVY) == "[]"
