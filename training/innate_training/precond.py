"""Preconditioning: the denoiser D(x; sigma, label) around a U-Net, EDM's and GDD's."""

import torch
import torch.nn as nn
import torch.nn.functional as F

from .errors import UserError
from .nets import NETS

SIGMA_DATA = 0.5
SIGMA_MIN, SIGMA_MAX = 0.002, 80.0
SIGMA_MID = 0.8  # train.py --middle-sigma of Zyriix/D2O


class EDMPrecond(nn.Module):
    """D(x) = c_skip * x + c_out * F(c_in * x, c_noise, label)."""

    eps = 0.0

    def __init__(
        self, img_resolution, img_channels, label_dim=0, model_type="DhariwalUNet", dtype=torch.float32, **model_kwargs
    ) -> None:
        super().__init__()
        if model_type not in NETS:
            raise UserError(f"unknown model_type {model_type!r}; known: {', '.join(NETS)}")
        self.img_resolution, self.img_channels, self.label_dim = img_resolution, img_channels, label_dim
        self.model_type, self.model_kwargs, self.dtype = model_type, dict(model_kwargs), dtype
        # How it makes images: values of the weights, not of the architecture.
        self.start_sigma = SIGMA_MAX
        self.sigma_mid = None  # of a two-step student's second evaluation
        try:
            self.model = NETS[model_type](
                img_resolution, img_channels, img_channels, label_dim=label_dim, **model_kwargs
            )
        except TypeError as error:
            raise UserError(f"{model_type}: {str(error).split('__init__() ')[-1]}") from None

    def coefficients(self, sigma) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        """c_skip, c_out, c_in, c_noise for sigma of any shape. GDD: D is the identity at sigma = eps."""
        s2, d = SIGMA_DATA**2, sigma - self.eps
        root = (sigma**2 + s2).sqrt()
        return s2 / (d**2 + s2), d * SIGMA_DATA / root, 1 / root, sigma.log() / 4

    def labels(self, labels, n, device) -> torch.Tensor | None:
        """One-hot float rows; a conditional network without labels gets zeros."""
        if not self.label_dim:
            return None
        if labels is None:
            return torch.zeros(n, self.label_dim, device=device)
        if labels.ndim == 1:
            labels = F.one_hot(labels.long(), self.label_dim)
        return labels.to(device, torch.float32)

    def prepare(
        self, x, sigma, labels
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor | None, torch.Tensor, torch.Tensor]:
        """The U-Net's three inputs and (c_skip, c_out)."""
        sigma = torch.as_tensor(sigma, dtype=torch.float32, device=x.device).reshape(-1).expand(len(x))
        skip, out, scale, noise = self.coefficients(sigma)
        h = (scale.view(-1, 1, 1, 1) * x).contiguous(memory_format=torch.channels_last).to(self.dtype)
        return h, noise, self.labels(labels, len(x), x.device), skip.view(-1, 1, 1, 1), out.view(-1, 1, 1, 1)

    def forward(self, x, sigma, labels=None, augment_labels=None) -> torch.Tensor:
        x = x.float()
        h, noise, labels, skip, out = self.prepare(x, sigma, labels)
        return skip * x + out * self.model(h, noise, labels, augment_labels).float()

    def architecture(self) -> dict:
        """What a checkpoint's metadata says about this network."""
        return dict(
            precond=type(self).__name__,
            img_resolution=self.img_resolution,
            img_channels=self.img_channels,
            label_dim=self.label_dim,
            model_kwargs=dict(model_type=self.model_type, **self.model_kwargs),
        )


class GDDPrecond(EDMPrecond):
    eps = SIGMA_MIN


PRECONDS = {"EDMPrecond": EDMPrecond, "GDDPrecond": GDDPrecond}


def build(architecture, dtype=torch.float32) -> EDMPrecond:
    """A network, randomly initialised, from `architecture()`'s dictionary."""
    a = dict(architecture)
    name = a.get("precond", "EDMPrecond")
    if name not in PRECONDS:
        raise UserError(f"unknown preconditioning {name!r}; known: {', '.join(PRECONDS)}")
    kwargs = dict(a["model_kwargs"])
    net = PRECONDS[name](int(a["img_resolution"]), int(a["img_channels"]), int(a["label_dim"]), dtype=dtype, **kwargs)
    return net.to(memory_format=torch.channels_last)


# What of a U-Net's blocks a level freezes (train.py --freeze of Zyriix/D2O). Level 1 is GDD-I.
FREEZE_LEVELS = ((), ("conv", "proj"), ("conv", "proj", "qkv"), ("conv", "proj", "qkv", "skip"))


def frozen_at(net, level) -> list[str]:
    """Parameters that a level freezes; nothing of the layers outside blocks."""
    return [name for name, _ in net.named_parameters() if is_frozen(name, level)]


def gdd_i_frozen(net) -> list[str]:
    return frozen_at(net, 1)


def is_frozen(name, level=1) -> bool:
    """The published rule, by the parameter's name: the down and up blocks and in0, in1 are blocks too."""
    inside = any(part in name for part in ("block", "up", "down", "in"))
    return inside and any(part in name for part in FREEZE_LEVELS[level])
