"""GDD and GDD-I: the teacher's weights, run once at a high sigma (the paper's 80), become a generator under a GAN
loss alone.

    loss_G = softplus(-D(G(z)))          loss_D = softplus(D(G(z))) + softplus(-D(x))          R1 on real images, lazily

No distance to the teacher's samples appears anywhere. GDD-I freezes the convolutions of the U-Net blocks.
"""

from dataclasses import dataclass, field, replace
from itertools import islice

import torch
import torch.nn.functional as F

from .augment import diff_augment
from .checkpoint import save_network
from .data import Shuffle, generator, step_seed
from .discriminator import Discriminator, Heads, r1_penalty
from .ema import EMA
from .errors import UserError
from .fused import plain_autograd
from .layers import UNetBlock
from .loop import Stopped, adam, run_loop, sanitise
from .precond import FREEZE_LEVELS, SIGMA_MAX, frozen_at
from .sheet import write_sheet
from .streams import PageDraws


@dataclass
class DistilConfig:
    method: str = "gdd-i"  # gdd-i freezes the blocks' convolutions, gdd trains everything
    freeze: int | None = None  # level 0 to 3 of the public code; None: the method's own, 1 for gdd-i and 0 for gdd
    # Where the one step starts: x = z * sigma. The paper's 80; 2.5, as SiD, needs a fourth of the images.
    sigma: float = 2.5
    images: int = 100_000
    batch: int = 32  # over all processes
    # Images on one GPU of a published run: the loss is the sum over them, batch norm sees that many; 0: a mean, all.
    batch_gpu: int = 0
    g_lr: float = 2e-4
    d_lr: float = 4e-4
    betas: tuple = (0.0, 0.99)
    warmup: int = 1_600  # images, from each start of the optimisers
    decay_from: float = 1.0  # share of the run after which both rates fall linearly, 1 = never ...
    decay_to: float = 0.05  # ... to this share of them
    # and/or "encoder"; "vgg16-bn" and "deit-distilled" where their files are at hand (--features-dir)
    features: list = field(default_factory=lambda: ["efficientnet-lite0"])
    feature_size: int = 128  # input of all of them but the encoder
    mix_encoder: bool = True  # the encoder's maps go through random mixing as the others' do
    heads: str = "small"  # "paper" at batches of 256 and more
    head_width: int = 128
    deviation_group: int = 0  # samples per group of the minibatch-deviation channel, 0 = the whole batch
    class_embeddings: str = ""  # file of the table that the paper's conditional heads begin from; "": random
    loss_type: str = "ns"  # non-saturating, or "hinge"
    loss: str = "scale"  # mean per scale ("scale"), or over all logits of a feature network ("all"); summed
    share_fake: bool = True  # one generator pass for both updates; False: fresh z for each, G first
    augment: bool = False  # DiffAugment before the features
    dropout: float = 0.0  # in the generator, whatever the teacher was trained with
    xflip: bool = True
    r1_gamma: float = 0.0
    r1_every: int = 16
    ema_halflife: float = 8_000  # images; a short average at batch 32 shows the noise of the latest weights
    ema_rampup: float = 0.25  # the half-life is at most this share of the images seen
    seed: int = 0
    random: str = "torch"  # or "page": the numbers that the page and `innate distil` draw from the seed
    snapshot_every: int = 6_400
    measure_images: int = 1_000
    min_spread: float = 0.5  # below it a snapshot counts as collapsed


# The published commands (train.sh of Zyriix/D2O) on four GPUs: no DiffAugment, no mirroring, a loss summed over the
# images of a GPU and over feature networks, fresh noise for each update, lazy R1.
PAPER = dict(
    sigma=SIGMA_MAX,
    heads="paper",
    feature_size=224,
    loss="all",
    share_fake=False,
    augment=False,
    xflip=False,
    r1_gamma=1e-4,
    warmup=0,
    ema_halflife=500_000,
    ema_rampup=0.05,
    batch=256,
    batch_gpu=64,
    seed=42,
    snapshot_every=250_000,
    measure_images=10_000,
)
PRESETS = {
    "small": {},
    "small-encoder": dict(features=["encoder"]),
    "encoder": dict(features=["encoder"], g_lr=4e-4, d_lr=8e-4),
    "paper-cifar10": dict(PAPER, g_lr=1e-4, d_lr=1e-4, images=5_000_000),
    "paper-faces": dict(PAPER, g_lr=2e-5, d_lr=4e-5, images=10_000_000),
    "paper-imagenet": dict(
        PAPER, g_lr=8e-6, d_lr=4e-5, batch=512, batch_gpu=128, ema_halflife=50_000_000, images=10_000_000
    ),
}


