"""Group norm + SiLU as one operation with its own backward, for training on CPUs.

Stock PyTorch walks a channels-last bfloat16 tensor six times for add, group norm and SiLU, and as often
again in the backward pass; those walks, not the convolutions, dominate a training step on a CPU. Here the
forward pass reads the tensor twice (statistics, result) and so does the backward. The per-channel shift
that a U-Net block adds between its two convolutions is folded into the statistics, so that the shifted
tensor is never written.

    y = act(w * (x + e - mu) * r + b) = act(x * scale + offset)      mu, r: per sample and group

The formulas below are plain PyTorch. In bfloat16 torch.compile turns forward and backward into one loop nest each
(where no C++ compiler is at hand they run uncompiled, with equal results); in float32 the walks are C (norm_act.c).
"""

import ctypes
import functools

import torch
import torch.nn.functional as F

from . import native
from .plain_autograd import is_plain


def _per_channel(v, k) -> torch.Tensor:
    return v.repeat_interleave(k, 1)


def _affine(m1, m2, e, w, b, groups: int, eps: float) -> tuple[torch.Tensor, ...]:
    """From the first two moments of x [N, C]: scale, offset and the mean of x + e [N, C]; mu and r [N, groups]."""
    B, C = m1.shape
    k = C // groups
    if e is not None:  # the moments of x + e follow from those of x
        m1, m2 = m1 + e, m2 + 2 * e * m1 + e * e
    mu = m1.view(B, groups, k).mean(-1)
    r = (m2.view(B, groups, k).mean(-1) - mu * mu).clamp_min(0).add(eps).rsqrt()
    scale = _per_channel(r, k) * w
    offset = b - _per_channel(mu, k) * scale
    if e is not None:
        offset = offset + e * scale
    return scale, offset, m1, mu, r


def _forward(x, e, w, b, groups: int, eps: float, act: bool) -> tuple[torch.Tensor, ...]:
    xf = x.float()
    scale, offset, m1, mu, r = _affine(xf.mean((2, 3)), (xf * xf).mean((2, 3)), e, w, b, groups, eps)
    z = xf * scale[:, :, None, None] + offset[:, :, None, None]
    return (F.silu(z) if act else z).to(x.dtype), scale, offset, m1, mu, r


def _affine_backward(s0, s1, n: int, e, w, scale, m1, mu, r, groups: int) -> tuple[torch.Tensor, ...]:
    """From the sums over an image's n pixels of d and d * x, [N, C], where d is the gradient before the activation:
    dx = d * scale + x * slope + constant, with slope and constant [N, C]; and the gradients of e, w and b."""
    B, C = s0.shape
    k = C // groups
    if e is not None:
        s1 = s1 + e * s0
    dw = ((s1 - _per_channel(mu, k) * s0) * _per_channel(r, k)).sum(0)
    db = s0.sum(0)
    p0, p1 = (s0 * w).view(B, groups, k).sum(-1), (s1 * w).view(B, groups, k).sum(-1)
    g1 = -(r**3) * (p1 - mu * p0) / (k * n)  # dx = d * scale + (x + e) * g1 + g0
    g0 = _per_channel(-r * p0 / (k * n) - mu * g1, k)
    g1 = _per_channel(g1, k)
    de = s0 * scale + n * (m1 * g1 + g0)
    constant = g0 if e is None else g0 + e * g1
    return g1, constant, de, dw, db


def _backward(dy, x, e, w, scale, offset, m1, mu, r, groups: int, act: bool) -> tuple[torch.Tensor, ...]:
    xf, d = x.float(), dy.float()
    if act:
        z = xf * scale[:, :, None, None] + offset[:, :, None, None]
        q = torch.sigmoid(z)
        d = d * q * (1 + z * (1 - q))
    s0, s1 = d.sum((2, 3)), (d * xf).sum((2, 3))
    slope, constant, de, dw, db = _affine_backward(s0, s1, xf[0, 0].numel(), e, w, scale, m1, mu, r, groups)
    dx = d * scale[:, :, None, None] + xf * slope[:, :, None, None] + constant[:, :, None, None]
    return dx.to(x.dtype), de, dw, db


