"""The layers of the EDM family: linear, convolution with resampling, group norm, attention, U-Net block.

Parameters stay in float32 and are cast to the activations' dtype at use, so one network runs in float32
and in bfloat16. Names, shapes and layouts (OIHW, qkv channels interleaved as [c, 3]) are the published ones.
"""

import math

import torch
import torch.nn as nn
import torch.nn.functional as F

from .errors import UserError
from .fused import fused_norm_act, use_fused
from .winograd import conv3x3


def uniform(shape, fan_in, fan_out, mode, gain=1.0) -> torch.Tensor:
    """Xavier (SongUNet) or Kaiming (DhariwalUNet) uniform; gain 0 gives zeros."""
    bound = math.sqrt(6 / (fan_in + fan_out) if mode == "xavier" else 3 / fan_in)
    return (torch.rand(shape) * 2 - 1) * (bound * gain)


class Linear(nn.Module):
    def __init__(self, inputs, outputs, bias=True, mode="xavier", gain=1.0, bias_gain=0.0) -> None:
        super().__init__()
        self.in_features, self.out_features = inputs, outputs
        self.weight = nn.Parameter(uniform((outputs, inputs), inputs, outputs, mode, gain))
        self.bias = nn.Parameter(uniform((outputs,), inputs, outputs, mode, bias_gain)) if bias else None

    def forward(self, x) -> torch.Tensor:
        return F.linear(x, self.weight.to(x.dtype), None if self.bias is None else self.bias.to(x.dtype))