def preset(name, **changes) -> DistilConfig:
    if name not in PRESETS:
        raise UserError(f"unknown preset {name!r}; known: {', '.join(PRESETS)}")
    return replace(DistilConfig(), **{**PRESETS[name], **changes})


def freeze(net, method, level=None) -> list[torch.nn.Parameter]:
    """Trainable parameters by method, or by level. The layer of training-time augmentation gets no gradient."""
    if method not in ("gdd", "gdd-i"):
        raise UserError(f"unknown method {method!r}; known: gdd, gdd-i")
    if level not in (None, *range(len(FREEZE_LEVELS))):
        raise UserError(f"freeze is {level!r}; it must be a level from 0 to {len(FREEZE_LEVELS) - 1}")
    frozen = set(frozen_at(net, freeze_level(method, level)))
    for name, p in net.named_parameters():
        p.requires_grad_(name not in frozen)
    return [p for p in net.parameters() if p.requires_grad]


def freeze_level(method, level) -> int:
    return level if level is not None else int(method == "gdd-i")


def split(items, counts) -> list[list]:
    """Consecutive runs of `items` of those lengths."""
    rest = iter(items)
    return [list(islice(rest, n)) for n in counts]


class TorchDraws:
    """What a step draws with torch's generators. Every rank draws the whole batch's numbers."""

    def __init__(self, config, count, world) -> None:
        self.config, self.world, self.shuffle = config, world, Shuffle(count, config.seed)

    def indices(self, images) -> torch.Tensor:
        return self.shuffle.indices(images, self.config.batch)

    def mirrored(self, images, iteration, device) -> torch.Tensor:
        self.g = generator(device, self.config.seed, "distil", iteration)
        return torch.rand(self.config.batch, generator=self.g, device=device) < 0.5

    def latents(self, shape, iteration, device) -> list[torch.Tensor]:
        if not self.config.xflip:  # else it has drawn the mirroring
            self.g = generator(device, self.config.seed, "distil", iteration)
        return [torch.randn(shape, generator=self.g, device=device) for _ in range(1 if self.config.share_fake else 2)]

    def noise(self, iteration, use) -> torch.Generator:
        if use == 0:
            self.g_noise = generator(self.world.device, self.config.seed, f"noise/{self.world.rank}", iteration)
        return self.g_noise


