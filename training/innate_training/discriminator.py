"""The Projected-GAN discriminator (Sauer et al. 2021): frozen features, random frozen mixing, a head per scale.

`paper`: exactly the published heads (spectral norm, batch norm, projected class embedding), for batches of 256.
`small`: heads without batch norm, with one minibatch-deviation channel. Batch norm with a fake batch's own
statistics hides that all its images are alike; at batch 32 the generator then collapses onto one image.
"""

import math

import torch
import torch.nn as nn
import torch.nn.functional as F

from .distributed import processes, sum_over_processes


class SpectralConv2d(nn.Module):
    """Convolution divided by its largest singular value: one power iteration per training forward pass.

    The vectors u and v are state: they belong to a checkpoint.
    """

    def __init__(self, inputs, outputs, kernel, stride=1, padding=0, bias=False, settle=True) -> None:
        super().__init__()
        plain = nn.Conv2d(inputs, outputs, kernel, stride, padding, bias=bias)  # for its initialisation
        self.stride, self.padding = stride, padding
        self.weight_orig = nn.Parameter(plain.weight.detach())
        self.bias = nn.Parameter(plain.bias.detach()) if bias else None
        self.register_buffer("weight_u", F.normalize(torch.randn(outputs), dim=0))
        self.register_buffer("weight_v", F.normalize(torch.randn(inputs * kernel * kernel), dim=0))
        # Begin near the truth: an underestimated singular value makes the first steps huge. The published heads
        # begin from random vectors, as torch.nn.utils.spectral_norm does.
        for _ in range(15 if settle else 0):
            self.iterate()

    @torch.no_grad()
    def iterate(self) -> None:
        w = self.weight_orig.flatten(1)
        self.weight_v.copy_(F.normalize(w.t() @ self.weight_u, dim=0, eps=1e-12))
        self.weight_u.copy_(F.normalize(w @ self.weight_v, dim=0, eps=1e-12))

    def weight(self) -> torch.Tensor:
        w = self.weight_orig.flatten(1)
        if self.training:
            self.iterate()
        u, v = self.weight_u.clone(), self.weight_v.clone()  # a later forward pass changes the buffers in place
        return self.weight_orig / torch.dot(u, w @ v)

    def forward(self, x) -> torch.Tensor:
        return F.conv2d(x, self.weight(), self.bias, self.stride, self.padding)


class PartsNorm2d(nn.BatchNorm2d):
    """Batch norm whose statistics are those of `part` images at a time, as on a published run's GPUs; 0: of all."""

    def __init__(self, channels, part=0) -> None:
        super().__init__(channels)
        self.part = part

    def forward(self, x) -> torch.Tensor:
        if not self.training or not 0 < self.part < len(x):
            return super().forward(x)
        return torch.cat([super(PartsNorm2d, self).forward(p) for p in x.split(self.part)])


class Block(nn.Module):
    """Convolution (4x4, stride 2), batch norm, leaky ReLU; nested as in the published state dicts."""

    def __init__(self, inputs, outputs, norm, part=0) -> None:
        super().__init__()
        self.main = nn.Sequential(
            SpectralConv2d(inputs, outputs, 4, 2, 1, bias=True, settle=not norm),
            PartsNorm2d(outputs, part) if norm else nn.Identity(),
        )

    def forward(self, x) -> torch.Tensor:
        return F.leaky_relu(self.main(x), 0.2)


class EqualisedLinear(nn.Module):
    """StyleGAN's linear layer: weight / sqrt(inputs) at use, leaky ReLU, gain sqrt(2)."""

    def __init__(self, inputs, outputs) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs))
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, x) -> torch.Tensor:
        return F.leaky_relu(F.linear(x, self.weight / math.sqrt(self.weight.shape[1]), self.bias), 0.2) * math.sqrt(2)


PAPER_WIDTHS = {1: 2048, 2: 1024, 4: 512, 8: 512, 16: 256, 32: 128, 64: 64, 128: 64, 256: 32, 512: 16, 1024: 8}


def nominal(size) -> int:
    """The published table knows powers of two only: the nearest one, of two the smaller, stands for the rest."""
    return min(PAPER_WIDTHS, key=lambda s: abs(s - size))


