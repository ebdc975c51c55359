"""A classifier's shares: seed s is asked for as class s modulo the classes, and what it is named decides."""

import json

import numpy as np
import pytest
import torch
from conftest import tiny_net

from innate_training import frechet
from innate_training.checkpoint import save_network, write_safetensors
from innate_training.classify import Classifier, find_classifier, shares
from innate_training.cli import main
from innate_training.errors import UserError


def test_the_share_of_each_class() -> None:
    net = tiny_net(label_dim=2).eval()
    images = frechet.generate(net, 21)
    brightness = images.float().mean((1, 2, 3))
    limit = float(brightness.median())

    def names(x) -> torch.Tensor:  # bright ones are of class 1
        bright = ((x + 1) * 127.5).mean((1, 2, 3)) > limit
        return torch.stack([~bright, bright], 1).float()

    named = (brightness > limit).numpy()
    asked = np.arange(21) % 2
    expected = [float((~named[asked == 0]).mean()), float(named[asked == 1].mean())]
    assert shares(net, names, 21, batch=4) == pytest.approx(expected)
    assert 0 < sum(expected) < 2
    with pytest.raises(UserError, match="without classes"):
        shares(tiny_net(label_dim=0), names, 4)


def resnet(seed=0) -> dict[str, torch.Tensor]:
    """The tensors of a CIFAR ResNet-8, batch norm already inside, with its last layer."""
    g = torch.Generator().manual_seed(seed)
    tensors, width = {}, 3

    def conv(name, out) -> None:
        nonlocal width
        tensors[f"{name}.weight"] = torch.randn(out, width, 3, 3, generator=g) * (2 / (9 * width)) ** 0.5
        tensors[f"{name}.bias"] = torch.zeros(out)
        width = out

    conv("conv1", 16)
    for stage, out in enumerate((16, 32, 64), 1):
        conv(f"layer{stage}.0.conv1", out)
        conv(f"layer{stage}.0.conv2", out)
    return {**tensors, "linear.weight": torch.randn(10, 64, generator=g), "linear.bias": torch.randn(10, generator=g)}


def test_the_last_layer_is_needed_and_used(tmp_path, capsys) -> None:
    tensors = resnet()
    (tmp_path / "bare").mkdir()
    (tmp_path / "whole").mkdir()
    name = frechet.FILES["cifar10-resnet56"]
    write_safetensors(tmp_path / "bare" / name, {k: v for k, v in tensors.items() if "linear" not in k})
    write_safetensors(tmp_path / "whole" / name, tensors)
    with pytest.raises(UserError, match="features alone"):
        Classifier(tmp_path / "bare" / name)
    with pytest.raises(UserError, match="last layer is not in"):
        find_classifier("cifar10-resnet56", [tmp_path / "bare"])
    found = find_classifier("cifar10-resnet56", [tmp_path / "bare", tmp_path / "whole"])
    classifier, x = Classifier(found), torch.rand(3, 3, 32, 32) * 2 - 1
    expected = classifier.features(x) @ tensors["linear.weight"].T + tensors["linear.bias"]
    assert torch.allclose(classifier(x), expected, atol=1e-5)

    save_network(tmp_path / "n.safetensors", tiny_net(label_dim=10))
    model = str(tmp_path / "n.safetensors")
    assert main(["classify", model, "--features-dir", str(tmp_path / "whole"), "--count", "20", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["n"] == 20 and len(printed["shares"]) == 10 and all(0 <= s <= 1 for s in printed["shares"])