class DistilTrainer:
    def __init__(
        self, net, discriminator: Discriminator, data, config, world, provenance=None, measure=None, compile=False
    ) -> None:
        self.config, self.world, self.provenance, self.measure = config, world, provenance or {}, measure
        self.net = net.to(world.device).train()
        trainable = freeze(self.net, config.method, config.freeze)
        for block in self.net.modules():
            if isinstance(block, UNetBlock):
                block.dropout = config.dropout
        self.net.start_sigma = config.sigma  # the average is a copy and starts there too
        self.ema = EMA(self.net, config.ema_halflife, config.ema_rampup)
        self.discriminator = discriminator.to(world.device).train()
        self.data = data.to(world.device)
        self.g_optimiser = adam(trainable, config.g_lr, tuple(config.betas))
        share = config.r1_every / (config.r1_every + 1) if config.r1_gamma else 1.0  # lazy regularisation's correction
        self.d_lr = config.d_lr * share
        self.d_optimiser = adam(self.heads.parameters(), self.d_lr, tuple(b**share for b in config.betas))
        self.images = self.iteration = self.born = 0
        self.minutes, self.best, self.low = 0.0, None, 0
        self.progress = 0.0  # of the planned time, 0 to 1
        self.part = world.part(config.batch)
        self.draws = self.new_draws(len(data))
        self.run_g = world.wrap(torch.compile(self.net) if compile else self.net)
        self.run_d = world.wrap(self.heads)

    def new_draws(self, count) -> TorchDraws | PageDraws:
        c = self.config
        if c.random == "torch":
            return TorchDraws(c, count, self.world)
        if c.random != "page" or self.world.size > 1 or c.augment:
            raise UserError('random is "torch", or "page" for one process without augmentation')
        return PageDraws(c, count)

    @property
    def heads(self) -> Heads:
        return self.discriminator.heads

    # one iteration -------------------------------------------------------------------------------------------

    def draw(self) -> tuple[torch.Tensor, torch.Tensor | None, list[torch.Tensor]]:
        """Real images, their classes (also the fakes'), noise for each stage."""
        c, device = self.config, self.world.device
        x, labels = self.data.batch(self.draws.indices(self.images).to(device))
        labels = labels if self.net.label_dim else None
        if c.xflip:
            mirrored = self.draws.mirrored(self.images, self.iteration, device)
            x = torch.where(mirrored.view(-1, 1, 1, 1), x.flip(3), x)
        z = [latents[self.part] for latents in self.draws.latents(x.shape, self.iteration, device)]
        return x[self.part], None if labels is None else labels[self.part], z

    def features(self, x, labels, use) -> list[torch.Tensor]:
        """use: 0 of G's images, 1 of D's where they are others, 2 of real ones, 3 of R1's."""
        noise = self.draws.noise(self.iteration, use)
        x = diff_augment(x, noise) if self.config.augment and use != 3 else x
        return self.discriminator.features(x, labels, noise)

    def sum_over(self, logits, term) -> torch.Tensor:
        """Summed over scales or feature networks; over images a mean, times those of a published run's GPU."""
        c = self.config
        if c.loss == "all":
            logits = [torch.cat(own, 1) for own in split(logits, self.heads.counts)]
        total = sum(term(entry).mean() for entry in logits)
        return total * min(c.batch, c.batch_gpu) if c.batch_gpu else total

    def g_loss(self, maps, labels) -> torch.Tensor:
        hinge = self.config.loss_type == "hinge"
        return self.sum_over(self.heads(maps, labels), lambda x: -x if hinge else F.softplus(-x))

    def d_loss(self, fake, real, labels) -> torch.Tensor:
        hinge = self.config.loss_type == "hinge"
        return self.sum_over(
            self.run_d(fake, labels), lambda x: F.relu(1 + x) if hinge else F.softplus(x)
        ) + self.sum_over(self.run_d(real, labels), lambda x: F.relu(1 - x) if hinge else F.softplus(-x))

    def update(self, optimiser, loss, parameters) -> None:
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        sanitise(parameters)
        optimiser.step()

    def step_d(self, fake, x, labels) -> torch.Tensor:
        with torch.no_grad():
            real = self.features(x, labels, 2)
        loss = self.d_loss(fake, real, labels)
        self.update(self.d_optimiser, loss, self.heads.parameters())
        return loss.detach()

    def step_g(self, maps, labels) -> torch.Tensor:
        self.heads.requires_grad_(False)
        loss = self.g_loss(maps, labels)
        self.update(self.g_optimiser, loss, self.net.parameters())
        self.heads.requires_grad_(True)
        return loss.detach()

    def step_r1(self, x, labels) -> torch.Tensor:
        """gamma/2 |grad|^2 on real images, without augmentation, as a step of its own."""
        c = self.config
        with plain_autograd():
            penalty, _ = r1_penalty(lambda v: self.run_d(self.features(v, labels, 3), labels), x)
            loss = penalty.mean() * (c.r1_gamma / 2) * c.r1_every
            self.update(self.d_optimiser, loss, self.heads.parameters())
        return penalty.mean().detach()

    def step(self) -> dict[str, torch.Tensor]:
        c = self.config
        self.set_rates()
        torch.manual_seed(step_seed(c.seed, f"dropout/{self.world.rank}", self.iteration))
        x, labels, z = self.draw()
        out = {}
        if c.share_fake:
            # one pass serves both: D learns from the detached features, G then answers the updated D
            fake = self.features(self.run_g(z[0] * c.sigma, c.sigma, labels), labels, 0)
            out["d"] = self.step_d([m.detach() for m in fake], x, labels)
            out["g"] = self.step_g(fake, labels)
        else:
            out["g"] = self.step_g(self.features(self.run_g(z[0] * c.sigma, c.sigma, labels), labels, 0), labels)
            with torch.no_grad():
                fake = self.features(self.net(z[1] * c.sigma, c.sigma, labels), labels, 1)
            out["d"] = self.step_d(fake, x, labels)
        if c.r1_gamma and self.iteration and self.iteration % c.r1_every == 0:
            self.step_r1(x, labels)
        self.ema.update(self.net, self.images, c.batch)
        self.images += c.batch
        self.iteration += 1
        return out

    def set_rates(self) -> None:
        c = self.config
        warm = min(1.0, (self.images - self.born + c.batch) / c.warmup) if c.warmup else 1.0
        late = (
            (max(self.images / c.images, self.progress) - c.decay_from) / (1 - c.decay_from)
            if c.decay_from < 1
            else 0.0
        )
        warm *= 1 - (1 - c.decay_to) * min(max(late, 0.0), 1.0)
        for optimiser, lr in ((self.g_optimiser, c.g_lr), (self.d_optimiser, self.d_lr)):
            for group in optimiser.param_groups:
                group["lr"] = lr * warm

    # state ---------------------------------------------------------------------------------------------------

    KEPT = ("images", "iteration", "born", "minutes", "best", "low")

    def state(self) -> dict:
        return dict(
            net=self.net.state_dict(),
            ema=self.ema.net.state_dict(),
            heads=self.heads.state_dict(),
            g_optimiser=self.g_optimiser.state_dict(),
            d_optimiser=self.d_optimiser.state_dict(),
            **{k: getattr(self, k) for k in self.KEPT},
        )

    def restore(self, state) -> None:
        self.net.load_state_dict(state["net"])
        self.ema.net.load_state_dict(state["ema"])
        self.heads.load_state_dict(state["heads"])
        self.g_optimiser.load_state_dict(state["g_optimiser"])
        self.d_optimiser.load_state_dict(state["d_optimiser"])
        for key in self.KEPT:
            setattr(self, key, state[key])

    def begin_from(self, tensors, images=0, minutes=0.0) -> None:
        """From a student's weights, with a new discriminator and new moments."""
        weights = {k: v.float() for k, v in tensors.items()}
        self.net.load_state_dict(weights, strict=False)
        self.ema.net.load_state_dict(weights, strict=False)
        self.images = self.born = images
        self.iteration, self.minutes = images // self.config.batch, minutes

    def card(self) -> dict[str, str]:
        return {
            **self.provenance,
            "method": self.config.method,
            "freeze": str(freeze_level(self.config.method, self.config.freeze)),
            "images_seen": str(self.images),
            "minutes": str(round(self.minutes, 1)),
        }

    def write_weights(self, folder) -> None:
        save_network(folder.file("ema.safetensors"), self.ema.net, self.card())

    def snapshot(self, folder, world, clock) -> str:
        """Sheet, weights, distance; keeps the best, and stops a run whose images have become one image."""
        stop, line = None, f"snapshot at {self.images:,} images"
        self.minutes += clock.lap()
        if world.first:
            name = f"{self.images:09d}"
            path = folder.file("snapshots", f"{name}.safetensors")
            save_network(path, self.ema.net, self.card(), torch.float16)
            write_sheet(folder.file("snapshots", f"{name}.png"), self.ema.net)
            if self.measure is not None:
                line, stop = self.judge(folder, line)
        world.barrier()
        if world.agree(stop is not None):
            raise Stopped(stop or "collapsed")
        return line

    def judge(self, folder, line) -> tuple[str, str | None]:
        from .frechet import generate

        got = self.measure.compare(self.measure.features(generate(self.ema.net, self.config.measure_images)))
        healthy = got["spread"] >= self.config.min_spread
        self.low = 0 if healthy else self.low + 1
        record = dict(
            images=self.images,
            frechet=round(got["value"], 4),
            error=got["error"],
            spread=round(got["spread"], 4),
            features=self.measure.name,
            n=self.config.measure_images,
            reference=self.measure.reference_name,
        )
        folder.log(dict(event="measure", **record))
        if healthy and (self.best is None or got["value"] < self.best):
            self.best = got["value"]
            save_network(folder.file("best.safetensors"), self.ema.net, self.card())
            folder.write_json("best.json", record)
        line += f": Fréchet {got['value']:.3f} ({self.measure.name}, best {self.best or float('nan'):.3f})"
        line += f", spread {got['spread']:.2f}"
        # a student starts as the teacher's blur, whose spread is low too: only a loss of spread is a collapse
        collapsed = self.low >= 2 and self.best is not None
        return (
            line,
            f"collapsed: the spread of the features fell to {got['spread']:.2f} of real images'" if collapsed else None,
        )


def distil(trainer, folder, world, minutes=None, label="student", **kw) -> str:
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
