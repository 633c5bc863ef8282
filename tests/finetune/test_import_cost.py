import subprocess
import sys

HEAVY = ("torch", "transformers", "peft", "trl", "llmcompressor", "datasets", "huggingface_hub")
MODULES = (
    "calibration", "data", "gguf", "merge", "quantize", "splits", "train", "weights",
    "synthetic.notes",
)  # fmt: skip


def test_importing_finetune_loads_no_heavy_library():
    code = (
        f"import sys, {', '.join(f'finetune.{name}' for name in MODULES)}\n"
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
