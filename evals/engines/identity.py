"""What an engine's answers depend on besides the prompt, so that answers can be kept and found again.

Does: digest weights, tokenizer and chat template; name the engine's version and the decoding. Does
not: ask an endpoint anything (endpoint.py), or keep answers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Literal

from configs.errors import EngineError
from configs.strict_model import StrictModel
from evals.engines.completion import Decoding

UNKNOWN = "unknown"
WEIGHTS = ("*.safetensors", "*.safetensors.index.json", "config.json", "generation_config.json",
           "adapter_config.json")  # fmt: skip
TOKENIZER = ("tokenizer*", "*.model", "vocab*", "merges.txt", "special_tokens_map.json", "added_tokens.json",
             "chat_template*", "additional_chat_templates/*")  # fmt: skip


class EngineIdentity(StrictModel):
    """Two engines of one identity give the same answers to the same prompt, as far as is known."""

    kind: Literal["local", "endpoint", "recorded"]
    model: str
    """Digest of weights (with an adapter: of both) or of a recording; of an endpoint, its address,
    model name and revision."""
    tokenizer: str
    """Digest of the tokenizer's files and the chat template; `unknown` if they are elsewhere."""
    engine: str
    """Name and version of what computes; an endpoint that does not tell is `unknown`."""
    precision: str
    """Number format and kind of device of the computation; `unknown` if it is elsewhere."""
    decoding: Decoding

    @property
    def digest(self) -> str:
        """sha256 over all of it; the order of a schema's properties counts, as it does in answers."""
        return "sha256:" + hashlib.sha256(self.model_dump_json().encode()).hexdigest()


def answer_key(identity: EngineIdentity, prompt_digest: str) -> str:
    """`sha256:...` under which the answer of this engine to this prompt can be kept."""
    joined = f"{identity.digest} {prompt_digest}"
    return "sha256:" + hashlib.sha256(joined.encode()).hexdigest()


def local_identity(
    model_dir: Path, adapter_dir: Path | None, dtype: str, decoding: Decoding
) -> EngineIdentity:
    """Identity of weights that are computed here.

    Raises:
        EngineError: when a directory has no weights, or a file cannot be read.
    """
    import torch

    model = _digest(model_dir, WEIGHTS)
    if adapter_dir is not None:
        model += f" + adapter {_digest(adapter_dir, WEIGHTS)}"
    accelerator = torch.accelerator.current_accelerator()
    return EngineIdentity(
        kind="local",
        model=model,
        tokenizer=_digest(model_dir, TOKENIZER),
        engine=f"transformers {version('transformers')}, torch {version('torch')}",
        precision=f"{dtype} on {accelerator.type if accelerator else 'cpu'}",
        decoding=decoding,
    )


def recorded_identity(path: Path, model: str, decoding: Decoding) -> EngineIdentity:
    """Identity of a recording: its bytes.

    Raises:
        EngineError: when it cannot be read.
    """
    return EngineIdentity(
        kind="recorded",
        model=f"{model}, {_digest_files([path], path.parent)}",
        tokenizer=UNKNOWN,
        engine="recording",
        precision=UNKNOWN,
        decoding=decoding,
    )


def _digest(directory: Path, patterns: Iterable[str]) -> str:
    found = {path for pattern in patterns for path in directory.glob(pattern) if path.is_file()}
    if not found:
        raise EngineError(
            str(directory), f"expected some of {', '.join(patterns)}, found none",
            "Check the checkpoint.",
        )  # fmt: skip
    return _digest_files(sorted(found), directory)


def _digest_files(paths: Iterable[Path], directory: Path) -> str:
    digest = hashlib.sha256()
    for path in paths:
        try:
            with path.open("rb") as file:
                content = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise EngineError(
                str(path), f"expected a file to read, got: {error.strerror}", "Check the path."
            ) from error
        digest.update(f"{path.relative_to(directory).as_posix()}\0{content}\0".encode())
    return f"sha256:{digest.hexdigest()}"
