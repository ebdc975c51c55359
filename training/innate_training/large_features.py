"""Feature networks of the paper that are too large to ship: VGG16-BN and DeiT-B distilled, from a person's own files.

The files are torchvision's and timm's state dicts (.pth or .safetensors), known by the names of their tensors. Widths
and depth are those of the weights. Both take RGB in [-1, 1] at a size that 16 divides; neither trains.
"""

import glob
import os

import torch
import torch.nn as nn
import torch.nn.functional as F

from .checkpoint import read_safetensors
from .errors import UserError
from .features import FrozenConv, normalise

# A tensor that the network alone has, the files' names in a features folder, and where the weights come from.
KNOWN = {
    "vgg16-bn": ("features.41.running_mean", ("vgg16_bn*", "vgg16-bn*"), "torchvision's vgg16_bn"),
    "deit-distilled": (
        "dist_token",
        ("deit_base_distilled_patch16_224*", "deit-distilled*"),
        "timm's deit_base_distilled_patch16_224",
    ),
}


class VGG16BN(nn.Module):
    """Cut before 13, 23, 33 and 43 of torchvision's `features`: the last ReLU of stages 2 to 5, strides 2 to 16."""

    STAGES = ((0, 3), (7, 10), (14, 17, 20), (24, 27, 30), (34, 37, 40))
    STRIDES = (2, 4, 8, 16)

    def __init__(self, tensors) -> None:
        super().__init__()

        def conv(place) -> FrozenConv:
            p, n = f"features.{place}.", f"features.{place + 1}."
            gamma, beta, mean, var = (tensors[n + k].float() for k in ("weight", "bias", "running_mean", "running_var"))
            norm = (gamma, beta, mean - tensors[p + "bias"].float(), var, 1e-5)
            return FrozenConv(tensors[p + "weight"].float(), norm, act=F.relu)

        self.stages = nn.ModuleList(nn.Sequential(*(conv(place) for place in stage)) for stage in self.STAGES)
        self.CHANNELS = tuple(len(stage[-1].bias) for stage in self.stages[1:])
        self.requires_grad_(False)

    def forward(self, x) -> list[torch.Tensor]:
        x, maps = self.stages[0](normalise(x)), []
        for stage in self.stages[1:]:
            x = stage(F.max_pool2d(x, 2))
            maps.append(x)
        return maps


