"""Fréchet distances on named features, with a floor and an error bar; the spread that a collapse loses.

    d^2 = |mu_a - mu_b|^2 + tr(C_a + C_b - 2 (C_a C_b)^(1/2))

Values on different features are not comparable, and none but `inception` is the FID of the literature.
"""

import functools
import os
from typing import Self

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

from . import features as nets
from . import rng
from .checkpoint import read_safetensors
from .errors import UserError
from .samplers import own_nfe, paper_steps, sample, sampler_name
from .sheet import to_bytes

FILES = {
    "cifar10-resnet56": "cifar10-resnet56.safetensors",
    "cifar10-resnet20": "cifar10-resnet20.safetensors",
    "mobilenet-v1-0.25": "mobilenet_v1_0.25-imagenet.safetensors",
    "inception": "inception-2015-12-05.pt",
}
NAMES = (*FILES, "efficientnet-lite0", "pixels")


class Pixels(nn.Module):
    """The image averaged to 8x8: no weights needed, for tests and very simple data."""

    size, dims = 8, 192

    def forward(self, x) -> torch.Tensor:
        return x.flatten(1)


class Inception(nn.Module):
    """The TorchScript Inception-v3 of the FID literature, from a file of the user's."""

    size, dims = None, 2048

    def __init__(self, path) -> None:
        super().__init__()
        self.net = torch.jit.load(path, map_location="cpu").eval()

    def forward(self, x) -> torch.Tensor:
        return self.net(to_bytes(x), return_features=True)


def load_features(name, folders=(), path=None) -> nn.Module:
    """A feature network by name; its weights are looked up in the folders and in $INNATE_FEATURES."""
    if name not in NAMES:
        raise UserError(f"unknown features {name!r}; known: {', '.join(NAMES)}")
    if name == "pixels":
        return Pixels()
    if name == "efficientnet-lite0":
        return nets.PooledEfficientNet(nets.efficientnet_lite0(path, folders))
    folders = [os.fspath(f) for f in (*folders, os.environ.get("INNATE_FEATURES")) if f]
    places = [path] if path else [os.path.join(f, sub, FILES[name]) for f in folders for sub in ("", "features")]
    found = next((p for p in places if p and os.path.isfile(p)), None)
    if not found:
        raise UserError(
            f"features {name}: {FILES[name]} is not in {', '.join(folders) or 'any given folder'}; use "
            "--features-dir or INNATE_FEATURES, or --features efficientnet-lite0"
        )
    if name == "inception":
        return Inception(found)
    tensors, _ = read_safetensors(found)
    return (nets.MobileNetV1 if name.startswith("mobilenet") else nets.CifarResNet)(tensors)


def best_features(folders=()) -> tuple[str, nn.Module]:
    """ResNet-56 where its file is at hand, else EfficientNet-Lite0."""
    try:
        return "cifar10-resnet56", load_features("cifar10-resnet56", folders)
    except UserError:
        return "efficientnet-lite0", load_features("efficientnet-lite0", folders)


def statistics(f) -> tuple[np.ndarray, np.ndarray]:
    f = np.asarray(f, np.float64)
    return f.mean(0), np.cov(f, rowvar=False).reshape(f.shape[1], f.shape[1])


def distance(a, b) -> float:
    """Squared Fréchet distance of two (mean, covariance) pairs; the root through symmetric matrices only."""
    (ma, ca), (mb, cb) = a, b
    w, v = np.linalg.eigh(ca)
    root = (v * np.sqrt(np.clip(w, 0, None))) @ v.T
    middle = np.sqrt(np.clip(np.linalg.eigvalsh(root @ cb @ root), 0, None)).sum()
    return float(((ma - mb) ** 2).sum() + np.trace(ca) + np.trace(cb) - 2 * middle)


def spread(f, reference) -> float:
    """Total variance of the features, relative to real images: near 0 after a collapse, near 1 when healthy."""
    return float(np.trace(statistics(f)[1]) / max(np.trace(reference[1]), 1e-12))


