"""What every student's trainer shares, whatever its loss: draws, rates, the average, snapshots, the saved state."""

import torch

from .augment import torch_augmentation
from .checkpoint import save_network
from .data import Shuffle, generator, step_seed
from .ema import EMA
from .errors import UserError
from .layers import UNetBlock
from .loop import Stopped, adam, sanitise
from .samplers import generate
from .sheet import write_sheet
from .streams import PageDraws


def middle_of(config) -> float | None:
    """The sigma of the second of a student's two evaluations; None where it has one."""
    if config.nfe not in (1, 2):
        raise UserError(f"nfe is {config.nfe!r}; a student has 1 evaluation, or 2")
    if config.nfe == 1:
        return None
    if config.method == "cd":
        raise UserError("cd learns every noise level and is no two-step student: its nfe is 1")
    if not 0 < config.sigma_mid < config.sigma:
        raise UserError(f"sigma_mid is {config.sigma_mid!r}; it must be below sigma, {config.sigma:g}")
    return config.sigma_mid


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

    def levels(self, count, iteration) -> torch.Tensor:
        """One of `count` noise levels for each image."""
        return torch.randint(count, (self.config.batch,), generator=self.g, device=self.world.device)

    def noise(self, iteration, use) -> torch.Generator:
        if use == 0:
            self.g_noise = generator(self.world.device, self.config.seed, f"noise/{self.world.rank}", iteration)
        return self.g_noise

    def augmentation(self, shape, iteration, use) -> list[torch.Tensor]:
        return torch_augmentation(shape, self.g_noise)


class StudentTrainer:
    """A generator that begins as its teacher's copy. Subclasses say in `learn` what a step learns from a batch, add
    to `kept` what they save beside the student, and to `rates` their own optimisers with their full rates.

    net: what trains of it has `requires_grad`.
    """

    KEPT = ("images", "iteration", "born", "minutes", "best", "low")

    def __init__(self, net, data, config, world, provenance=None, measure=None, compile=False) -> None:
        self.config, self.world, self.provenance, self.measure = config, world, provenance or {}, measure
        self.net = net.to(world.device).train()
        for block in self.net.modules():
            if isinstance(block, UNetBlock):
                block.dropout = config.dropout
        self.net.model.label_dropout = 0.0
        self.net.start_sigma = config.sigma  # the average is a copy and makes images so too
        self.net.sigma_mid = middle_of(config)
        self.ema = EMA(self.net, config.ema_halflife, config.ema_rampup)
        if config.heads == "paper":
            self.ema.net.dtype = torch.float32  # published samples are
        self.data = data.to(world.device)
        trainable = [p for p in self.net.parameters() if p.requires_grad]
        self.g_optimiser = adam(trainable, config.g_lr, tuple(config.betas))
        self.rates = [(self.g_optimiser, config.g_lr)]
        self.kept = dict(net=self.net, ema=self.ema.net, g_optimiser=self.g_optimiser)
        self.images = self.iteration = self.born = 0
        self.minutes, self.best, self.low = 0.0, None, 0
        self.progress = 0.0  # of the planned time, 0 to 1
        self.part = world.part(config.batch)
        self.draws = self.new_draws(len(data))
        self.run_g = world.wrap(torch.compile(self.net) if compile else self.net)

    def new_draws(self, count) -> TorchDraws | PageDraws:
        c = self.config
        if c.random == "torch":
            return TorchDraws(c, count, self.world)
        if c.random != "page" or self.world.size > 1:
            raise UserError('random is "torch", or "page" for one process')
        return PageDraws(c, count)

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

    def fakes(self, z, labels, net=None) -> torch.Tensor:
        """The student's images of unit noise, as it will always make them."""
        c = self.config
        return generate(net or self.run_g, z * c.sigma, c.sigma, self.net.sigma_mid, labels)

    def update(self, optimiser, loss, parameters) -> None:
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        sanitise(parameters)
        optimiser.step()

    def learn(self, x, labels, z) -> dict[str, torch.Tensor]:
        """The updates of one iteration; the losses by name."""
        raise NotImplementedError

    def step(self) -> dict[str, torch.Tensor]:
        c = self.config
        self.set_rates()
        torch.manual_seed(step_seed(c.seed, f"dropout/{self.world.rank}", self.iteration))
        out = self.learn(*self.draw())
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
        for optimiser, lr in self.rates:
            for group in optimiser.param_groups:
                group["lr"] = lr * warm

    # state ---------------------------------------------------------------------------------------------------

    def state(self) -> dict:
        parts = {name: part.state_dict() for name, part in self.kept.items()}
        return {**parts, **{k: getattr(self, k) for k in self.KEPT}}

    def restore(self, state) -> None:
        for name, part in self.kept.items():
            part.load_state_dict(state[name])
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
            "nfe": str(self.config.nfe),
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
