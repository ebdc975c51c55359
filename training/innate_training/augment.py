"""EDM's non-leaky augmentation: random flips and affine warps, whose parameters the network is told.

Nine labels in the published order: x-flip, y-flip, scale, rotation (2), anisotropic scale (2), translation (2).
A warp is done at twice the resolution between two passes of the sym6 wavelet filter, as published.
"""

import math

import torch
import torch.nn.functional as F

LABELS = 9
SYM6 = (
    0.015404109327027373,
    0.0034907120842174702,
    -0.11799011114819057,
    -0.048311742585633,
    0.4910559419267466,
    0.787641141030194,
    0.3379294217276218,
    -0.07263752278646252,
    -0.021060292512300564,
    0.04472490177066578,
    0.0017677118642428036,
    -0.007800708325034148,
)


def _affine(rows, like) -> torch.Tensor:
    """3x3 matrices [N, 3, 3] from nested rows of [N] tensors and numbers."""
    return torch.stack(
        [
            torch.stack([torch.as_tensor(v, device=like.device, dtype=like.dtype).expand_as(like) for v in row], -1)
            for row in rows
        ],
        -2,
    )


def _scale(sx, sy, like) -> torch.Tensor:
    return _affine([[sx, 0, 0], [0, sy, 0], [0, 0, 1]], like)


def _rotate(angle, like) -> torch.Tensor:
    return _affine([[angle.cos(), -angle.sin(), 0], [angle.sin(), angle.cos(), 0], [0, 0, 1]], like)


def _translate(tx, ty, like) -> torch.Tensor:
    return _affine([[1, 0, tx], [0, 1, ty], [0, 0, 1]], like)


def edm_augment(x, p, g) -> tuple[torch.Tensor, torch.Tensor]:
    """x [N, C, H, W]; p: probability of each warp (0.12 on CIFAR-10); g: random generator on x's device."""
    N, _, H, W = x.shape

    def rand(*shape) -> torch.Tensor:
        return torch.rand(shape, generator=g, device=x.device)

    def normal(*shape) -> torch.Tensor:
        return torch.randn(shape, generator=g, device=x.device)

    def gated(value, probability=p) -> torch.Tensor:
        return torch.where(rand(N) < probability, value, torch.zeros_like(value))

    xflip = (rand(N) < 0.5).float()  # always on: its label lets the network undo it
    yflip = gated((rand(N) < 0.5).float())
    scale, angle = gated(normal(N)), gated((rand(N) * 2 - 1) * math.pi)
    stretch, axis = gated(normal(N)), gated((rand(N) * 2 - 1) * math.pi, 0.5)
    gate = rand(N) < p
    tx, ty = (torch.where(gate, normal(N), torch.zeros(N, device=x.device)) for _ in range(2))
    labels = torch.stack(
        [xflip, yflip, scale, angle.cos() - 1, angle.sin(), stretch * axis.cos(), stretch * axis.sin(), tx, ty], 1
    )

    x = torch.where(xflip.view(-1, 1, 1, 1) > 0, x.flip(3), x)
    x = torch.where(yflip.view(-1, 1, 1, 1) > 0, x.flip(2), x)
    s, a = (scale * 0.2).exp2(), (stretch * 0.2).exp2()
    inverse = _scale(1 / s, 1 / s, s) @ _rotate(angle, s)
    inverse = (
        inverse
        @ _rotate(-axis, s)
        @ _scale(1 / a, a, s)
        @ _rotate(axis, s)
        @ _translate(-tx * W * 0.125, -ty * H * 0.125, s)
    )
    moved = (inverse - torch.eye(3, device=x.device)).abs().amax((1, 2)) > 1e-5  # rounding is no warp
    if moved.any():
        x = x.clone()
        x[moved] = _warp(x[moved], inverse[moved])
    return x, labels


