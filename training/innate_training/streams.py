"""The page's random numbers: src/distil/random.ts and src/data/shuffle.ts, number for number.

A run with `random = "page"` draws what `innate distil` and the Distil tab draw from the same seed: the order of the
images and their mirroring, the noise, the frozen mixing, the heads' first weights.
"""

import math

import numpy as np
import torch

from .augment import augmentation
from .rng import philox4x32

PURPOSES = dict(
    generatorNoise=1, discriminatorNoise=2, featureNoise=4, mixing=6, heads=7, adapters=8, levels=9, augment=10
)
DATA, FLIP, ROUNDS = 0x64617461, 1, 8
LOW = 0xFFFFFFFF


class Stream:
    """Numbers of (seed, purpose, iteration, index) alone: Philox counters (index, iteration, purpose, 1)."""

    def __init__(self, seed, purpose, iteration) -> None:
        self.key, self.iteration, self.purpose = (seed & LOW, 0), iteration & LOW, PURPOSES[purpose]
        self.index = 0

    def words(self, count) -> np.ndarray:
        """[ceil(count / 4), 4], 32 bits each; every call begins with a counter of its own."""
        n = -(-count // 4)
        index = np.arange(self.index, self.index + n, dtype=np.uint64)
        self.index += n
        rest = [np.full(n, v, np.uint64) for v in (self.iteration, self.purpose, 1)]
        return np.stack(philox4x32([index, *rest], self.key), 1)

    def normals(self, count) -> np.ndarray:
        """Standard normals [count], both halves of each Box-Muller pair."""
        u = (self.words(count).astype(np.float64) + 0.5) * 2.0**-32
        radius, angle = np.sqrt(-2 * np.log(u[:, ::2])), 2 * math.pi * u[:, 1::2]
        pairs = np.stack([radius * np.cos(angle), radius * np.sin(angle)], 2)
        return pairs.reshape(-1)[:count].astype(np.float32)

    def uniforms(self, count) -> np.ndarray:
        """[count] in [0, 1)."""
        return (
            ((self.words(count) >> np.uint64(8)).astype(np.float64) * 2.0**-24).reshape(-1)[:count].astype(np.float32)
        )

    def integers(self, count, low, high) -> np.ndarray:
        """[count] in low .. high - 1."""
        return low + np.floor(self.uniforms(count).astype(np.float64) * (high - low)).astype(np.int64)

    def images(self, shape) -> torch.Tensor:
        """Normals of a batch [N, C, H, W]; drawn channels last, as the page holds them."""
        n, c, h, w = shape
        return torch.from_numpy(self.normals(n * c * h * w)).view(n, h, w, c).permute(0, 3, 1, 2).contiguous()

    def bounded(self, count, fan_in) -> torch.Tensor:
        """PyTorch's default initialisation: uniform in +-1 / sqrt(fan in)."""
        u = self.uniforms(count).astype(np.float64)
        return torch.from_numpy(((2 * u - 1) / math.sqrt(fan_in)).astype(np.float32))


def draw(seed, what, a, b) -> np.ndarray:
    """One word for each (a, b)."""
    a = np.asarray(a, np.uint64)
    counter = [a & np.uint64(LOW), np.broadcast_to(np.asarray(b, np.uint64), a.shape).copy()]
    counter += [np.full(a.shape, what, np.uint64), np.full(a.shape, DATA, np.uint64)]
    return philox4x32(counter, (seed & LOW, (seed >> 32) & LOW))[0]


def shuffled(places, size, seed, epochs) -> np.ndarray:
    """Where the places of an epoch go in its permutation: a Feistel network, walked until it lands inside."""
    if size <= 1:
        return np.zeros(len(places), np.int64)
    bits = max(1, math.ceil(math.log2(size) / 2))
    mask, out = 2**bits - 1, np.asarray(places, np.int64).copy()
    walking = np.ones(len(out), bool)
    while walking.any():
        place, epoch = out[walking], np.asarray(epochs)[walking]
        left, right = place >> bits, place & mask
        for round in range(ROUNDS):
            mixed = left ^ (draw(seed, 2 + round, right, epoch).astype(np.int64) & mask)
            left, right = right, mixed
        out[walking] = (left << bits) + right
        walking = out >= size
    return out


class PageDraws:
    """What a step draws, as the page does. For one process."""

    def __init__(self, config, count) -> None:
        self.config, self.count = config, count

    def indices(self, images) -> torch.Tensor:
        at = np.arange(images, images + self.config.batch)
        return torch.from_numpy(shuffled(at % self.count, self.count, self.config.seed, at // self.count))

    def mirrored(self, images, iteration, device) -> torch.Tensor:
        at = np.arange(images, images + self.config.batch)
        return torch.from_numpy((draw(self.config.seed, FLIP, at, at >> 32) & np.uint64(1)).astype(bool)).to(device)

    def latents(self, shape, iteration, device) -> list[torch.Tensor]:
        purposes = ("generatorNoise",) if self.config.share_fake else ("generatorNoise", "discriminatorNoise")
        return [Stream(self.config.seed, p, iteration).images(shape).to(device) for p in purposes]

    def levels(self, count, iteration) -> torch.Tensor:
        u = Stream(self.config.seed, "levels", iteration).uniforms(self.config.batch)
        return torch.from_numpy(np.floor(u.astype(np.float64) * count).astype(np.int64))

    def noise(self, iteration, use) -> Stream:
        return Stream(self.config.seed, "featureNoise", 4 * iteration + use)

    def augmentation(self, shape, iteration, use) -> list[torch.Tensor]:
        stream, count = Stream(self.config.seed, "augment", 4 * iteration + use), shape[0]
        return augmentation(
            shape,
            lambda: torch.from_numpy(stream.uniforms(count)).view(-1, 1, 1, 1),
            lambda low, high: torch.from_numpy(stream.integers(count, low, high)).view(-1, 1, 1),
        )


@torch.no_grad()
def draw_mixing(mixing, index) -> None:
    """The frozen mixing of feature network `index`, the same in every run."""
    stream = Stream(3, "mixing", index)
    for convs, gain in ((mixing.across, 2), (mixing.down, 1)):
        for conv in convs:
            o, i = conv.weight.shape[:2]
            if conv.bias is None:
                weight = torch.from_numpy((stream.normals(i * o).astype(np.float64) * math.sqrt(gain / i)).astype("f4"))
            else:
                conv.bias.copy_(stream.bounded(o, i))
                weight = stream.bounded(i * o, i)
            conv.weight.copy_(weight.view(i, o, 1, 1).permute(1, 0, 2, 3))


@torch.no_grad()
def draw_adapters(adapters) -> None:
    """The frozen adapters of a vision transformer: [(1x1 convolution, change of resolution or None)]."""
    stream = Stream(3, "adapters", 0)
    for mix, move in adapters:
        o, i = mix.weight.shape[:2]
        mix.bias.copy_(stream.bounded(o, i))
        mix.weight.copy_(stream.bounded(i * o, i).view(i, o, 1, 1).permute(1, 0, 2, 3))
        if move is None:
            continue
        c, k = len(move.bias), move.weight.shape[-1]
        move.bias.copy_(stream.bounded(c, c * k * k))
        weight = stream.bounded(c * c * k * k, c * k * k)
        if isinstance(move, torch.nn.ConvTranspose2d):  # [in, kh, kw, out] to [in, out, kh, kw]
            move.weight.copy_(weight.view(c, k, k, c).permute(0, 3, 1, 2))
        else:  # [kh, kw, in, out] to [out, in, kh, kw]
            move.weight.copy_(weight.view(k, k, c, c).permute(3, 2, 0, 1))


def draw_discriminator(discriminator, seed) -> None:
    """Frozen and first trained weights of a whole discriminator."""
    for i, backbone in enumerate(discriminator.backbones):
        if backbone.mixing is not None:
            draw_mixing(backbone.mixing, i)
        if hasattr(backbone.net, "adapters"):
            draw_adapters(backbone.net.adapters)
    draw_heads(discriminator.heads, seed)


@torch.no_grad()
def draw_heads(heads, seed) -> None:
    """First weights and power vectors of all heads, in the page's order."""
    index, convs = 0, []
    for head in heads.mini_discs.values():
        layers = [(b.main[0], b.main[1]) for b in head.main if isinstance(b, torch.nn.Module) and hasattr(b, "main")]
        last = head.cls if head.cls is not None else head.main[-1]
        for conv, norm in [*layers, (last, None)]:
            convs.append(conv)
            fan_in = conv.weight_orig[0].numel()
            conv.weight_orig.copy_(
                Stream(seed, "heads", index).bounded(conv.weight_orig.numel(), fan_in).view_as(conv.weight_orig)
            )
            index += 1
            if conv.bias is not None:
                conv.bias.copy_(Stream(seed, "heads", index).bounded(len(conv.bias), fan_in))
                index += 1
            if isinstance(norm, torch.nn.BatchNorm2d):  # ones and zeros
                index += 2
        if head.embed is not None:
            table = head.embed.weight
            table.copy_(torch.from_numpy(Stream(seed, "heads", index).normals(table.numel())).view_as(table))
            index += 1
        if getattr(head, "embed_proj", None) is not None:
            weight = head.embed_proj.weight
            weight.copy_(torch.from_numpy(Stream(seed, "heads", index).normals(weight.numel())).view_as(weight))
            index += 2
    for i, conv in enumerate(convs):
        u = torch.from_numpy(Stream(seed, "heads", 1_000_000 + i).normals(len(conv.weight_u)))
        conv.weight_u.copy_(torch.nn.functional.normalize(u, dim=0))
        if heads.style == "small":
            for _ in range(15):
                conv.iterate()
