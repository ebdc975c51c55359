"""VGG16-BN and DeiT distilled equal plain PyTorch (tests/fixtures/make_large_features.py), also read from files."""

import json

import numpy as np
import pytest
import torch
from conftest import ROOT

from innate_training import discriminator as D
from innate_training import streams
from innate_training.checkpoint import read_safetensors, write_safetensors
from innate_training.errors import UserError
from innate_training.large_features import NETWORKS, file_tensors, large_features
from innate_training.plain_autograd import plain_autograd

METHOD = ROOT / "tests" / "fixtures" / "method"
SEED = 11


def drawn(shapes) -> dict[str, torch.Tensor]:
    """`fill` of tests/fixtures/plain_torch.py, with the package's own streams."""
    out = {}
    for i, (name, shape) in enumerate(shapes.items()):
        stream, count = streams.Stream(SEED, "heads", i), torch.Size(shape).numel()
        if name.endswith("running_var"):
            values = stream.uniforms(count) + np.float32(0.5)
        else:
            values = stream.normals(count).astype(np.float64)
            if len(shape) > 1:
                values *= 0.5 if "token" in name or "pos_embed" in name else (1.5 / (count / shape[0])) ** 0.5
            else:
                values = 1 + 0.2 * values if name.endswith(".weight") else 0.2 * values
        out[name] = torch.from_numpy(values.astype(np.float32)).view(shape)
    return out


def network(name) -> tuple[torch.nn.Module, dict[str, torch.Tensor]]:
    golden, metadata = read_safetensors(METHOD / "large-features.golden.safetensors")
    net = NETWORKS[name](drawn(json.loads(metadata["shapes"])[name]))
    if hasattr(net, "adapters"):
        streams.draw_adapters(net.adapters)
    return net, golden


@pytest.mark.parametrize("name", NETWORKS)
def test_maps_and_the_gradient_of_the_image(name) -> None:
    net, golden = network(name)
    x = (streams.Stream(SEED, "discriminatorNoise", 0).images((1, 3, 32, 32)) * 0.5).requires_grad_(True)
    maps = D.Backbone(net, "small", 64, mix=False)(x, None, None)
    stream = streams.Stream(SEED, "featureNoise", 0)
    sum((m * stream.images(m.shape)).sum() for m in maps).backward()
    for i, m in enumerate(maps):
        expected = golden[f"{name}.map.{i}"]
        assert (m - expected).abs().max() <= 2e-5 * expected.abs().max(), i
    expected = golden[f"{name}.grad_input"]
    assert (x.grad - expected).abs().max() <= 1e-4 * expected.abs().max()


@pytest.mark.parametrize("name", NETWORKS)
def test_heads_of_two_networks_and_r1_through_them(name) -> None:
    """At 224 the paper's heads count every network's maps as 128, 64, 32, 16; VGG16-BN's end at 14x14: 121 logits."""
    net, _ = network(name)
    whole = D.Backbone(net, "paper", 224)
    assert whole.sizes == [128, 64, 32, 16]
    critic = D.Discriminator([D.Backbone(net, "paper", 64), D.Backbone(net, "paper", 64)], "paper", classes=3)
    tables = [h.embed.weight for h in critic.heads.mini_discs.values()]
    assert len(tables) == 8 and len({t.data_ptr() for t in tables}) == 8
    x, k = torch.randn(2, 3, 32, 32), torch.tensor([2, 0])
    with plain_autograd():  # R1 differentiates twice
        penalty, _ = D.r1_penalty(lambda v: critic.heads(critic.features(v, k, None), k), x)
        penalty.mean().backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in critic.heads.parameters())
    assert sum(p.grad is not None and p.grad.abs().max() > 0 for p in critic.heads.parameters()) > 40


def test_files(tmp_path) -> None:
    """torchvision's old format, a dict around a state dict, safetensors; another network is refused."""
    legacy = file_tensors(METHOD / "vgg16-bn.legacy.pth")
    (tmp_path / "vgg16_bn-6c64b313.pth").write_bytes((METHOD / "vgg16-bn.legacy.pth").read_bytes())
    net = large_features("vgg16-bn", [tmp_path])
    x = torch.rand(1, 3, 32, 32) * 2 - 1
    write_safetensors(tmp_path / "st" / "vgg16_bn.safetensors", {f"module.{k}": v for k, v in legacy.items()})
    again = large_features("vgg16-bn", [tmp_path / "st"])
    assert net.CHANNELS == (2, 2, 2, 2)
    assert all(torch.equal(a, b) for a, b in zip(net(x), again(x)))
    assert set(file_tensors(METHOD / "deit.wrapped.zip.pth")) == {
        "model.cls_token",
        "model.dist_token",
        "model.pos_embed",
    }
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "vgg16_bn.pth").write_bytes((METHOD / "deit.wrapped.zip.pth").read_bytes())
    with pytest.raises(UserError, match="not torchvision's vgg16_bn"):
        large_features("vgg16-bn", [tmp_path / "other"])
    with pytest.raises(UserError, match="--features-dir"):
        large_features("deit-distilled", [tmp_path])