@functools.cache
def _library() -> ctypes.CDLL | None:
    library = native.load("norm_act")
    if library is not None:
        library.norm_most_channels.restype = native.NUMBER
        library.norm_moments.argtypes = [native.POINTER] * 3 + [native.NUMBER] * 3
        library.norm_apply.argtypes = [native.POINTER] * 4 + [native.NUMBER] * 3 + [ctypes.c_int]
        library.norm_backward_sums.argtypes = [native.POINTER] * 7 + [native.NUMBER] * 3 + [ctypes.c_int]
        library.norm_backward_apply.argtypes = [native.POINTER] * 5 + [native.NUMBER] * 3
    return library


def _native_forward(x, e, w, b, groups: int, eps: float, act: bool) -> tuple[torch.Tensor, ...]:
    """`_forward` with walks of norm_act.c; x in channels-last memory."""
    library, (N, C, H, W) = _library(), x.shape
    m1, m2, y = torch.empty(N, C), torch.empty(N, C), torch.empty_like(x)
    native.call(library.norm_moments, x, m1, m2, N, H * W, C)
    scale, offset, m1, mu, r = _affine(m1, m2, e, w, b, groups, eps)
    native.call(library.norm_apply, x, scale, offset, y, N, H * W, C, act)
    return y, scale, offset, m1, mu, r


def _native_backward(dy, x, e, w, scale, offset, m1, mu, r, groups: int, act: bool) -> tuple[torch.Tensor, ...]:
    """`_backward` with walks of norm_act.c; dy and x in channels-last memory."""
    library, (N, C, H, W) = _library(), x.shape
    s0, s1, dx = torch.empty(N, C), torch.empty(N, C), torch.empty_like(x)
    native.call(library.norm_backward_sums, dy, x, scale, offset, dx, s0, s1, N, H * W, C, act)
    slope, constant, de, dw, db = _affine_backward(s0, s1, H * W, e, w, scale, m1, mu, r, groups)
    native.call(library.norm_backward_apply, dx, x, scale, slope, constant, N, H * W, C)
    return dx, de, dw, db


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


_compiled_forward, _compiled_backward = _Compiled(_forward), _Compiled(_backward)


class _NormAct(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, e, w, b, groups, eps, act) -> torch.Tensor:
        run = _compiled_forward if x.dtype == torch.bfloat16 else _native_forward
        y, scale, offset, m1, mu, r = run(x, e, w, b, groups, eps, act)
        ctx.save_for_backward(x, e, w, scale, offset, m1, mu, r)
        ctx.setting = (groups, act)
        return y

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, dy) -> tuple[torch.Tensor | None, ...]:
        dy = dy.contiguous(memory_format=torch.channels_last)
        run = _compiled_backward if dy.dtype == torch.bfloat16 else _native_backward
        dx, de, dw, db = run(dy, *ctx.saved_tensors, *ctx.setting)
        return dx, de if ctx.needs_input_grad[1] else None, dw, db, None, None, None


def fused_norm_act(x, e, w, b, groups, eps, act) -> torch.Tensor:
    return _NormAct.apply(x.contiguous(memory_format=torch.channels_last), e, w, b, groups, eps, act)


def use_fused(x) -> bool:
    """The fused form serves training on a CPU: in bfloat16, and in float32 where norm_act.c does. `plain_autograd`
    switches it off."""
    if not torch.is_grad_enabled() or is_plain():
        return False
    if not native.serves(x) or _library() is None:
        return x.is_cpu and x.dtype == torch.bfloat16
    return not x.shape[1] % _library().lanes() and x.shape[1] <= _library().norm_most_channels()
