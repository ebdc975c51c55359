"""Group norm + SiLU as one operation with its own backward, for bfloat16 on CPUs.

Stock PyTorch walks a channels-last bfloat16 tensor six times for add, group norm and SiLU, and as often
again in the backward pass; those walks, not the convolutions, dominate a training step on a CPU. Here the
forward pass reads the tensor twice (statistics, result) and so does the backward. The per-channel shift
that a U-Net block adds between its two convolutions is folded into the statistics, so that the shifted
tensor is never written.

    y = act(w * (x + e - mu) * r + b) = act(x * scale + offset)      mu, r: per sample and group

The two formulas below are plain PyTorch; torch.compile turns each into one loop nest. Where no C++
compiler is at hand they run uncompiled, with equal results.
"""

import contextlib
import threading
from collections.abc import Iterator

import torch
import torch.nn.functional as F

_state = threading.local()


def _per_channel(v, k) -> torch.Tensor:
    return v.repeat_interleave(k, 1)


def _forward(x, e, w, b, groups: int, eps: float, act: bool) -> tuple[torch.Tensor, ...]:
    B, C, H, W = x.shape
    k = C // groups
    xf = x.float()
    m1, m2 = xf.mean((2, 3)), (xf * xf).mean((2, 3))
    if e is not None:  # the moments of x + e follow from those of x
        m1, m2 = m1 + e, m2 + 2 * e * m1 + e * e
    mu = m1.view(B, groups, k).mean(-1)
    r = (m2.view(B, groups, k).mean(-1) - mu * mu).clamp_min(0).add(eps).rsqrt()
    scale = _per_channel(r, k) * w
    offset = b - _per_channel(mu, k) * scale
    if e is not None:
        offset = offset + e * scale
    z = xf * scale[:, :, None, None] + offset[:, :, None, None]
    return (F.silu(z) if act else z).to(x.dtype), scale, offset, m1, mu, r


def _backward(dy, x, e, w, scale, offset, m1, mu, r, groups: int, act: bool) -> tuple[torch.Tensor, ...]:
    B, C, H, W = x.shape
    k, n = C // groups, H * W
    xf, d = x.float(), dy.float()
    if act:
        z = xf * scale[:, :, None, None] + offset[:, :, None, None]
        q = torch.sigmoid(z)
        d = d * q * (1 + z * (1 - q))
    s0, s1 = d.sum((2, 3)), (d * xf).sum((2, 3))
    if e is not None:
        s1 = s1 + e * s0
    dw = ((s1 - _per_channel(mu, k) * s0) * _per_channel(r, k)).sum(0)
    db = s0.sum(0)
    p0, p1 = (s0 * w).view(B, groups, k).sum(-1), (s1 * w).view(B, groups, k).sum(-1)
    g1 = -(r**3) * (p1 - mu * p0) / (k * n)  # dx = d * scale + (x + e) * g1 + g0
    g0 = _per_channel(-r * p0 / (k * n) - mu * g1, k)
    g1 = _per_channel(g1, k)
    de = s0 * scale + n * (m1 * g1 + g0)
    if e is not None:
        constant = g0 + e * g1
    else:
        constant = g0
    dx = d * scale[:, :, None, None] + xf * g1[:, :, None, None] + constant[:, :, None, None]
    return dx.to(x.dtype), de, dw, db


class _Compiled:
    """torch.compile at the first call; the plain function for good if that fails."""

    def __init__(self, function) -> None:
        self.plain, self.fast = function, None

    def __call__(self, *args) -> tuple[torch.Tensor, ...]:
        if self.fast is None:
            import torch._dynamo.config as config

            # one specialised loop nest per layer shape: many shapes, each compiled once
            for name in ("cache_size_limit", "recompile_limit"):
                if hasattr(config, name):
                    setattr(config, name, max(getattr(config, name), 512))
            for name in ("accumulated_cache_size_limit", "accumulated_recompile_limit"):
                if hasattr(config, name):
                    setattr(config, name, max(getattr(config, name), 4096))
            self.fast = torch.compile(self.plain, dynamic=False)
        try:
            return self.fast(*args)
        except Exception as error:  # no compiler, read-only cache, ...: training must go on
            if self.fast is self.plain:
                raise
            print(f"fused group norm: not compiled ({type(error).__name__}), running it plain", flush=True)
            self.fast = self.plain
            return self.plain(*args)


_run_forward, _run_backward = _Compiled(_forward), _Compiled(_backward)


class _NormAct(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, e, w, b, groups, eps, act) -> torch.Tensor:
        y, scale, offset, m1, mu, r = _run_forward(x, e, w, b, groups, eps, act)
        ctx.save_for_backward(x, e, w, scale, offset, m1, mu, r)
        ctx.setting = (groups, act)
        return y

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, dy) -> tuple[torch.Tensor | None, ...]:
        dy = dy.contiguous(memory_format=torch.channels_last)
        dx, de, dw, db = _run_backward(dy, *ctx.saved_tensors, *ctx.setting)
        return dx, de if ctx.needs_input_grad[1] else None, dw, db, None, None, None


def fused_norm_act(x, e, w, b, groups, eps, act) -> torch.Tensor:
    return _NormAct.apply(x.contiguous(memory_format=torch.channels_last), e, w, b, groups, eps, act)


def use_fused(x) -> bool:
    """The fused form serves bfloat16 training on a CPU; `plain_autograd` switches it off."""
    return x.is_cpu and x.dtype == torch.bfloat16 and torch.is_grad_enabled() and not getattr(_state, "plain", False)


@contextlib.contextmanager
def plain_autograd() -> Iterator[None]:
    """Only operations that PyTorch can differentiate twice (exact R1 through a U-Net's encoder)."""
    before, _state.plain = getattr(_state, "plain", False), True
    try:
        with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
            yield
    finally:
        _state.plain = before
