"""Instance-wise distillation, the baselines of the paper's first claim: every noise has one image that is right.

`imitation` regresses the teacher's own Heun sample of the same noise. `cd` is consistency distillation (Song et al.
2023, algorithm 2): on one path of the teacher all noise levels have one image,

    d( f(x + t z, t),  f'(x^, u) )        x^: one Heun step of the teacher from t to u, the next lower level

where f' is a moving average of f that gets no gradient, and f(x, sigma_min) = x by its preconditioning.
"""

import torch
import torch.nn as nn

from .ema import EMA
from .freezing import freeze, freeze_card
from .samplers import heun, heun_sigmas
from .student import StudentTrainer


class InstanceTrainer(StudentTrainer):
    """teacher: frozen, in evaluation. loss: of (the student's images, what they should be), a scalar."""

    def __init__(
        self, net, teacher, loss: nn.Module, data, config, world, provenance=None, measure=None, compile=False
    ) -> None:
        freeze(net, config.method, config.freeze)
        provenance = {**(provenance or {}), **freeze_card(net, config.method, config.freeze)}
        super().__init__(net, data, config, world, provenance, measure, compile)
        self.teacher = teacher.to(world.device).eval().requires_grad_(False)
        self.loss = loss.to(world.device)

    def pair(self, x, labels, z) -> tuple[torch.Tensor, torch.Tensor]:
        """The student's images, and what they should be."""
        raise NotImplementedError

    def learn(self, x, labels, z) -> dict[str, torch.Tensor]:
        loss = self.loss(*self.pair(x, labels, z[0]))
        self.update(self.g_optimiser, loss, self.net.parameters())
        return {"g": loss.detach()}


class ImitationTrainer(InstanceTrainer):
    def pair(self, x, labels, z) -> tuple[torch.Tensor, torch.Tensor]:
        """No real image plays a part; classes are those of the batch."""
        c = self.config
        wanted = heun(self.teacher, z, labels, c.imitation_steps, c.sigma)
        return self.fakes(z, labels), wanted


class ConsistencyTrainer(InstanceTrainer):
    """net: in GDD's or ECT's preconditioning (assemble.consistent), where f(x, eps) = x holds exactly."""

    def __init__(self, net, *args, **kw) -> None:
        super().__init__(net, *args, **kw)
        self.target = EMA(self.net, 0).net  # a copy, in evaluation
        self.kept["target"] = self.target
        levels = heun_sigmas(self.config.cd_steps, self.config.sigma, self.net.eps)[:-1]
        self.sigmas = levels.float().to(self.world.device)

    def pair(self, x, labels, z) -> tuple[torch.Tensor, torch.Tensor]:
        level = self.draws.levels(self.config.cd_steps - 1, self.iteration).to(x.device)[self.part]
        t, u = self.sigmas[level], self.sigmas[level + 1]
        noisy = x + t.view(-1, 1, 1, 1) * z
        with torch.no_grad():
            wanted = self.target(heun_step(self.teacher, noisy, t, u, labels), u, labels)
        return self.run_g(noisy, t, labels), wanted

    def learn(self, x, labels, z) -> dict[str, torch.Tensor]:
        out = super().learn(x, labels, z)
        with torch.no_grad():
            averages, values = list(self.target.parameters()), [p.detach() for p in self.net.parameters()]
            torch._foreach_lerp_(averages, values, 1 - self.config.target_decay)
        return out

    def begin_from(self, tensors, images=0, minutes=0.0) -> None:
        super().begin_from(tensors, images, minutes)
        self.target.load_state_dict(self.net.state_dict())


def heun_step(net, x, t, u, labels=None) -> torch.Tensor:
    """One step of Heun's method along the path of `net`; t and u [N], from t to u, which is not 0."""
    t, u = t.view(-1, 1, 1, 1), u.view(-1, 1, 1, 1)
    d = (x - net(x, t, labels)) / t
    y = x + (u - t) * d
    return x + (u - t) * 0.5 * (d + (y - net(y, u, labels)) / u)


TRAINERS = {"imitation": ImitationTrainer, "cd": ConsistencyTrainer}
