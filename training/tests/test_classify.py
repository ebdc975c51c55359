"""A classifier's shares: seed s is asked for as class s modulo the classes, and what it is named decides."""

import json
import re

import numpy as np
import pytest
import torch
from conftest import ROOT, tiny_net
from torch.nn import functional as F

from innate_training import frechet
from innate_training.checkpoint import read_safetensors, save_network, write_safetensors
from innate_training.classify import CifarClassifier, ImageNetClassifier, find_cifar_classifier, named_so, shares
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
        CifarClassifier(tmp_path / "bare" / name)
    with pytest.raises(UserError, match="last layer is not in"):
        find_cifar_classifier("cifar10-resnet56", [tmp_path / "bare"])
    found = find_cifar_classifier("cifar10-resnet56", [tmp_path / "bare", tmp_path / "whole"])
    classifier, x = CifarClassifier(found), torch.rand(3, 3, 32, 32) * 2 - 1
    expected = classifier.features(x) @ tensors["linear.weight"].T + tensors["linear.bias"]
    assert torch.allclose(classifier(x), expected, atol=1e-5)

    save_network(tmp_path / "n.safetensors", tiny_net(label_dim=10))
    model = str(tmp_path / "n.safetensors")
    assert main(["classify", model, "--features-dir", str(tmp_path / "whole"), "--count", "20", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["n"] == 20 and len(printed["shares"]) == 10 and all(0 <= s <= 1 for s in printed["shares"])


def test_imagenets_classifier_is_lite0_with_its_head_on_the_chosen_classes() -> None:
    page, _ = read_safetensors(ROOT / "public" / "features" / "efficientnet-lite0.safetensors")
    with pytest.raises(UserError, match="no classifier"):
        ImageNetClassifier(page, [1])
    g = torch.Generator().manual_seed(0)
    norm = {"weight": 1.0, "bias": 0.1, "running_mean": 0.2, "running_var": 1.5}
    head = {f"_bn1.{k}": v + torch.rand(64, generator=g) for k, v in norm.items()}
    head["_conv_head.weight"] = torch.randn(64, 320, 1, 1, generator=g) / 320**0.5
    head |= {"_fc.weight": torch.randn(1000, 64, generator=g), "_fc.bias": torch.randn(1000, generator=g)}
    classes, x = [963, 1, 779], torch.rand(2, 3, 64, 64, generator=g) * 2 - 1
    classifier = ImageNetClassifier({**page, **head}, classes)
    with torch.no_grad():
        found = classifier(x)
        large = F.interpolate(x, (224, 224), mode="bilinear")
        h = F.conv2d(classifier.features(large)[-1], head["_conv_head.weight"])
        mean, var = head["_bn1.running_mean"], head["_bn1.running_var"]
        h = F.batch_norm(h, mean, var, head["_bn1.weight"], head["_bn1.bias"], eps=1e-3)
        logits = h.clamp(0, 6).mean((2, 3)) @ head["_fc.weight"].T + head["_fc.bias"]
    assert torch.allclose(found, logits[:, classes], atol=1e-4)
    images = torch.zeros(5, 3, 64, 64, dtype=torch.uint8)
    with pytest.raises(UserError, match="knows 3 classes, the images are of 20"):
        named_so(classifier, images, torch.arange(5), 20)


def test_the_classes_of_imagenet_20_are_imagenets() -> None:
    ours = json.loads((ROOT / "training" / "recipes" / "classes.json").read_text())
    all_names = json.loads((ROOT / "public" / "models" / "classes" / "imagenet-1000.json").read_text())
    indices = ours["tiny-imagenet-64x64-imagenet-1000"]
    for name, index in zip(ours["tiny-imagenet-64x64"], indices, strict=True):
        theirs = [synonym.replace(" ", "") for synonym in all_names[index]]
        assert any(n.replace(" ", "") in theirs for n in re.split(r"[()]", name) if n.strip())
