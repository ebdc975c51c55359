"""The networks equal the golden files, outputs and gradients; so do the discriminator's heads."""

import json

import pytest
import torch
import torch.nn as nn
import torch.nn.functional as F
from conftest import fixture_file, tiny_net

from innate_training import rng
from innate_training.checkpoint import load_network, read_safetensors
from innate_training.discriminator import PaperHead
from innate_training.fused import fused_norm_act
from innate_training.precond import build, gdd_i_frozen


def close(ours, golden, relative=1e-4, floor=1e-7) -> None:
    error = (ours - golden).abs().max().item()
    assert error <= relative * golden.abs().max().item() + floor, error


@pytest.mark.parametrize("name", ["mini-ncsnpp-16-cond", "mini-adm-16-cond"])
def test_networks(name) -> None:
    net, _ = load_network(fixture_file(f"{name}.pkl"))
    golden, metadata = read_safetensors(fixture_file(f"{name}.golden.safetensors"))
    x = (golden["latents"] * 80).requires_grad_(True)
    out = net(x, 80.0, golden["class_index"].long())
    close(out, golden["output_sigma_80"], 1e-5)
    loss = (out * golden["cotangent"]).mean()
    loss.backward()
    close(loss.detach(), golden["loss"].squeeze())
    close(x.grad, golden["grad_input"])
    for key, p in net.named_parameters():
        close(p.grad, golden[f"grad.{key}"])
    assert gdd_i_frozen(net) == json.loads(metadata["gdd_i_frozen"])


@pytest.mark.parametrize("name", ["uncond", "cond"])
def test_discriminator_heads(name) -> None:
    golden, _ = read_safetensors(fixture_file(f"projected-discriminator-{name}.golden.safetensors"))
    embedding = golden.get("embed_rows")
    width = 0 if embedding is None else embedding.shape[1]
    heads = nn.ModuleDict(
        {"mini_discs": nn.ModuleDict({"0": PaperHead(8, 16, 8, width), "1": PaperHead(16, 8, 8, width)})}
    ).train()
    own = heads.state_dict()
    state = {k[6:]: v for k, v in golden.items() if k.startswith("state.")}
    heads.load_state_dict({k: v.reshape(own[k].shape) for k, v in state.items()})
    maps = [golden[f"feature.{i}"].requires_grad_(True) for i in range(2)]
    logits = torch.cat([h(m, embedding) for h, m in zip(heads["mini_discs"].values(), maps)], 1)
    close(logits, golden["logits"], 1e-5)
    loss = F.softplus(-logits).mean()
    loss.backward()
    for i, m in enumerate(maps):
        close(m.grad, golden[f"grad.feature.{i}"])
    for key, p in heads.named_parameters():
        close(p.grad, golden[f"grad.{key}"])


@pytest.mark.parametrize("act", [True, False])
@pytest.mark.parametrize("shifted", [True, False])
def test_fused_norm_equals_stock(act, shifted) -> None:
    torch.manual_seed(0)
    x = torch.randn(3, 16, 6, 6).contiguous(memory_format=torch.channels_last)
    e, w, b, dy = torch.randn(3, 16), torch.randn(16), torch.randn(16), torch.randn(3, 16, 6, 6)

    def run(function) -> list[torch.Tensor]:
        leaves = [t.clone().requires_grad_(True) for t in (x, e, w, b)]
        y = function(*leaves)
        y.backward(dy)
        return [y.detach()] + [t.grad for t in leaves if t.grad is not None]

    def stock(x, e, w, b) -> torch.Tensor:
        y = F.group_norm(x + e[:, :, None, None] if shifted else x, 4, w, b, 1e-6)
        return F.silu(y) if act else y

    for ours, theirs in zip(
        run(lambda x, e, w, b: fused_norm_act(x, e if shifted else None, w, b, 4, 1e-6, act)), run(stock)
    ):
        close(ours, theirs, 1e-5, 1e-5)


def test_bfloat16_stays_close_to_float32() -> None:
    net, half = tiny_net(seed=3), tiny_net(seed=3, dtype=torch.bfloat16)
    for p, q in zip(net.parameters(), half.parameters()):
        p.data.add_(0.05 * torch.randn_like(p))
        q.data.copy_(p.data)
    z, k = rng.latents(range(4), (3, 16, 16)), torch.tensor([0, 1, 0, 1])
    with torch.no_grad():  # no gradient: stock group norm, nothing to compile
        a, b = net(z * 80, 80.0, k), half(z * 80, 80.0, k)
    assert (a - b).abs().max() < 0.05 * a.abs().max()


def test_seed_zero_is_the_published_noise() -> None:
    expected = torch.tensor(
        [-0.92466259, -0.42534415, -2.6438457, 0.14518388, -0.12086647, -0.57972564, -0.62285122, -0.32838709]
    )
    assert torch.allclose(rng.latents([0], (8,))[0], expected, atol=1e-7)


def test_indivisible_group_norm_is_refused_with_a_reason() -> None:
    with pytest.raises(Exception, match="144 channels do not divide into 32 groups"):
        build(
            dict(
                img_resolution=16,
                img_channels=3,
                label_dim=0,
                model_kwargs=dict(model_type="SongUNet", model_channels=48, channel_mult=[1, 2, 2], num_blocks=1),
            )
        )
