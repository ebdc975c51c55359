"""SongUNet (DDPM++ and NCSN++) and DhariwalUNet (ADM), with the published keyword arguments."""

import math

import torch
import torch.nn as nn
import torch.nn.functional as F

from .errors import UserError
from .layers import Conv2d, FourierEmbedding, GroupNorm, Linear, PositionalEmbedding, UNetBlock


class SongUNet(nn.Module):
    """Song et al.'s U-Net. DDPM++: positional, standard, [1,1]; NCSN++: fourier, residual, [1,3,3,1]."""

    def __init__(
        self,
        img_resolution,
        in_channels,
        out_channels,
        label_dim=0,
        augment_dim=0,
        model_channels=128,
        channel_mult=(1, 2, 2, 2),
        channel_mult_emb=4,
        num_blocks=4,
        attn_resolutions=(16,),
        dropout=0.10,
        label_dropout=0.0,
        embedding_type="positional",
        channel_mult_noise=1,
        encoder_type="standard",
        decoder_type="standard",
        resample_filter=(1, 1),
    ) -> None:
        super().__init__()
        check_choice("embedding_type", embedding_type, ("fourier", "positional"))
        check_choice("encoder_type", encoder_type, ("standard", "skip", "residual"))
        check_choice("decoder_type", decoder_type, ("standard", "skip"))
        self.label_dropout = label_dropout
        emb, noise, taps = (
            model_channels * channel_mult_emb,
            model_channels * channel_mult_noise,
            tuple(resample_filter),
        )
        zero = dict(gain=1e-5)

        def block(i, o, attention=False, **kw) -> UNetBlock:
            return UNetBlock(
                i,
                o,
                emb,
                heads=1 if attention else 0,
                dropout=dropout,
                skip_scale=math.sqrt(0.5),
                eps=1e-6,
                taps=taps,
                project_skip=True,
                adaptive=False,
                init_zero=zero,
                init_attn=dict(gain=math.sqrt(0.2)),
                **kw,
            )

        positional = embedding_type == "positional"
        self.map_noise = PositionalEmbedding(noise, endpoint=True) if positional else FourierEmbedding(noise)
        self.map_label = Linear(label_dim, noise) if label_dim else None
        self.map_augment = Linear(augment_dim, noise, bias=False) if augment_dim else None
        self.map_layer0, self.map_layer1 = Linear(noise, emb), Linear(emb, emb)

        self.enc = nn.ModuleDict()
        c, aux = model_channels, in_channels
        for level, mult in enumerate(channel_mult):
            r = img_resolution >> level
            if level == 0:
                self.enc[f"{r}x{r}_conv"] = Conv2d(in_channels, c, 3)
            else:
                self.enc[f"{r}x{r}_down"] = block(c, c, down=True)
                if encoder_type == "skip":
                    self.enc[f"{r}x{r}_aux_down"] = Conv2d(aux, aux, 0, down=True, taps=taps)
                    self.enc[f"{r}x{r}_aux_skip"] = Conv2d(aux, c, 1)
                if encoder_type == "residual":
                    self.enc[f"{r}x{r}_aux_residual"] = Conv2d(aux, c, 3, down=True, taps=taps, fused_down=True)
                    aux = c
            for i in range(num_blocks):
                self.enc[f"{r}x{r}_block{i}"] = block(c, model_channels * mult, r in attn_resolutions)
                c = model_channels * mult
        skips = [m.out_channels for name, m in self.enc.items() if "aux" not in name]

        self.dec = nn.ModuleDict()
        for level, mult in reversed(list(enumerate(channel_mult))):
            r, last = img_resolution >> level, level == len(channel_mult) - 1
            if last:
                self.dec[f"{r}x{r}_in0"], self.dec[f"{r}x{r}_in1"] = block(c, c, True), block(c, c)
            else:
                self.dec[f"{r}x{r}_up"] = block(c, c, up=True)
            for i in range(num_blocks + 1):
                self.dec[f"{r}x{r}_block{i}"] = block(
                    c + skips.pop(), model_channels * mult, i == num_blocks and r in attn_resolutions
                )
                c = model_channels * mult
            if decoder_type == "skip" or level == 0:
                if decoder_type == "skip" and not last:
                    self.dec[f"{r}x{r}_aux_up"] = Conv2d(out_channels, out_channels, 0, up=True, taps=taps)
                self.dec[f"{r}x{r}_aux_norm"] = GroupNorm(c, 1e-6)
                self.dec[f"{r}x{r}_aux_conv"] = Conv2d(c, out_channels, 3, **zero)

    def embed(self, noise_labels, class_labels=None, augment_labels=None) -> torch.Tensor:
        e = self.map_noise(noise_labels)
        e = e.reshape(len(e), 2, -1).flip(1).reshape(e.shape)  # sine first
        if self.map_label is not None:
            labels = drop_labels(class_labels, self.label_dropout if self.training else 0)
            e = e + self.map_label(labels * math.sqrt(self.map_label.in_features))
        if self.map_augment is not None and augment_labels is not None:
            e = e + self.map_augment(augment_labels)
        return F.silu(self.map_layer1(F.silu(self.map_layer0(e))))

    def encode(self, x, emb) -> list[torch.Tensor]:
        """Feature maps of the encoder, in order; the last one is the bottleneck's input."""
        skips, aux = [], x
        for name, m in self.enc.items():
            if "aux_down" in name:
                aux = m(aux)
            elif "aux_skip" in name:
                x = skips[-1] = x + m(aux)
            elif "aux_residual" in name:
                x = skips[-1] = aux = (x + m(aux)) / math.sqrt(2)
            else:
                x = m(x, emb) if isinstance(m, UNetBlock) else m(x)
                skips.append(x)
        return skips

    def forward(self, x, noise_labels, class_labels=None, augment_labels=None) -> torch.Tensor:
        emb = self.embed(noise_labels, class_labels, augment_labels)
        skips = self.encode(x, emb)
        x, image, normed = skips[-1], None, None
        for name, m in self.dec.items():
            if "aux_up" in name:
                image = m(image)
            elif "aux_norm" in name:
                normed = m(x, act=True)
            elif "aux_conv" in name:
                image = m(normed) if image is None else m(normed) + image
            else:
                if x.shape[1] != m.in_channels:
                    x = torch.cat([x, skips.pop()], 1)
                x = m(x, emb)
        return image


