"""Exponential moving average of a network, with the half-life in images and EDM's ramp-up."""

import copy

import torch


class EMA:
    def __init__(self, net, halflife, rampup=0.05) -> None:
        self.halflife, self.rampup = halflife, rampup
        self.net = copy.deepcopy(net).eval().requires_grad_(False)

    def beta(self, images, batch) -> float:
        """Weight of the old average after a step of `batch` images when `images` were seen before it."""
        halflife = min(self.halflife, images * self.rampup) if self.rampup else self.halflife
        return 0.5 ** (batch / max(halflife, 1e-8))

    @torch.no_grad()
    def update(self, net, images, batch) -> None:
        averages, values = list(self.net.parameters()), [p.detach() for p in net.parameters()]
        torch._foreach_lerp_(averages, values, 1 - self.beta(images, batch))
        for a, v in zip(self.net.buffers(), net.buffers()):
            a.copy_(v)