class Conv2d(nn.Module):
    """Convolution with optional x2 resampling. `kernel=0` only resamples.

    Resampling comes before the convolution; `fused_down` (NCSN++'s residual input) convolves at full
    resolution, filters down, and adds the bias last.
    """

    def __init__(
        self,
        inputs,
        outputs,
        kernel,
        up=False,
        down=False,
        taps=(1, 1),
        fused_down=False,
        mode="xavier",
        gain=1.0,
        bias_gain=0.0,
    ) -> None:
        super().__init__()
        self.in_channels, self.out_channels, self.kernel = inputs, outputs, kernel
        self.up, self.down, self.fused_down = up, down, fused_down
        self.box = tuple(taps) == (1, 1)
        fans = (inputs * kernel**2, outputs * kernel**2)
        self.weight = nn.Parameter(uniform((outputs, inputs, kernel, kernel), *fans, mode, gain)) if kernel else None
        self.bias = nn.Parameter(uniform((outputs,), *fans, mode, bias_gain)) if kernel else None
        f = torch.tensor(taps, dtype=torch.float32)
        f = (torch.outer(f, f) / f.sum() ** 2)[None, None]
        self.register_buffer("resample_filter", f if up or down else None)

    def _filter(self, x, channels, gain=1.0) -> torch.Tensor:
        return (self.resample_filter * gain).to(x.dtype).tile(channels, 1, 1, 1)

    def _resample(self, x) -> torch.Tensor:
        if self.box:  # [1,1]: grouped convolutions are many times slower on a CPU
            return F.interpolate(x, scale_factor=2.0, mode="nearest") if self.up else F.avg_pool2d(x, 2)
        pad = (self.resample_filter.shape[-1] - 1) // 2
        if self.up:
            return F.conv_transpose2d(
                x, self._filter(x, self.in_channels, 4), groups=self.in_channels, stride=2, padding=pad
            )
        return F.conv2d(x, self._filter(x, self.in_channels), groups=self.in_channels, stride=2, padding=pad)

    def forward(self, x, gain=1.0) -> torch.Tensor:
        """`gain` scales the result through the weights, which is cheaper than through the image."""
        if not self.kernel:
            x = self._resample(x)
            return x if gain == 1 else x * gain
        w, b = self.weight, self.bias
        if gain != 1:
            w, b = w * gain, b * gain
        w, b = w.to(x.dtype), b.to(x.dtype)
        if self.fused_down:
            pad = self.kernel // 2 + (self.resample_filter.shape[-1] - 1) // 2
            x = F.conv2d(x, w, padding=pad)
            x = F.conv2d(x, self._filter(x, self.out_channels), groups=self.out_channels, stride=2)
            return x + b[:, None, None]
        if self.up or self.down:
            x = self._resample(x)
        return conv3x3(x, w, b) if self.kernel == 3 else F.conv2d(x, w, b, padding=self.kernel // 2)


class GroupNorm(nn.Module):
    def __init__(self, channels, eps, max_groups=32, min_channels=4) -> None:
        super().__init__()
        self.groups, self.eps = min(max_groups, channels // min_channels), eps
        if not self.groups or channels % self.groups:
            raise UserError(
                f"group norm: {channels} channels do not divide into {self.groups} groups (min({max_groups}, channels/"
                f"{min_channels})); choose model_channels and channel_mult so that every block's input, decoder "
                "concatenations included, divides"
            )
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x, act=False, shift=None) -> torch.Tensor:
        """act: SiLU on top. shift: [N, C] added to x beforehand."""
        if use_fused(x):
            return fused_norm_act(x, shift, self.weight, self.bias, self.groups, self.eps, act)
        if shift is not None:
            x = x + shift[:, :, None, None].to(x.dtype)
        weight, bias = self.weight.to(x.dtype), self.bias.to(x.dtype)
        if torch.is_grad_enabled() and not x.requires_grad and weight.requires_grad:
            # The lowest layer that trains, above frozen ones: PyTorch's backward pass of group norm in channels-last
            # memory crashes on a CPU where the input needs no gradient (2.13), so scale and shift stand outside of it.
            y = F.group_norm(x, self.groups, None, None, self.eps)
            y = y * weight[:, None, None] + bias[:, None, None]
        else:
            y = F.group_norm(x, self.groups, weight, bias, self.eps)
        return F.silu(y) if act else y


class UNetBlock(nn.Module):
    """norm, SiLU, conv0 (resampling), embedding, norm, SiLU, conv1, skip; then attention.

    SongUNet adds the embedding (`adaptive=False`), ADM scales and shifts with it.
    """

    def __init__(
        self,
        inputs,
        outputs,
        emb,
        up=False,
        down=False,
        heads=0,
        dropout=0.0,
        skip_scale=1.0,
        eps=1e-5,
        taps=(1, 1),
        project_skip=False,
        adaptive=True,
        init=None,
        init_zero=None,
        init_attn=None,
    ) -> None:
        super().__init__()
        init, init_zero = init or {}, init_zero or {}
        self.in_channels, self.out_channels = inputs, outputs
        self.heads, self.dropout, self.skip_scale, self.adaptive = heads, dropout, skip_scale, adaptive
        self.norm0 = GroupNorm(inputs, eps)
        self.conv0 = Conv2d(inputs, outputs, 3, up, down, taps, **init)
        self.affine = Linear(emb, outputs * (2 if adaptive else 1), **init)
        self.norm1 = GroupNorm(outputs, eps)
        self.conv1 = Conv2d(outputs, outputs, 3, **init_zero)
        self.skip = None
        if inputs != outputs or up or down:
            kernel = 1 if project_skip or inputs != outputs else 0
            self.skip = Conv2d(inputs, outputs, kernel, up, down, taps, **init)
        if heads:
            self.norm2 = GroupNorm(outputs, eps)
            self.qkv = Conv2d(outputs, outputs * 3, 1, **(init_attn or init))
            self.proj = Conv2d(outputs, outputs, 1, **init_zero)

    def forward(self, x, emb) -> torch.Tensor:
        s = self.skip_scale
        h = self.conv0(self.norm0(x, act=True))
        e = self.affine(emb)
        if self.adaptive:
            scale, shift = e[:, :, None, None].to(h.dtype).chunk(2, 1)
            h = F.silu(torch.addcmul(shift, self.norm1(h), scale + 1))
        else:
            h = self.norm1(h, act=True, shift=e)
        if self.dropout:
            h = F.dropout(h, self.dropout, self.training)
        h = self.conv1(h, gain=s)
        if self.skip is not None:
            x = h + self.skip(x, gain=s)
        else:
            x = torch.add(h, x, alpha=s)
        if self.heads:
            x = torch.add(self.attend(self.norm2(x), gain=s), x, alpha=s)
        return x

    def attend(self, x, gain) -> torch.Tensor:
        """Softmax attention over pixels; weights come out of the softmax in float32 whatever x is."""
        B, C, H, W = x.shape
        heads, c = self.heads, C // self.heads

        def grouped(t) -> torch.Tensor:
            """Interleaved [head, c, 3] rows to [3, head, c]: each of q, k, v is then contiguous."""
            return t.reshape(heads, c, 3, -1).permute(2, 0, 1, 3).reshape(3 * C, -1)

        w, b = grouped(self.qkv.weight).to(x.dtype), grouped(self.qkv.bias).flatten().to(x.dtype)
        pixels = x.permute(0, 2, 3, 1).reshape(B, H * W, C)
        q, k, v = F.linear(pixels, w, b).view(B, H * W, 3, heads, c).permute(2, 0, 3, 1, 4).unbind(0)
        a = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(B, H * W, C)
        w, b = self.proj.weight.flatten(1) * gain, self.proj.bias * gain
        return F.linear(a, w.to(x.dtype), b.to(x.dtype)).view(B, H, W, C).permute(0, 3, 1, 2)


class PositionalEmbedding(nn.Module):
    def __init__(self, channels, endpoint=False) -> None:
        super().__init__()
        self.half, self.endpoint = channels // 2, endpoint

    def forward(self, x) -> torch.Tensor:
        f = torch.arange(self.half, dtype=torch.float32, device=x.device) / (self.half - (1 if self.endpoint else 0))
        x = torch.outer(x, (1 / 10000) ** f)
        return torch.cat([x.cos(), x.sin()], 1)


class FourierEmbedding(nn.Module):
    def __init__(self, channels, scale=16) -> None:
        super().__init__()
        self.register_buffer("freqs", torch.randn(channels // 2) * scale)

    def forward(self, x) -> torch.Tensor:
        x = torch.outer(x, 2 * math.pi * self.freqs)
        return torch.cat([x.cos(), x.sin()], 1)