def _warp(x, inverse) -> torch.Tensor:
    N, C, H, W = x.shape
    taps = torch.tensor(SYM6, device=x.device)
    quarter = len(SYM6) // 4
    corners = torch.tensor([[-1.0, -1, 1], [1, -1, 1], [1, 1, 1], [-1, 1, 1]], device=x.device)
    corners = corners * torch.tensor([(W - 1) / 2, (H - 1) / 2, 1.0], device=x.device)
    reach = (inverse @ corners.t())[:, :2].permute(1, 0, 2).flatten(1)  # [xy, points]: how far outside pixels come from
    half = torch.tensor([(W - 1) / 2, (H - 1) / 2], device=x.device)[:, None]
    low = (-reach - half).amax(1) + 2 * quarter
    high = (reach - half).amax(1) + 2 * quarter
    limit = [W - 1, H - 1]
    left, top = (int(min(max(math.ceil(v), 0), m)) for v, m in zip(low.tolist(), limit))
    right, bottom = (int(min(max(math.ceil(v), 0), m)) for v, m in zip(high.tolist(), limit))
    x = F.pad(x, (left, right, top, bottom), mode="reflect")
    one = inverse[:, 0, 0]
    inverse = _translate((left - right) / 2, (top - bottom) / 2, one) @ inverse

    up = taps.flip(0)[None, None, :].repeat(C, 1, 1)
    pad = (len(SYM6) + 1) // 2
    x = torch.stack([x, torch.zeros_like(x)], 4).flatten(3)[..., :-1]
    x = F.conv2d(x, up[:, :, None, :], groups=C, padding=(0, pad))
    x = torch.stack([x, torch.zeros_like(x)], 3).flatten(2, 3)[:, :, :-1]
    x = F.conv2d(x, up[:, :, :, None], groups=C, padding=(pad, 0))
    inverse = _scale(2, 2, one) @ inverse @ _scale(0.5, 0.5, one)
    inverse = _translate(-0.5, -0.5, one) @ inverse @ _translate(0.5, 0.5, one)

    h, w = (H + quarter * 2) * 2, (W + quarter * 2) * 2
    inverse = _scale(2 / x.shape[3], 2 / x.shape[2], one) @ inverse @ _scale(w / 2, h / 2, one)
    grid = F.affine_grid(inverse[:, :2], [N, C, h, w], align_corners=False)
    x = F.grid_sample(x, grid, mode="bilinear", padding_mode="zeros", align_corners=False)

    down = taps[None, None, :].repeat(C, 1, 1)
    pad = (len(SYM6) - 1) // 2
    x = F.conv2d(x, down[:, :, None, :], groups=C, stride=(1, 2), padding=(0, pad))[..., quarter:-quarter]
    return F.conv2d(x, down[:, :, :, None], groups=C, stride=(2, 1), padding=(pad, 0))[:, :, quarter:-quarter]


def shift_and_cut(size) -> tuple[int, int]:
    """DiffAugment's largest shift, and the edge of the square that it cuts out, of an edge of so many pixels."""
    return int(size * 0.125 + 0.5), int(size * 0.2 + 0.5)


def augmentation(shape, uniforms, integers) -> list[torch.Tensor]:
    """DiffAugment's numbers for images of `shape`: brightness, saturation, contrast, shifts and middles of the squares.
    uniforms() are [N, 1, 1, 1] in [0, 1), integers(low, high) [N, 1, 1].
    """
    out = [uniforms() for _ in range(3)]
    out += [integers(-shift, shift + 1) for shift, _ in map(shift_and_cut, shape[2:])]
    return out + [integers(0, size + 1 - shift_and_cut(size)[1] % 2) for size in shape[2:]]


def torch_augmentation(shape, g) -> list[torch.Tensor]:
    N = shape[0]
    return augmentation(
        shape,
        lambda: torch.rand(N, 1, 1, 1, generator=g, device=g.device),
        lambda low, high: torch.randint(low, high, (N, 1, 1), generator=g, device=g.device),
    )


def diff_augment(x, numbers) -> torch.Tensor:
    """DiffAugment's colour, translation and cutout, differentiable, the same law for real and fake images.
    numbers: see `augmentation`; src/distil/diff-augment.ts does the same.
    """
    N, C, H, W = x.shape
    brightness, saturation, contrast, ty, tx, cy, cx = (v.to(x.device) for v in numbers)

    x = x + (brightness - 0.5)
    mean = x.mean(1, keepdim=True)
    x = (x - mean) * (saturation * 2) + mean
    mean = x.mean((1, 2, 3), keepdim=True)
    x = (x - mean) * (contrast + 0.5) + mean

    rows, columns = torch.arange(H, device=x.device)[None, :, None], torch.arange(W, device=x.device)[None, None, :]
    y = (rows + ty + 1).clamp(0, H + 1).expand(N, H, W)
    z = (columns + tx + 1).clamp(0, W + 1).expand(N, H, W)
    n = torch.arange(N, device=x.device)[:, None, None]
    x = F.pad(x, (1, 1, 1, 1)).permute(0, 2, 3, 1)[n, y, z].permute(0, 3, 1, 2)

    ch, cw = (shift_and_cut(size)[1] for size in (H, W))
    inside = (
        ((rows - cy + ch // 2) >= 0)
        & ((rows - cy + ch // 2) < ch)
        & ((columns - cx + cw // 2) >= 0)
        & ((columns - cx + cw // 2) < cw)
    )
    return x * (~inside)[:, None].to(x.dtype)
