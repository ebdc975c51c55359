"""Distances of two images, pair by pair: what instance-wise distillation minimises, and GDD never computes."""

import torch
import torch.nn as nn
import torch.nn.functional as F

from .errors import UserError

INSTANCE_LOSSES = ("l2", "lite0")


class PixelLoss(nn.Module):
    """Mean squared difference of pixels."""

    words = "pixels"

    def forward(self, a, b) -> torch.Tensor:
        return F.mse_loss(a, b)


class FeatureLoss(nn.Module):
    """LPIPS (Zhang et al. 2018) on EfficientNet-Lite0, without learned weights: the squared difference of feature maps
    whose every position was scaled to unit length across channels, summed over channels and maps, a mean over
    positions and images.

    net: images in [-1, 1], RGB, to maps. size: to which images are enlarged before.
    """

    def __init__(self, net, size) -> None:
        super().__init__()
        self.net, self.size = net.requires_grad_(False), size
        self.words = f"EfficientNet-Lite0 at {size}x{size}"

    def maps(self, x) -> list[torch.Tensor]:
        x = F.interpolate(x, self.size, mode="bilinear", align_corners=False).expand(-1, 3, -1, -1)
        x = x.to(next(self.net.buffers()).dtype).contiguous(memory_format=torch.channels_last)
        return [unit(m.float()) for m in self.net(x)]

    def forward(self, a, b) -> torch.Tensor:
        """Gradients reach `a` alone."""
        with torch.no_grad():
            wanted = self.maps(b)
        return sum((m - w).square().sum(1).mean() for m, w in zip(self.maps(a), wanted))


def unit(maps, eps=1e-10) -> torch.Tensor:
    """[N, C, H, W] scaled to length 1 across C at every position."""
    return maps * (maps.square().sum(1, keepdim=True) + eps).rsqrt()


def instance_loss(name, lite0, size) -> nn.Module:
    """lite0: gives EfficientNet-Lite0 when it is asked for."""
    if name not in INSTANCE_LOSSES:
        raise UserError(f"unknown instance_loss {name!r}; known: {', '.join(INSTANCE_LOSSES)}")
    return PixelLoss() if name == "l2" else FeatureLoss(lite0(), size)
