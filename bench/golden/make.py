"""Makes bench/golden/NET.safetensors: D(x, sigma) of the bench's networks by the public PyTorch classes.

    npm run bench -- --golden-input            # writes weights and inputs to build/bench/data
    python bench/golden/make.py --edm PATH     # PATH: a checkout of https://github.com/NVlabs/edm

Float32 on the CPU. The weights' SHA-256 goes into the file, so that the bench knows that it runs the same network.
"""

import argparse
import hashlib
import json
import struct
import sys
from pathlib import Path

import numpy as np
import torch

DTYPES = {"F32": np.float32, "I32": np.int32}


def read_safetensors(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    with path.open("rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        start = file.tell()
        metadata = header.pop("__metadata__", {})
        tensors = {}
        for name, entry in header.items():
            begin, end = entry["data_offsets"]
            file.seek(start + begin)
            values = np.frombuffer(file.read(end - begin), DTYPES[entry["dtype"]])
            tensors[name] = torch.from_numpy(values.copy()).reshape(entry["shape"])
    return tensors, metadata


def write_safetensors(path: Path, name: str, value: torch.Tensor, metadata: dict[str, str]) -> None:
    data = value.contiguous().numpy().tobytes()
    header = {
        "__metadata__": metadata,
        name: {"dtype": "F32", "shape": list(value.shape), "data_offsets": [0, len(data)]},
    }
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def make(net: str, inputs: Path, out: Path) -> None:
    from training.networks import EDMPrecond

    weights_path = inputs / f"{net}.safetensors"
    weights, meta = read_safetensors(weights_path)
    given, given_meta = read_safetensors(inputs / f"{net}.input.safetensors")
    sizes = {key: int(meta[key]) for key in ("img_resolution", "img_channels", "label_dim")}
    model = EDMPrecond(**sizes, **json.loads(meta["model_kwargs"])).eval().requires_grad_(False)
    missing, unexpected = model.load_state_dict(weights, strict=False)
    assert not unexpected, unexpected
    assert all(name.endswith("resample_filter") for name in missing), missing

    labels = None
    if sizes["label_dim"]:
        labels = torch.eye(sizes["label_dim"])[given["class_index"].long()]
    sigma = float(given_meta["sigma"])
    output = model(given["x"], torch.tensor(sigma), labels).float()
    print(f"{net}: mean {output.mean():.3f}, deviation {output.std():.3f}, largest {output.abs().max():.3f}")
    metadata = {"weights_sha256": sha256(weights_path), "sigma": str(sigma), "torch": torch.__version__}
    write_safetensors(out / f"{net}.safetensors", "output", output, metadata)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--edm", required=True, help="checkout of NVlabs/edm")
    parser.add_argument("--inputs", type=Path, default=Path("build/bench/data"))
    parser.add_argument("--nets", nargs="+", default=["small", "cifar", "adm"])
    arguments = parser.parse_args()
    sys.path.insert(0, arguments.edm)
    for each in arguments.nets:
        make(each, arguments.inputs, Path(__file__).parent)
