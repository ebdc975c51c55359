"""One-step generation and EDM's deterministic Heun sampler."""

import torch

from .precond import SIGMA_MAX, SIGMA_MIN


@torch.no_grad()
def one_step(net, latents, labels=None, sigma=None) -> torch.Tensor:
    """image = D(z * sigma, sigma) at the sigma where the network starts: one network evaluation."""
    sigma = net.start_sigma if sigma is None else sigma
    return net(latents.float() * sigma, sigma, labels)


@torch.no_grad()
def two_step(net, latents, labels=None, middle=0.8) -> torch.Tensor:
    """Denoises at the start sigma, goes to `middle` along the straight line and denoises again: two evaluations."""
    start = net.start_sigma
    x = latents.float() * start
    d = (x - net(x, start, labels)) / start
    return net(x + (middle - start) * d, middle, labels)


def heun_sigmas(steps, sigma_max=SIGMA_MAX, rho=7.0) -> torch.Tensor:
    """Noise levels from sigma_max to 0.002 and a final 0 (Karras et al. 2022, eq. 5): [steps + 1], float64."""
    i = torch.arange(steps, dtype=torch.float64)
    top, bottom = sigma_max ** (1 / rho), SIGMA_MIN ** (1 / rho)
    t = (top + i / max(steps - 1, 1) * (bottom - top)) ** rho
    return torch.cat([t, t.new_zeros(1)])


@torch.no_grad()
def heun(net, latents, labels=None, steps=18, sigma_max=SIGMA_MAX) -> torch.Tensor:
    """2 * steps - 1 evaluations from unit noise times sigma_max.

    x and the coefficients stay in float64: at sigma = 80 float32 costs 1e-4.
    """
    t = heun_sigmas(steps, sigma_max).tolist()
    x = latents.double() * t[0]
    for i in range(steps):
        d = (x - net(x, t[i], labels).double()) / t[i]
        y = x + (t[i + 1] - t[i]) * d
        if i < steps - 1:
            d2 = (y - net(y, t[i + 1], labels).double()) / t[i + 1]
            y = x + (t[i + 1] - t[i]) * 0.5 * (d + d2)
        x = y
    return x.float()


def sample(net, latents, labels=None, steps=1) -> torch.Tensor:
    """steps = 1: the one-step generator; more: Heun (2 * steps - 1 evaluations)."""
    return one_step(net, latents, labels) if steps == 1 else heun(net, latents, labels, steps)


def paper_steps(resolution) -> int:
    """35 evaluations up to 32x32, 79 at 64x64."""
    return 18 if resolution <= 32 else 40
