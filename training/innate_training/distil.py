"""GDD and GDD-I: the teacher's weights, run once or twice from a high sigma (the paper's 80), become a generator under
a GAN loss alone.

    loss_G = softplus(-D(G(z)))          loss_D = softplus(D(G(z))) + softplus(-D(x))          R1 on real images, lazily

No distance to the teacher's samples appears anywhere. GDD-I freezes the convolutions of the U-Net blocks.
"""

from dataclasses import dataclass, field, replace
from itertools import islice

import torch
import torch.nn.functional as F

from .augment import diff_augment
from .discriminator import Discriminator, Heads, r1_penalty
from .errors import UserError
from .freezing import freeze, freeze_card
from .loop import adam, run_loop
from .plain_autograd import plain_autograd
from .precond import SIGMA_MAX, SIGMA_MID
from .student import StudentTrainer


@dataclass
class DistilConfig:
    # gdd-i freezes the blocks' convolutions, gdd trains everything; imitation, cd: no discriminator (imitation.py)
    method: str = "gdd-i"
    # Level 0 to 3 of the public code, or globs over parameter names ("enc.*,map_*", or a list of them); None: the
    # method's own level, 1 for gdd-i and 0 for gdd.
    freeze: int | str | list | None = None
    # Where a student starts: x = z * sigma. The paper's 80; 2.5, as SiD, needs a fourth of the images.
    sigma: float = 2.5
    nfe: int = 1  # evaluations for one image of the student: 1 or 2
    sigma_mid: float = SIGMA_MID  # where the second of two is
    images: int = 10_000
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
    # Samples per group of the minibatch-deviation channel, 0 = the whole batch, over all processes.
    deviation_group: int = 0
    class_embeddings: str = ""  # file of the table that the paper's conditional heads begin from; "": random
    loss_type: str = "ns"  # non-saturating, or "hinge"
    loss: str = "scale"  # mean per scale ("scale"), or over all logits of a feature network ("all"); summed
    share_fake: bool = True  # one generator pass for both updates; False: fresh z for each, G first
    # D sees the student's images clipped to [-1, 1], as they are shown; else it tells them by faint texture on black.
    clip_fakes: bool = True
    augment: bool = False  # DiffAugment before the features
    dropout: float = 0.0  # in the generator, whatever the teacher was trained with
    xflip: bool = True
    r1_gamma: float = 0.0
    r1_every: int = 16
    instance_loss: str = "l2"  # of imitation and cd: on pixels, or "lite0", on EfficientNet-Lite0 at feature_size
    imitation_steps: int = 9  # Heun steps of the teacher that imitation regresses
    cd_steps: int = 18  # noise levels from sigma to 0.002 between which cd steps
    target_decay: float = 0.95  # of cd's target network, a step; 0: the student itself
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
    clip_fakes=False,
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


def check_share(config, processes) -> None:
    """Raises where a process's share of the batch is not whole parts of what is taken together."""
    c, share = config, config.batch // processes
    if c.batch % processes:
        return  # World.part says so
    found = f"a process's share of the batch is {share} images (distil.batch {c.batch} over {processes} processes)"
    if processes > 1 and c.batch_gpu and share % c.batch_gpu:
        raise UserError(
            f"{found}, but distil.batch_gpu, the images that batch norm and the sum of the loss take together, is "
            f"{c.batch_gpu}: start a number of processes that divides {max(1, c.batch // c.batch_gpu)}, or give --set "
            f"distil.batch_gpu={share}, as the published code does on that many GPUs"
        )
    if c.deviation_group and share % c.deviation_group and (processes > 1 or share > c.deviation_group):
        raise UserError(
            f"{found}, which does not divide into groups of distil.deviation_group, {c.deviation_group}: give --set "
            f"distil.deviation_group=0, the whole batch, or a divisor of {share}"
        )


def split(items, counts) -> list[list]:
    """Consecutive runs of `items` of those lengths."""
    rest = iter(items)
    return [list(islice(rest, n)) for n in counts]


class DistilTrainer(StudentTrainer):
    def __init__(
        self, net, discriminator: Discriminator, data, config, world, provenance=None, measure=None, compile=False
    ) -> None:
        check_share(config, world.size)
        freeze(net, config.method, config.freeze)
        provenance = {**(provenance or {}), **freeze_card(net, config.method, config.freeze)}
        super().__init__(net, data, config, world, provenance, measure, compile)
        self.discriminator = discriminator.to(world.device).train()
        share = config.r1_every / (config.r1_every + 1) if config.r1_gamma else 1.0  # lazy regularisation's correction
        self.d_lr = config.d_lr * share
        self.d_optimiser = adam(self.heads.parameters(), self.d_lr, tuple(b**share for b in config.betas))
        self.rates.append((self.d_optimiser, self.d_lr))
        self.kept.update(heads=self.heads, d_optimiser=self.d_optimiser)
        self.run_d = world.wrap(self.heads)

    @property
    def heads(self) -> Heads:
        return self.discriminator.heads

    def features(self, x, labels, use) -> list[torch.Tensor]:
        """use: 0 of G's images, 1 of D's where they are others, 2 of real ones, 3 of R1's."""
        noise = self.draws.noise(self.iteration, use)
        if self.config.clip_fakes and use < 2:
            x = x.clamp(-1, 1)
        if self.config.augment and use != 3:
            x = diff_augment(x, self.draws.augmentation(x.shape, self.iteration, use))
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

    def learn(self, x, labels, z) -> dict[str, torch.Tensor]:
        c, out = self.config, {}
        if c.share_fake:
            # one pass serves both: D learns from the detached features, G then answers the updated D
            fake = self.features(self.fakes(z[0], labels), labels, 0)
            out["d"] = self.step_d([m.detach() for m in fake], x, labels)
            out["g"] = self.step_g(fake, labels)
        else:
            out["g"] = self.step_g(self.features(self.fakes(z[0], labels), labels, 0), labels)
            with torch.no_grad():
                fake = self.features(self.fakes(z[1], labels, self.net), labels, 1)
            out["d"] = self.step_d(fake, x, labels)
        if c.r1_gamma and self.iteration and self.iteration % c.r1_every == 0:
            self.step_r1(x, labels)
        return out


def distil(trainer, folder, world, minutes=None, label="student", **kw) -> str:
    if world.first and not folder.read_log():
        # What the run trains is the first line of its log.
        folder.log(dict(event="start", **trainer.card()))
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