class DhariwalUNet(nn.Module):
    """ADM's U-Net: adaptive scale and shift, 64 channels per attention head, box resampling."""

    def __init__(
        self,
        img_resolution,
        in_channels,
        out_channels,
        label_dim=0,
        augment_dim=0,
        model_channels=192,
        channel_mult=(1, 2, 3, 4),
        channel_mult_emb=4,
        num_blocks=3,
        attn_resolutions=(32, 16, 8),
        dropout=0.10,
        label_dropout=0.0,
    ) -> None:
        super().__init__()
        self.label_dropout = label_dropout
        emb, third = model_channels * channel_mult_emb, math.sqrt(1 / 3)
        init, zero = dict(mode="kaiming", gain=third, bias_gain=third), dict(mode="kaiming", gain=0.0)

        def block(i, o, attention=False, **kw) -> UNetBlock:
            return UNetBlock(
                i, o, emb, heads=o // 64 if attention else 0, dropout=dropout, init=init, init_zero=zero, **kw
            )

        self.map_noise = PositionalEmbedding(model_channels)
        self.map_augment = Linear(augment_dim, model_channels, bias=False, **zero) if augment_dim else None
        self.map_layer0, self.map_layer1 = Linear(model_channels, emb, **init), Linear(emb, emb, **init)
        self.map_label = Linear(label_dim, emb, bias=False) if label_dim else None
        if label_dim:  # unit variance for one-hot rows
            nn.init.normal_(self.map_label.weight)

        self.enc = nn.ModuleDict()
        c = model_channels * channel_mult[0]
        for level, mult in enumerate(channel_mult):
            r = img_resolution >> level
            if level == 0:
                self.enc[f"{r}x{r}_conv"] = Conv2d(in_channels, c, 3, **init)
            else:
                self.enc[f"{r}x{r}_down"] = block(c, c, down=True)
            for i in range(num_blocks):
                self.enc[f"{r}x{r}_block{i}"] = block(c, model_channels * mult, r in attn_resolutions)
                c = model_channels * mult
        skips = [m.out_channels for m in self.enc.values()]

        self.dec = nn.ModuleDict()
        for level, mult in reversed(list(enumerate(channel_mult))):
            r = img_resolution >> level
            if level == len(channel_mult) - 1:
                self.dec[f"{r}x{r}_in0"], self.dec[f"{r}x{r}_in1"] = block(c, c, True), block(c, c)
            else:
                self.dec[f"{r}x{r}_up"] = block(c, c, up=True)
            for i in range(num_blocks + 1):
                self.dec[f"{r}x{r}_block{i}"] = block(c + skips.pop(), model_channels * mult, r in attn_resolutions)
                c = model_channels * mult
        self.out_norm = GroupNorm(c, 1e-5)
        self.out_conv = Conv2d(c, out_channels, 3, **zero)

    def embed(self, noise_labels, class_labels=None, augment_labels=None) -> torch.Tensor:
        e = self.map_noise(noise_labels)
        if self.map_augment is not None and augment_labels is not None:
            e = e + self.map_augment(augment_labels)
        e = self.map_layer1(F.silu(self.map_layer0(e)))
        if self.map_label is not None:
            e = e + self.map_label(drop_labels(class_labels, self.label_dropout if self.training else 0))
        return F.silu(e)

    def encode(self, x, emb) -> list[torch.Tensor]:
        skips = []
        for m in self.enc.values():
            x = m(x, emb) if isinstance(m, UNetBlock) else m(x)
            skips.append(x)
        return skips

    def forward(self, x, noise_labels, class_labels=None, augment_labels=None) -> torch.Tensor:
        emb = self.embed(noise_labels, class_labels, augment_labels)
        skips = self.encode(x, emb)
        x = skips[-1]
        for m in self.dec.values():
            if x.shape[1] != m.in_channels:
                x = torch.cat([x, skips.pop()], 1)
            x = m(x, emb)
        return self.out_conv(self.out_norm(x, act=True))


NETS = {"SongUNet": SongUNet, "DhariwalUNet": DhariwalUNet}


def drop_labels(labels, probability) -> torch.Tensor:
    if not probability:
        return labels
    return labels * (torch.rand(len(labels), 1, device=labels.device) >= probability).to(labels.dtype)


def check_choice(name, value, allowed) -> None:
    if value not in allowed:
        raise UserError(f"{name} is {value!r}; it must be one of {', '.join(allowed)}")