class PaperHead(nn.Module):
    """One scale's head, published names: `main`, and `cls`, `embed`, `embed_proj` when conditional.

    classes: rows of its own trained table of embeddings; 0: the rows are given.
    """

    def __init__(self, channels, size, end=8, embedding_dim=0, classes=0, part=0) -> None:
        super().__init__()
        size, layers, width = nominal(size), [], channels
        while size > end:
            size //= 2
            layers.append(Block(width, PAPER_WIDTHS[size], norm=True, part=part))
            width = PAPER_WIDTHS[size]
        kernel = 4 if end >= 8 else max(1, end // 2)
        self.embed = nn.Embedding(classes, embedding_dim) if classes else None
        if embedding_dim:
            self.cls = SpectralConv2d(width, 64, kernel, settle=False)
            self.embed_proj = EqualisedLinear(embedding_dim, 64)
        else:
            layers.append(SpectralConv2d(width, 1, kernel, settle=False))
            self.cls = None
        self.main = nn.Sequential(*layers)

    def forward(self, x, told=None) -> torch.Tensor:
        """told: class indices, or rows of embeddings where the head has no table of its own."""
        x = self.main(x)
        if self.cls is not None:
            embedding = told if self.embed is None else self.embed(told)
            x = (self.cls(x) * self.embed_proj(embedding)[:, :, None, None]).sum(1, keepdim=True) / 8
        return x.flatten(1)


class SmallHead(nn.Module):
    def __init__(self, channels, size, classes=0, width=128, group=0) -> None:
        super().__init__()
        layers = []
        while size > 8:
            layers.append(Block(channels, width, norm=False))
            channels, size = width, size // 2
        self.main, self.group = nn.Sequential(*layers), group
        self.cls = SpectralConv2d(channels + 1, 64 if classes else 1, min(4, max(1, size - 1)))
        self.embed = nn.Linear(classes, 64, bias=False) if classes else None
        if classes:
            nn.init.normal_(self.embed.weight)  # of unit size, as the paper's projected embeddings are

    def deviation(self, h) -> torch.Tensor:
        """Mean standard deviation over the batch, whatever processes hold it, or over groups of it: small when the
        images are alike."""
        groups = 1 if not self.group else max(1, len(h) // self.group)
        if self.group or processes() == 1:
            variance = h.reshape(groups, -1, *h.shape[1:]).var(1, unbiased=False)
        else:
            count = len(h) * processes()
            mean = sum_over_processes(h.sum(0, keepdim=True)) / count
            variance = sum_over_processes((h - mean).square().sum(0, keepdim=True)) / count
        d = (variance + 1e-6).sqrt().mean((1, 2, 3))
        return d.repeat_interleave(len(h) // groups).view(-1, 1, 1, 1).expand(-1, 1, *h.shape[2:])

    def forward(self, x, labels=None) -> torch.Tensor:
        h = self.main(x)
        h = self.cls(torch.cat([h, self.deviation(h)], 1))
        if self.embed is not None:
            h = (h * self.embed(labels)[:, :, None, None]).sum(1, keepdim=True) / 8
        return h.flatten(1)


class PaperMixing(nn.Module):
    """Random 1x1 channel mixing to 64 * 2^i channels, then top-down: add, enlarge x2, 1x1."""

    def __init__(self, channels, cout=64) -> None:
        super().__init__()
        wide = [cout * 2**i for i in range(len(channels))]
        self.channels = [cout] + wide[:-1]
        self.across = nn.ModuleList(nn.Conv2d(i, o, 1) for i, o in zip(channels, wide))
        self.down = nn.ModuleList(nn.Conv2d(i, o, 1) for i, o in zip(wide, self.channels))
        self.scale = 2

    def forward(self, maps) -> list[torch.Tensor]:
        out, above = [], None
        for x, across, down in reversed(list(zip(maps, self.across, self.down))):
            x = across(x)
            if above is not None:
                x = x + above
            above = down(F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=True))
            out.insert(0, above)
        return out


class SmallMixing(nn.Module):
    """The same idea at the maps' own sizes, a quarter of the work: mix channels, then add the scale above."""

    def __init__(self, channels, limit=256) -> None:
        super().__init__()
        self.channels = [min(64 * 2**i, limit) for i in range(len(channels))]
        self.across = nn.ModuleList(nn.Conv2d(i, o, 1, bias=False) for i, o in zip(channels, self.channels))
        self.down = nn.ModuleList(nn.Conv2d(i, o, 1, bias=False) for i, o in zip(self.channels[1:], self.channels))
        for convs, gain in ((self.across, 2), (self.down, 1)):
            for c in convs:
                nn.init.normal_(c.weight, std=math.sqrt(gain / c.in_channels))
        self.scale = 1

    def forward(self, maps) -> list[torch.Tensor]:
        out = [across(x) for across, x in zip(self.across, maps)]
        for i in reversed(range(len(out) - 1)):
            above = F.interpolate(out[i + 1], size=out[i].shape[-2:], mode="bilinear", align_corners=False)
            out[i] = (out[i] + self.down[i](above)) * math.sqrt(0.5)
        return out


class Backbone(nn.Module):
    """A frozen feature network with its frozen mixing: image in [-1, 1] to one map per scale."""

    def __init__(self, net, style, size=224, seed=3, mix=True) -> None:
        super().__init__()
        self.net, self.size = net, size
        encoder = hasattr(net, "sizes")
        channels = net.channels if encoder else net.CHANNELS
        sizes = net.sizes if encoder else [-(-size // s) for s in net.STRIDES]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)  # the mixing is random but the same in every run
            self.mixing = (PaperMixing if style == "paper" else SmallMixing)(channels) if mix else None
        self.channels = self.mixing.channels if mix else channels
        scale = self.mixing.scale if mix else 1
        self.sizes = [s * scale for s in sizes]
        if style == "paper" and not encoder:
            # As the published heads count: of images of 256 where they are enlarged to 224, whatever the strides.
            whole = 256 if size == 224 else size
            self.sizes = [max(1, whole // s) * scale for s in (4, 8, 16, 32)]
        self.encoder, self.style = encoder, style
        self.requires_grad_(False)

    def forward(self, x, labels, g) -> list[torch.Tensor]:
        if self.encoder:
            maps = self.net(x, labels, g)
        else:
            x = F.interpolate(x, self.size, mode="bilinear", align_corners=False).expand(-1, 3, -1, -1)  # grey too
            x = x.to(next(self.net.buffers()).dtype).contiguous(memory_format=torch.channels_last)
            maps = [m.float() for m in self.net(x)]
        return self.mixing(maps) if self.mixing is not None else maps


class Heads(nn.Module):
    """All heads of all backbones: the trainable part. channels and sizes: a list for each backbone."""

    def __init__(self, channels, sizes, style, classes=0, embedding_dim=0, width=128, group=0, part=0) -> None:
        super().__init__()
        self.style, self.classes, self.counts = style, classes, [len(c) for c in channels]
        heads = []
        for own_channels, own_sizes in zip(channels, sizes):
            end = min(8, nominal(own_sizes[-1]))
            for c, s in zip(own_channels, own_sizes):
                if style == "paper":
                    heads.append(PaperHead(c, s, end, embedding_dim if classes else 0, classes, part))
                else:
                    heads.append(SmallHead(c, s, classes, width, group))
        self.mini_discs = nn.ModuleDict({str(i): h for i, h in enumerate(heads)})

    def forward(self, maps, labels=None) -> list[torch.Tensor]:
        """Logits [N, k] of every head."""
        told = None
        if self.classes:
            told = labels.long()
            told = told if self.style == "paper" else F.one_hot(told, self.classes).float()
        return [head(m, told) for head, m in zip(self.mini_discs.values(), maps)]

    @torch.no_grad()
    def begin_embeddings(self, table) -> None:
        """Every head's table begins as the first rows of `table` [rows, dim]."""
        for head in self.mini_discs.values():
            head.embed.weight.copy_(table[: self.classes])


class Discriminator(nn.Module):
    """Backbones and their heads. Only `heads` trains; wrap that part for several processes."""

    def __init__(self, backbones, style="small", classes=0, embedding_dim=320, width=128, group=0, part=0) -> None:
        super().__init__()
        self.backbones = nn.ModuleList(backbones)
        channels, sizes = [b.channels for b in backbones], [b.sizes for b in backbones]
        self.heads = Heads(channels, sizes, style, classes, embedding_dim, width, group, part)

    def features(self, x, labels, g) -> list[torch.Tensor]:
        return [m for b in self.backbones for m in b(x, labels, g)]


def r1_penalty(logits_of, x, create_graph=True) -> tuple[torch.Tensor, torch.Tensor]:
    """||d(sum of all logits)/dx||^2 per image."""
    x = x.detach().requires_grad_(True)
    total = sum(logits.sum() for logits in logits_of(x))
    (gradient,) = torch.autograd.grad(total, x, create_graph=create_graph)
    return gradient.square().sum((1, 2, 3)), gradient
