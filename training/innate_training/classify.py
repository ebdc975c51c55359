"""Whether a conditional generator draws what it is asked for: the share of its images that a classifier names so.

The classifier is the CIFAR ResNet whose features measure distances, with its last layer (ResNet-56: 93.4 % of the
test set's real images).
"""

import os

import torch
from torch.nn import functional as F

from .checkpoint import read_safetensors
from .errors import UserError
from .features import CifarResNet
from .frechet import FILES, generate, resize


class Classifier(torch.nn.Module):
    """Logits of images [N, 3, H, W] in [-1, 1], from a file that has the last layer too."""

    def __init__(self, path) -> None:
        super().__init__()
        tensors, _ = read_safetensors(path)
        if "linear.weight" not in tensors:
            raise UserError(f"{path}: the features alone, without the classifier's last layer (linear.weight)")
        self.features = CifarResNet(tensors)
        self.weight, self.bias = tensors["linear.weight"].float(), tensors["linear.bias"].float()

    def forward(self, x) -> torch.Tensor:
        return F.linear(self.features(resize(x, self.features.size)), self.weight, self.bias)


def find_classifier(name, folders=()) -> str:
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
    named = torch.cat([classifier(part.float() / 127.5 - 1).argmax(1) for part in images.split(batch)])
    asked = (torch.arange(count) + first_seed) % net.label_dim
    return [float((named[asked == c] == c).float().mean()) for c in range(net.label_dim)]
