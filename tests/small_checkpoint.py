"""A whole checkpoint of a few hundred bytes, by file: what a transfer can cut off is real."""

import json
import struct


def safetensors_bytes(content):
    """A safetensors file with one tensor of bytes."""
    tensor = {"dtype": "U8", "shape": [len(content)], "data_offsets": [0, len(content)]}
    header = json.dumps({"__metadata__": {"format": "pt"}, "weight": tensor}).encode()
    return struct.pack("<Q", len(header)) + header + content


def checkpoint(text="weights", shards=1):
    """Files of a checkpoint by path, with one shard or several and their index."""
    files = {"config.json": b'{"model_type": "llama"}', "tokenizer.json": b'{"version": "1.0"}'}
    if shards == 1:
        return files | {"model.safetensors": safetensors_bytes(text.encode())}
    names = [f"model-{n:05}-of-{shards:05}.safetensors" for n in range(1, shards + 1)]
    index = {"metadata": {}, "weight_map": {f"layer.{n}": name for n, name in enumerate(names)}}
    files["model.safetensors.index.json"] = json.dumps(index).encode()
    return files | {name: safetensors_bytes(f"{text} {name}".encode()) for name in names}


def write_checkpoint(directory, files):
    """Write files by path below a directory."""
    for path, content in files.items():
        (directory / path).parent.mkdir(parents=True, exist_ok=True)
        (directory / path).write_bytes(content)
    return directory