class DistilledDeiT(nn.Module):
    """The patches' tokens after each third of the blocks, each through frozen random convolutions to a map.

    The published adapters (feature_networks/vit.py): 1x1 to width / 8, / 4, / 2 and / 1, then transposed 4x4,
    transposed 2x2, nothing, 3x3 with stride 2.
    """

    PATCH, HEAD, EPS = 16, 64, 1e-6
    STRIDES = (4, 8, 16, 32)

    def __init__(self, tensors) -> None:
        super().__init__()
        self.width = tensors["pos_embed"].shape[-1]
        self.depth = 1 + max(int(k.split(".")[1]) for k in tensors if k.startswith("blocks."))
        for name, t in tensors.items():
            if name.startswith(("blocks.", "patch_embed.", "cls_token", "dist_token", "pos_embed")):
                self.register_buffer(name.replace(".", "/"), t.float())
        self.CHANNELS = tuple(self.width // part for part in (8, 4, 2, 1))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(3)  # random, but the same in every run
            self.mix = nn.ModuleList(nn.Conv2d(self.width, c, 1) for c in self.CHANNELS)
            a, b, _, d = self.CHANNELS
            self.move = nn.ModuleList(
                [
                    nn.ConvTranspose2d(a, a, 4, 4),
                    nn.ConvTranspose2d(b, b, 2, 2),
                    nn.Identity(),
                    nn.Conv2d(d, d, 3, 2, 1),
                ]
            )
        self.requires_grad_(False)

    @property
    def adapters(self) -> list[tuple[nn.Module, nn.Module | None]]:
        return [(a, None if isinstance(b, nn.Identity) else b) for a, b in zip(self.mix, self.move)]

    def tensor(self, name) -> torch.Tensor:
        return getattr(self, name.replace(".", "/"))

    def linear(self, x, name) -> torch.Tensor:
        return F.linear(x, self.tensor(f"{name}.weight"), self.tensor(f"{name}.bias"))

    def norm(self, x, name) -> torch.Tensor:
        return F.layer_norm(x, x.shape[-1:], self.tensor(f"{name}.weight"), self.tensor(f"{name}.bias"), self.EPS)

    def positions(self, grid) -> torch.Tensor:
        """Those of the patches are resized bilinearly to another grid."""
        stored = self.tensor("pos_embed")
        side = round((stored.shape[1] - 2) ** 0.5)
        if side == grid:
            return stored
        patches = stored[:, 2:].reshape(1, side, side, -1).permute(0, 3, 1, 2)
        patches = F.interpolate(patches, grid, mode="bilinear", align_corners=False)
        return torch.cat([stored[:, :2], patches.flatten(2).transpose(1, 2)], 1)

    def attention(self, x, name) -> torch.Tensor:
        n, tokens, width = x.shape
        qkv = self.linear(x, f"{name}.qkv").reshape(n, tokens, 3, width // self.HEAD, self.HEAD)
        mixed = F.scaled_dot_product_attention(*qkv.permute(2, 0, 3, 1, 4))
        return self.linear(mixed.transpose(1, 2).reshape(n, tokens, width), f"{name}.proj")

    def forward(self, x) -> list[torch.Tensor]:
        x = F.conv2d(
            normalise(x), self.tensor("patch_embed.proj.weight"), self.tensor("patch_embed.proj.bias"), self.PATCH
        )
        n, width, grid, _ = x.shape
        tokens = [self.tensor(name).expand(n, 1, width) for name in ("cls_token", "dist_token")]
        x = torch.cat([*tokens, x.flatten(2).transpose(1, 2)], 1) + self.positions(grid)
        maps = []
        for i in range(self.depth):
            p = f"blocks.{i}"
            x = x + self.attention(self.norm(x, f"{p}.norm1"), f"{p}.attn")
            x = x + self.linear(F.gelu(self.linear(self.norm(x, f"{p}.norm2"), f"{p}.mlp.fc1")), f"{p}.mlp.fc2")
            if (i + 1) % (self.depth // 4) == 0:
                patches = x[:, 2:].transpose(1, 2).reshape(n, width, grid, grid)
                maps.append(self.move[len(maps)](self.mix[len(maps)](patches)))
        return maps


NETWORKS = {"vgg16-bn": VGG16BN, "deit-distilled": DistilledDeiT}


def large_features(name, folders=()) -> VGG16BN | DistilledDeiT:
    """The network from the first file of its name in the folders or in $INNATE_FEATURES."""
    _, patterns, origin = KNOWN[name]
    folders = [os.fspath(f) for f in (*folders, os.environ.get("INNATE_FEATURES")) if f]
    for folder in folders:
        for pattern in patterns:
            for path in sorted(glob.glob(os.path.join(folder, pattern))):
                if path.endswith((".pth", ".pt", ".bin", ".safetensors")):
                    return NETWORKS[name](network_tensors(name, path))
    raise UserError(
        f"{name} comes as a file: put {origin} ({patterns[0]}.pth or .safetensors) into a folder and name it with "
        "--features-dir"
    )


def network_tensors(name, path) -> dict[str, torch.Tensor]:
    """The network's state dict, whatever stands around it in the file."""
    mark, _, origin = KNOWN[name]
    tensors = file_tensors(path)
    for key in tensors:
        if key == mark or key.endswith(f".{mark}"):
            prefix = key[: len(key) - len(mark)]
            return {k[len(prefix) :]: v for k, v in tensors.items() if k.startswith(prefix)}
    raise UserError(f"{path}: not {origin}, which has a tensor {mark}")


def file_tensors(path) -> dict[str, torch.Tensor]:
    """Every tensor of a file by its path in it: a state dict, or one inside of other dicts."""
    if os.fspath(path).endswith(".safetensors"):
        return read_safetensors(path)[0]
    try:
        root = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise UserError(f"{path}: not weights that can be read ({type(error).__name__})") from None
    found = {}

    def visit(value, path) -> None:
        if isinstance(value, torch.Tensor):
            found[path] = value.detach()
        elif isinstance(value, dict):
            for key, inner in value.items():
                visit(inner, f"{path}.{key}" if path else str(key))

    visit(root, "")
    return found
