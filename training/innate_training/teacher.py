"""The diffusion teacher: EDM's denoising loss (Karras et al. 2022, table 1, 'Training').

ln sigma ~ N(P_mean, P_std^2),  lambda = (sigma^2 + sd^2) / (sigma sd)^2,  loss = lambda * |D(y + n; sigma) - y|^2
"""

from dataclasses import dataclass

import torch

from . import augment
from .checkpoint import save_network
from .data import Shuffle, generator, step_seed
from .ema import EMA
from .loop import adam, run_loop, sanitise
from .precond import SIGMA_DATA
from .sheet import teacher_sheet


@dataclass
class TeacherConfig:
    images: int = 1_000_000  # length of the run
    batch: int = 64  # over all processes
    lr: float = 8e-4
    warmup: int = 12_800  # images of linear warm-up, from each start of the optimiser
    # The share of the run (of its images or its planned time) after which the rate falls linearly ...
    decay_from: float = 0.8
    decay_to: float = 0.05  # ... to this share of it
    betas: tuple = (0.9, 0.99)
    clip: float = 1.0  # gradient norm, 0 = off
    p_mean: float = -1.2
    p_std: float = 1.2
    xflip: bool = True  # without augmentation: mirror half of the images
    augment: float = 0.0  # EDM's augmentation probability (0.12 on CIFAR-10); needs augment_dim = 9
    ema_halflife: float = 8_000  # images
    ema_rampup: float = 0.05
    seed: int = 0
    snapshot_every: int = 192_000
    sheet_steps: int = 12  # Heun steps of a sheet


def edm_loss(net, x, labels, sigma, noise, augment_labels=None) -> torch.Tensor:
    """Per-pixel weighted squared error [N, C, H, W]."""
    s = sigma.view(-1, 1, 1, 1)
    weight = (s**2 + SIGMA_DATA**2) / (s * SIGMA_DATA) ** 2
    return weight * (net(x + noise * s, sigma, labels, augment_labels) - x) ** 2


class TeacherTrainer:
    def __init__(self, net, data, config, world, provenance=None, compile=False) -> None:
        self.config, self.world, self.provenance = config, world, provenance or {}
        self.net = net.to(world.device).train()
        self.data = data.to(world.device)
        self.ema = EMA(self.net, config.ema_halflife, config.ema_rampup)
        self.optimiser = adam(self.net.parameters(), config.lr, tuple(config.betas))
        self.images = self.iteration = self.born = 0  # born: images when the optimiser's state began
        self.minutes = self.progress = 0.0  # progress: of the planned time, 0 to 1
        self.shuffle = Shuffle(len(data), config.seed)
        self.part = world.part(config.batch)
        self.run = world.wrap(torch.compile(self.net) if compile else self.net)

    def rate(self) -> float:
        c, seen = self.config, self.images
        warm = min(1.0, (seen - self.born + c.batch) / c.warmup) if c.warmup else 1.0
        late = (max(seen / c.images, self.progress) - c.decay_from) / (1 - c.decay_from) if c.decay_from < 1 else 0.0
        return c.lr * warm * (1 - (1 - c.decay_to) * min(max(late, 0.0), 1.0))

    def draw(self) -> list[torch.Tensor | None]:
        """This process's share of the step's batch: image, label, sigma, noise, augmentation label."""
        c, device = self.config, self.world.device
        g = generator(device, c.seed, "teacher", self.iteration)
        x, labels = self.data.batch(self.shuffle.indices(self.images, c.batch).to(device))
        sigma = (torch.randn(c.batch, generator=g, device=device) * c.p_std + c.p_mean).exp()
        noise = torch.randn(x.shape, generator=g, device=device)
        told = None
        if c.augment:
            x, told = augment.edm_augment(x, c.augment, g)
        elif c.xflip:
            mirrored = torch.rand(c.batch, generator=g, device=device) < 0.5
            x = torch.where(mirrored.view(-1, 1, 1, 1), x.flip(3), x)
        return [None if t is None else t[self.part] for t in (x, labels, sigma, noise, told)]

    def step(self) -> dict[str, torch.Tensor]:
        c = self.config
        torch.manual_seed(step_seed(c.seed, f"dropout/{self.world.rank}", self.iteration))
        x, labels, sigma, noise, told = self.draw()
        loss = edm_loss(self.run, x, labels if self.net.label_dim else None, sigma, noise, told).mean()
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        sanitise(self.net.parameters())
        if c.clip:
            torch.nn.utils.clip_grad_norm_(self.net.parameters(), c.clip)
        for group in self.optimiser.param_groups:
            group["lr"] = self.rate()
        self.optimiser.step()
        self.ema.update(self.net, self.images, c.batch)
        self.images += c.batch
        self.iteration += 1
        return {"loss": loss.detach()}

    def state(self) -> dict:
        return dict(
            net=self.net.state_dict(),
            ema=self.ema.net.state_dict(),
            optimiser=self.optimiser.state_dict(),
            images=self.images,
            iteration=self.iteration,
            born=self.born,
            minutes=self.minutes,
        )

    def restore(self, state) -> None:
        self.net.load_state_dict(state["net"])
        self.ema.net.load_state_dict(state["ema"])
        self.optimiser.load_state_dict(state["optimiser"])
        for key in ("images", "iteration", "born", "minutes"):
            setattr(self, key, state[key])

    def begin_from(self, tensors, images=0, minutes=0.0) -> None:
        """Weights without an optimiser: the moments are rebuilt under a warm-up."""
        weights = {k: v.float() for k, v in tensors.items()}
        self.net.load_state_dict(weights, strict=False)
        self.ema.net.load_state_dict(weights, strict=False)
        self.images = self.born = images
        self.iteration = images // self.config.batch
        self.minutes = minutes

    def card(self) -> dict[str, str]:
        return {
            **self.provenance,
            "method": "edm",
            "images_seen": str(self.images),
            "minutes": str(round(self.minutes, 1)),
        }

    def write_weights(self, folder) -> None:
        save_network(folder.file("ema.safetensors"), self.ema.net, self.card())

    def snapshot(self, folder, world, clock) -> str:
        if world.first:
            name = f"{self.images:09d}"
            save_network(folder.file("snapshots", f"{name}.safetensors"), self.ema.net, self.card(), torch.float16)
            teacher_sheet(folder.file("snapshots", f"{name}.png"), self.ema.net, steps=self.config.sheet_steps)
        world.barrier()
        return f"snapshot at {self.images:,} images"


def train_teacher(trainer, folder, world, minutes=None, label="teacher", **kw) -> str:
    return run_loop(
        trainer,
        folder,
        world,
        images=trainer.config.images,
        minutes=minutes,
        snapshot_every=trainer.config.snapshot_every,
        label=label,
        **kw,
    )
