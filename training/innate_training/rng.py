"""Noise by seed, the numbers a CUDA device draws: Philox4x32-10 and Box-Muller, so that a sheet's seed 7 is
the page's seed 7."""

import math

import numpy as np
import torch

_MULTIPLIERS = (np.uint64(0xD2511F53), np.uint64(0xCD9E8D57))
_WEYL = (0x9E3779B9, 0xBB67AE85)
_LOW = np.uint64(0xFFFFFFFF)


def philox(seed, counter0, elements) -> tuple[np.ndarray, np.ndarray]:
    """First two outputs for counters (counter0, 0, element, 0); uint64 arrays that hold 32 bits each."""
    n = len(elements)
    c = [np.full(n, counter0, np.uint64), np.zeros(n, np.uint64), elements.astype(np.uint64), np.zeros(n, np.uint64)]
    return tuple(philox4x32(c, (seed & 0xFFFFFFFF, (seed >> 32) & 0xFFFFFFFF))[:2])


def philox4x32(c, key) -> list[np.ndarray]:
    """Philox4x32-10 of four counter words (uint64 arrays that hold 32 bits each) and two key words."""
    k = list(key)
    for _ in range(10):
        p0, p1 = c[0] * _MULTIPLIERS[0], c[2] * _MULTIPLIERS[1]
        c = [
            (p1 >> np.uint64(32)) ^ c[1] ^ np.uint64(k[0]),
            p1 & _LOW,
            (p0 >> np.uint64(32)) ^ c[3] ^ np.uint64(k[1]),
            p0 & _LOW,
        ]
        k = [(k[0] + _WEYL[0]) & 0xFFFFFFFF, (k[1] + _WEYL[1]) & 0xFFFFFFFF]
    return c


def latents(seeds, shape) -> torch.Tensor:
    """Unit noise [len(seeds), *shape]."""
    n = int(np.prod(shape))
    rows = []
    for seed in seeds:
        g0, g1 = philox(int(seed), 0, np.arange(n))
        u, v = g0 * 2.0**-32 + 2.0**-33, (g1 * 2.0**-32 + 2.0**-33) * (2 * math.pi)
        rows.append((np.sqrt(-2 * np.log(u)) * np.sin(v)).astype(np.float32).reshape(shape))
    return torch.from_numpy(np.stack(rows))


def class_of_seed(seed, classes) -> int:
    return int(philox(int(seed), 1, np.zeros(1))[0][0]) % classes