class Measure:
    """A feature network and the statistics of real images."""

    def __init__(self, name, net, device="cpu", batch=64) -> None:
        self.name, self.net, self.device, self.batch = name, net.to(device).eval(), torch.device(device), batch
        self.reference, self.reference_name = None, None

    @torch.no_grad()
    def features(self, images) -> np.ndarray:
        """uint8 [N, C, H, W] to float features [N, d]."""
        out = []
        for x in images.split(self.batch):
            x = x.to(self.device).float() / 127.5 - 1
            x = x.expand(-1, 3, -1, -1) if x.shape[1] == 1 else x
            out.append(self.net(resize(x, self.net.size)).float().cpu())
        return torch.cat(out).numpy()

    def refer_to(self, images, name) -> Self:
        self.reference, self.reference_name = statistics(self.features(images)), name
        return self

    def refer_to_file(self, path) -> Self:
        """Published reference statistics (.npz with mu and sigma)."""
        with np.load(path) as f:
            self.reference, self.reference_name = (f["mu"], f["sigma"]), os.path.basename(path)
        return self

    def compare(self, f, splits=4) -> dict:
        """Distance, its standard error over disjoint splits, spread."""
        parts = (
            [distance(statistics(p), self.reference) for p in np.array_split(f, splits)] if len(f) >= 8 * splits else []
        )
        error = float(np.std(parts, ddof=1) / np.sqrt(len(parts))) if parts else None
        return dict(value=distance(statistics(f), self.reference), error=error, spread=spread(f, self.reference))


def resize(x, size) -> torch.Tensor:
    """Averaging down by whole factors, bilinear otherwise."""
    if size is None or x.shape[-1] == size:
        return x
    if x.shape[-1] % size == 0:
        return F.avg_pool2d(x, x.shape[-1] // size)
    return F.interpolate(x, (size, size), mode="bilinear", align_corners=False)


@functools.lru_cache(maxsize=64)
def _latents(first, end, shape) -> torch.Tensor:
    """Philox on the CPU takes longer than a GPU's whole measurement: a student's snapshots share their noise."""
    return rng.latents(range(first, end), shape)


@torch.no_grad()
def generate(net, count, nfe=None, first_seed=0, batch=50, labels=None, progress=None) -> torch.Tensor:
    """uint8 images of consecutive seeds; classes in turn, so that every class has its share."""
    device, out = next(net.parameters()).device, []
    shape = (net.img_channels, net.img_resolution, net.img_resolution)
    for start in range(0, count, batch):
        seeds = list(range(first_seed + start, first_seed + min(start + batch, count)))
        z, own = _latents(seeds[0], seeds[-1] + 1, shape), None
        if net.label_dim:
            own = torch.tensor([s % net.label_dim for s in seeds]) if labels is None else labels[start : start + batch]
        out.append(to_bytes(sample(net, z.to(device), None if own is None else own.to(device), nfe)).cpu())
        if progress:
            progress(start + len(seeds))
    return torch.cat(out)


def split_real(data, held_out, reference) -> tuple[torch.Tensor, torch.Tensor]:
    """(reference images, held-out images), disjoint; entries of a set are shuffled, so its ends are random samples."""
    held_out = min(held_out, len(data) // 2)
    reference = min(reference, len(data) - held_out)
    return data.images[:reference], data.images[len(data) - held_out :]


def evaluate(net, data, measure, count=1000, reference=5000, nfe=(None,), progress=None, seed=0) -> list[dict]:
    """Catalogue `quality` entries: one per number of evaluations (None: the network's own), each with the floor of
    held-out real images."""
    real, held = split_real(data, count, reference)
    if measure.reference is None:
        measure.refer_to(real, f"{data.name}[:{len(real)}]")
    floor = measure.compare(measure.features(held))
    results = []
    for n in (n or own_nfe(net) for n in nfe):
        got = measure.compare(measure.features(generate(net, count, n, seed, progress=progress)))
        results.append(
            dict(
                metric="frechet",
                features=measure.name,
                sampler=sampler_name(n),
                nfe=n,
                value=round(got["value"], 4),
                error=None if got["error"] is None else round(got["error"], 4),
                floor=round(floor["value"], 4),
                n=count,
                reference=measure.reference_name,
                spread=round(got["spread"], 4),
            )
        )
    return results


def default_nfe(role, resolution) -> tuple[int, ...]:
    return (1,) if role == "student" else (2 * paper_steps(resolution) - 1,)
