"""Preconditioning: the denoiser D(x; sigma, label) around a U-Net (Karras et al. 2022, table 1; src/nn/precond.ts).

EDM's, and two that shift sigma so that D is the identity at the lowest level: GDD's, which its authors call D2OPrecond
by now, and ECT's (ECMPrecond). VE, VP and iDDPM are the baselines of EDM.
"""

import math
from typing import ClassVar

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

    # Numbers of the class's own, with their published values: they are given and kept among the model_kwargs.
    NUMBERS: ClassVar = {"sigma_data": SIGMA_DATA}
    OUTPUTS = 1  # of the U-Net, channels for each of the image's; the first ones count

    def __init__(
        self, img_resolution, img_channels, label_dim=0, model_type="DhariwalUNet", dtype=torch.float32, **model_kwargs
    ) -> None:
        super().__init__()
        if model_type not in NETS:
            raise UserError(f"unknown model_type {model_type!r}; known: {', '.join(NETS)}")
        self.img_resolution, self.img_channels, self.label_dim = img_resolution, img_channels, label_dim
        self.numbers = {name: number(model_kwargs, name, default) for name, default in self.NUMBERS.items()}
        self.model_type, self.dtype = model_type, dtype
        self.model_kwargs = {k: v for k, v in model_kwargs.items() if k not in self.NUMBERS}
        # How it makes images: values of the weights, not of the architecture.
        self.start_sigma = SIGMA_MAX
        self.sigma_mid = None  # of a two-step student's second evaluation
        try:
            self.model = NETS[model_type](
                img_resolution, img_channels, img_channels * self.OUTPUTS, label_dim=label_dim, **self.model_kwargs
            )
        except TypeError as error:
            raise UserError(f"{model_type}: {str(error).split('__init__() ')[-1]}") from None

    @property
    def eps(self) -> float:
        """The noise level at which D is the identity."""
        return 0.0

    def coefficients(self, sigma) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        """c_skip, c_out, c_in, c_noise for sigma of any shape."""
        data, d = self.numbers["sigma_data"], sigma - self.eps
        root = (sigma**2 + data**2).sqrt()
        return data**2 / (d**2 + data**2), d * data / root, 1 / root, sigma.log() / 4

    def sigma_range(self) -> tuple[float, float]:
        """Noise levels that it supports; samplers clip their schedule to them."""
        return 0.0, math.inf

    def round_sigma(self, sigma) -> float:
        """The noise level that a schedule of EDM's sampler gets in its place: the nearest one that the network has."""
        return sigma

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
        made = self.model(h, noise, labels, augment_labels)
        if self.OUTPUTS > 1:
            made = made[:, : self.img_channels]
        return skip * x + out * made.float()

    def architecture(self) -> dict:
        """What a checkpoint's metadata says about this network."""
        own = {name: value for name, value in self.numbers.items() if value != self.NUMBERS[name]}
        return dict(
            precond=type(self).__name__,
            img_resolution=self.img_resolution,
            img_channels=self.img_channels,
            label_dim=self.label_dim,
            model_kwargs=dict(model_type=self.model_type, **self.model_kwargs, **own),
        )


class GDDPrecond(EDMPrecond):
    @property
    def eps(self) -> float:
        return SIGMA_MIN


class ECMPrecond(EDMPrecond):
    """locuslab/ect, in evaluation: GDD's form with its own lowest level."""

    NUMBERS: ClassVar = {**EDMPrecond.NUMBERS, "sigma_min": 0.003}

    @property
    def eps(self) -> float:
        return self.numbers["sigma_min"]


class VEPrecond(EDMPrecond):
    NUMBERS: ClassVar = {}

    def coefficients(self, sigma) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        one = torch.ones_like(sigma)
        return one, sigma, one, (0.5 * sigma).log()

    def sigma_range(self) -> tuple[float, float]:
        return 0.02, 100.0


class NoisePrecond(EDMPrecond):
    """The network predicts the noise of what has variance 1 + sigma^2 before it is scaled."""

    def coefficients(self, sigma) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        return torch.ones_like(sigma), -sigma, 1 / (sigma**2 + 1).sqrt(), self.noise_label(sigma)

    def noise_label(self, sigma) -> torch.Tensor:
        raise NotImplementedError


class VPPrecond(NoisePrecond):
    NUMBERS: ClassVar = {"beta_d": 19.9, "beta_min": 0.1, "M": 1000}

    def noise_label(self, sigma) -> torch.Tensor:
        """(M - 1) t(sigma)."""
        d, low, m = self.numbers.values()
        return (m - 1) * (((low**2 + 2 * d * (1 + sigma**2).log()).sqrt() - low) / d)

    def sigma_range(self) -> tuple[float, float]:
        d, low, _ = self.numbers.values()
        return tuple(math.sqrt(math.expm1(0.5 * d * t**2 + low * t)) for t in (1e-5, 1.0))


class iDDPMPrecond(NoisePrecond):  # noqa: N801
    """Sigma becomes the nearest level of the table u[0..M], from the highest to 0, which a file keeps."""

    NUMBERS: ClassVar = {"C_1": 0.001, "C_2": 0.008, "M": 1000}
    OUTPUTS = 2  # what it says of its variance is not used

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        c1, c2, m = self.numbers.values()
        if not (float(m).is_integer() and 2 <= m <= 100_000):
            raise UserError(f"M is {m!r}; iDDPMPrecond has from 2 to 100000 noise levels")
        alpha = (0.5 * math.pi * torch.arange(int(m) + 1) / m / (c2 + 1)).sin() ** 2
        u = torch.zeros(int(m) + 1)
        for j in range(int(m), 0, -1):
            u[j - 1] = ((u[j] ** 2 + 1) / (alpha[j - 1] / alpha[j]).clip(min=c1) - 1).sqrt()
        self.register_buffer("u", u)

    def nearest(self, sigma) -> torch.Tensor:
        """Indices of the levels."""
        return (self.u - sigma.unsqueeze(-1)).abs().argmin(-1)

    def noise_label(self, sigma) -> torch.Tensor:
        return len(self.u) - 2 - self.nearest(sigma).float()

    def sigma_range(self) -> tuple[float, float]:
        return float(self.u[-2]), float(self.u[0])

    def round_sigma(self, sigma) -> float:
        at = torch.tensor(sigma, dtype=torch.float32, device=self.u.device)
        return float(self.u[self.nearest(at)])


def number(kwargs, name, default) -> float:
    """A number of a preconditioning's own among the arguments of its network."""
    value = kwargs.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise UserError(f"{name} is {value!r}; it must be a number from 0")
    return value


PRECONDS = {cls.__name__: cls for cls in (EDMPrecond, GDDPrecond, ECMPrecond, VEPrecond, VPPrecond, iDDPMPrecond)}
PRECONDS["D2OPrecond"] = GDDPrecond


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
