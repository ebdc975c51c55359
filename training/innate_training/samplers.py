"""One-step and two-step generation, and EDM's deterministic Heun sampler."""

import torch

from .precond import SIGMA_MAX, SIGMA_MID, SIGMA_MIN


@torch.no_grad()
def one_step(net, latents, labels=None, sigma=None) -> torch.Tensor:
    """image = D(z * sigma, sigma) at the sigma where the network starts: one network evaluation."""
    sigma = net.start_sigma if sigma is None else sigma
    return net(latents.float() * sigma, sigma, labels)


@torch.no_grad()
def two_step(net, latents, labels=None, sigma_mid=None) -> torch.Tensor:
    """Two evaluations, at the start sigma and at the network's own middle one, unless another is given."""
    sigma_mid = sigma_mid or net.sigma_mid or SIGMA_MID
    return generate(net, latents.float() * net.start_sigma, net.start_sigma, sigma_mid, labels)


def generate(denoise, x, sigma, sigma_mid=None, labels=None) -> torch.Tensor:
    """Images from x = z * sigma, as `run_G` of Zyriix/D2O (training/loss.py) makes them: denoised at sigma; in two
    steps from there along the straight line to sigma_mid and denoised again, gradients through both evaluations.

    x + (x0 - x) / t * (t - u) is written x0 + (x - x0) * u / t: in float32 it loses less.
    """
    first = denoise(x, sigma, labels)
    if sigma_mid is None:
        return first
    return denoise(first + (x - first) * (sigma_mid / sigma), sigma_mid, labels)


def heun_sigmas(steps, sigma_max=SIGMA_MAX, sigma_min=SIGMA_MIN, rho=7.0) -> torch.Tensor:
    """Noise levels from sigma_max to sigma_min and a final 0 (Karras et al. 2022, eq. 5): [steps + 1], float64."""
    i = torch.arange(steps, dtype=torch.float64)
    top, bottom = sigma_max ** (1 / rho), sigma_min ** (1 / rho)
    t = (top + i / max(steps - 1, 1) * (bottom - top)) ** rho
    return torch.cat([t, t.new_zeros(1)])


@torch.no_grad()
def heun(net, latents, labels=None, steps=18, sigma_max=SIGMA_MAX) -> torch.Tensor:
    """2 * steps - 1 evaluations from unit noise times sigma_max, at levels clipped and rounded to what the network has.

    x and the coefficients stay in float64: at sigma = 80 float32 costs 1e-4.
    """
    low, high = net.sigma_range()
    levels = heun_sigmas(steps, min(sigma_max, high), max(SIGMA_MIN, low)).tolist()
    t = [net.round_sigma(sigma) for sigma in levels[:-1]] + [0.0]
    x = latents.double() * t[0]
    for i in range(steps):
        d = (x - net(x, t[i], labels).double()) / t[i]
        y = x + (t[i + 1] - t[i]) * d
        if i < steps - 1:
            d2 = (y - net(y, t[i + 1], labels).double()) / t[i + 1]
            y = x + (t[i + 1] - t[i]) * 0.5 * (d + d2)
        x = y
    return x.float()


def own_nfe(net) -> int:
    """Evaluations that a generator was trained for."""
    return 1 if net.sigma_mid is None else 2


def sample(net, latents, labels=None, nfe=None) -> torch.Tensor:
    """nfe: 1, 2, or an odd number of evaluations by Heun; None: the network's own."""
    nfe = nfe or own_nfe(net)
    if nfe == 1:
        return one_step(net, latents, labels)
    return two_step(net, latents, labels) if nfe == 2 else heun(net, latents, labels, (nfe + 1) // 2)


def sampler_name(nfe) -> str:
    return {1: "one-step", 2: "two-step"}.get(nfe, "heun")


def paper_steps(resolution) -> int:
    """35 evaluations up to 32x32, 79 at 64x64."""
    return 18 if resolution <= 32 else 40
