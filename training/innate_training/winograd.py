"""3 x 3 convolutions of float32 on a CPU, forward and backward, by Winograd's F(4 x 4, 3 x 3) (winograd.c).

Convolutions are three quarters of a teacher's step. PyTorch's do four times the multiplications, and its gradient of
the weights runs at half of the speed of the forward pass. `conv3x3` takes half of the time, forward and for the
input's gradient, and less than a third for the weights'; the result differs by float32's rounding, 2e-6 of its norm.
With more than one thread, without a C compiler (native.py), or where the shape does not fit, PyTorch's own
convolution serves.
"""

import ctypes
import functools

import torch
import torch.nn.functional as F

from . import native

TILES = 12  # worked on at a time: they, transformed, and a part of the weights stay in a core's own cache

# The weights' transform G (Lavin and Gray 2016, section 4.3), for both axes at once: [36, 9].
_G = torch.tensor(
    [
        [1 / 4, 0, 0],
        [-1 / 6, -1 / 6, -1 / 6],
        [-1 / 6, 1 / 6, -1 / 6],
        [1 / 24, 1 / 12, 1 / 6],
        [1 / 24, -1 / 12, 1 / 6],
        [0, 0, 1],
    ],
    dtype=torch.float64,
)
TRANSFORM = torch.kron(_G, _G).float()


@functools.cache
def _library() -> ctypes.CDLL | None:
    library = native.load("winograd")
    if library is not None:
        library.winograd_convolve.argtypes = [native.POINTER] * 4 + [native.NUMBER] * 6
        library.winograd_weight_gradient.argtypes = [native.POINTER] * 3 + [native.NUMBER] * 6
    return library


def _call(function, *args) -> None:
    if native.call(function, *args):
        raise MemoryError("a convolution found no memory for its tiles; use a smaller batch")


def _pack(w) -> torch.Tensor:
    """Weights [k, c, 3, 3] as winograd_convolve reads them: [36, k / m, c, m], m twice the lanes of a vector."""
    k, c = w.shape[:2]
    m = 2 * _library().lanes()
    u = TRANSFORM @ w.permute(2, 3, 1, 0).reshape(9, c * k)
    return u.view(36, c, k // m, m).transpose(1, 2).contiguous()


def _convolve(x, w, bias) -> torch.Tensor:
    """x [n, c, h, w] and y [n, k, h, w], both in channels-last memory."""
    (n, c, h, width), k = x.shape, w.shape[0]
    y = torch.empty((n, k, h, width), memory_format=torch.channels_last)
    u = _pack(w)
    _call(_library().winograd_convolve, x, u, bias, y, n, h, width, c, k, TILES)
    return y


def _weight_gradient(x, dy) -> torch.Tensor:
    (n, c, h, width), k = x.shape, dy.shape[1]
    du = torch.empty(36, c * k)
    _call(_library().winograd_weight_gradient, x, dy, du, n, h, width, c, k, TILES)
    return (TRANSFORM.t() @ du).view(3, 3, c, k).permute(3, 2, 0, 1)


class _Conv3x3(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, w, b) -> torch.Tensor:
        ctx.save_for_backward(x if ctx.needs_input_grad[1] else None, w)
        return _convolve(x, w.detach(), b.detach().contiguous())

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, dy) -> tuple[torch.Tensor | None, ...]:
        x, w = ctx.saved_tensors
        dy = dy.contiguous(memory_format=torch.channels_last)
        dx = dw = db = None
        if ctx.needs_input_grad[0]:
            dx = _convolve(dy, w.flip(2, 3).transpose(0, 1), torch.zeros(w.shape[1]))
        if ctx.needs_input_grad[1]:
            dw = _weight_gradient(x, dy)
        if ctx.needs_input_grad[2]:
            db = dy.sum((0, 2, 3))
        return dx, dw, db


def _fits(x, w) -> bool:
    """Whole tiles and whole vectors of what native.py serves."""
    if not native.serves(x) or w.shape[2:] != (3, 3) or x.shape[2] % 4 or x.shape[3] % 4 or _library() is None:
        return False
    m = 2 * _library().lanes()
    return not (w.shape[0] % m or w.shape[1] % m)


def conv3x3(x, w, b) -> torch.Tensor:
    """The convolution of x [n, c, h, w] with w [k, c, 3, 3] and b [k], padded by one."""
    if _fits(x, w):
        return _Conv3x3.apply(x.contiguous(memory_format=torch.channels_last), w, b)
    return F.conv2d(x, w, b, padding=1)
