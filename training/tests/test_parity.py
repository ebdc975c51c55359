"""The networks equal the golden files, outputs and gradients; so do the discriminator's heads."""

import io
import json
import pickle
import sys
import zipfile
from types import ModuleType

import numpy as np
import pytest
import torch
import torch.nn as nn
import torch.nn.functional as F
from conftest import fixture_file, tiny_net

from innate_training import rng
from innate_training.assemble import consistent
from innate_training.checkpoint import load_network, read_safetensors, save_network, write_safetensors
from innate_training.discriminator import PaperHead
from innate_training.errors import UserError
from innate_training.fused import fused_norm_act
from innate_training.precond import EDMPrecond, build, gdd_i_frozen
from innate_training.samplers import heun, two_step


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


@pytest.mark.parametrize("name", ["ddpmpp-skip-16-vp", "ncsnpp-16-grey-ve"])
def test_score_based_networks(name) -> None:
    """VPPrecond and VEPrecond as published, at three noise levels and through the samplers."""
    net = load_network(fixture_file(f"parity/{name}.pkl"))[0].eval()  # without the dropout of training
    golden, metadata = read_safetensors(fixture_file(f"parity/{name}.golden.safetensors"))
    assert type(net).__name__ == metadata["precond"]
    z, labels = golden["latents"], golden["class_index"].long() if net.label_dim else None
    with torch.no_grad():
        for sigma in (80, 2.5, 0.05):
            close(net(z * sigma, sigma, labels), golden[f"output_sigma_{sigma}"], 1e-4)
    close(two_step(net, z, labels), golden["two_step"], 1e-4)
    close(heun(net, z, labels, 4), golden["heun_4_steps"], 1e-4)


def small_precond(precond, seed, **numbers) -> EDMPrecond:
    """The network of tests/fixtures/checkpoints/preconditionings.py, weights by its rule."""
    song = dict(model_type="SongUNet", embedding_type="positional", encoder_type="standard", resample_filter=[1, 1])
    kind = dict(model_type="DhariwalUNet") if precond == "iDDPMPrecond" else song
    kwargs = dict(model_channels=4, channel_mult=[1, 2], channel_mult_emb=1, num_blocks=1, attn_resolutions=[])
    kwargs |= kind | numbers
    net = build(dict(precond=precond, img_resolution=8, img_channels=3, label_dim=0, model_kwargs=kwargs))
    generator = torch.Generator().manual_seed(seed)
    for p in net.model.parameters():
        p.data = torch.randint(-12, 13, p.shape, generator=generator) / 64
    return net.eval()


@pytest.mark.parametrize(
    "name, precond, seed, numbers",
    [
        ("d2o", "D2OPrecond", 1, {}),
        ("ecm", "ECMPrecond", 2, dict(sigma_min=0.25)),
        ("iddpm", "iDDPMPrecond", 3, {}),
    ],
)
def test_other_projects_preconditionings(tmp_path, name, precond, seed, numbers) -> None:
    """The app's golden values, which plain formulas gave; a file of ours keeps all that they need."""
    with zipfile.ZipFile(fixture_file("checkpoints.zip")) as z:
        golden = {k: torch.from_numpy(v) for k, v in np.load(io.BytesIO(z.read("golden.npz"))).items()}
    z = golden["latents"]
    save_network(tmp_path / "net.safetensors", small_precond(precond, seed, **numbers))
    net, metadata = load_network(tmp_path / "net.safetensors")
    assert metadata["precond"] == ("GDDPrecond" if name == "d2o" else precond)
    net.eval()  # without the dropout of training
    with torch.no_grad():
        for sigma in (80, 2.5, 0.3):
            close(net(z * sigma, sigma), golden[f"{name}.{sigma}"], 1e-5)
    if name == "iddpm":
        close(net.u, golden["iddpm.u"], 1e-6)
        close(heun(net, z, steps=4), golden["iddpm.heun"], 1e-4)
        assert net.round_sigma(3.21) in net.u and net.round_sigma(3.21) == pytest.approx(3.21, rel=0.02)
    else:  # the identity at its lowest level
        x = torch.randn(2, 3, 8, 8)
        assert torch.equal(net(x, net.eps), x) and net.eps == numbers.get("sigma_min", 0.002)


def test_the_apps_files_keep_a_preconditionings_numbers_beside_its_network(tmp_path) -> None:
    ours, theirs = tmp_path / "ours.safetensors", tmp_path / "theirs.safetensors"
    save_network(ours, small_precond("ECMPrecond", 2, sigma_min=0.25))
    tensors, metadata = read_safetensors(ours)
    kwargs = json.loads(metadata["model_kwargs"])
    card = {**metadata, "model_kwargs": json.dumps({k: v for k, v in kwargs.items() if k != "sigma_min"})}
    write_safetensors(theirs, tensors, {**card, "sigma_min": str(kwargs["sigma_min"])})
    assert load_network(theirs)[0].eps == 0.25


def _reconstruct_persistent_obj(_) -> None:
    """A name that published pickles have; nothing calls it."""


class Persistent:
    """A module as torch_utils.persistence of NVlabs/edm pickles it: class name, state, and no code that is needed."""

    def __init__(self, module, class_name, **attributes) -> None:
        modules = {k: Persistent(m, type(m).__name__) for k, m in module._modules.items() if m is not None}
        state = dict(_parameters=module._parameters, _buffers=module._buffers, _modules=modules, **attributes)
        self.meta = dict(class_name=class_name, state=state)

    def __reduce__(self) -> tuple:
        return _reconstruct_persistent_obj, (self.meta,)


def test_published_pickles_of_other_projects(tmp_path, monkeypatch) -> None:
    """ECT's lowest level is an attribute of its module, iDDPM's table a buffer."""
    package, module = ModuleType("torch_utils"), ModuleType("torch_utils.persistence")
    module._reconstruct_persistent_obj = _reconstruct_persistent_obj
    monkeypatch.setitem(sys.modules, "torch_utils", package)
    monkeypatch.setitem(sys.modules, "torch_utils.persistence", module)
    monkeypatch.setattr(_reconstruct_persistent_obj, "__module__", "torch_utils.persistence")
    x = torch.randn(2, 3, 8, 8)
    for name, precond, attributes in (
        ("d2o", "D2OPrecond", dict(sigma_min=0, sigma_max=float("inf"), sigma_data=0.5)),
        ("ecm", "ECMPrecond", dict(sigma_min=0.25, sigma_max=80.0, sigma_data=0.5)),
        ("iddpm", "iDDPMPrecond", dict(C_1=0.001, C_2=0.008, M=1000, sigma_min=0.006, sigma_max=20_000.0)),
    ):
        net = small_precond(precond, 4, **({"sigma_min": 0.25} if name == "ecm" else {}))
        kwargs = dict(img_resolution=8, img_channels=3, model_type=net.model_type, use_fp16=True, **net.model_kwargs)
        with open(tmp_path / f"{name}.pkl", "wb") as f:
            pickle.dump(dict(ema=Persistent(net, precond, _init_kwargs=kwargs, **attributes)), f, 4)
        opened = load_network(tmp_path / f"{name}.pkl")[0].eval()
        assert opened.architecture() == net.architecture() and opened.architecture()["precond"] != "D2OPrecond"
        assert torch.equal(opened(x, 2.5), net(x, 2.5)), name


def test_what_a_preconditioning_cannot_be() -> None:
    with pytest.raises(UserError, match="sigma_min is -1; it must be a number from 0"):
        small_precond("ECMPrecond", 0, sigma_min=-1)
    with pytest.raises(UserError, match="M is 1; iDDPMPrecond has from 2"):
        small_precond("iDDPMPrecond", 0, M=1)
    with pytest.raises(UserError, match="unknown preconditioning 'XYZ'; known: EDMPrecond, .*D2OPrecond"):
        small_precond("XYZ", 0)


def test_consistency_distillation_begins_where_a_level_is_the_identity() -> None:
    x = torch.randn(2, 3, 8, 8)
    teacher = small_precond("EDMPrecond", 1)
    student = consistent(teacher)
    assert type(student).__name__ == "GDDPrecond" and torch.equal(student(x, 0.002), x)
    assert all(torch.equal(v, teacher.state_dict()[k]) for k, v in student.state_dict().items())
    ecm = small_precond("ECMPrecond", 2, sigma_min=0.25)
    assert consistent(ecm) is ecm
    with pytest.raises(
        UserError, match="cd needs a teacher in EDMPrecond, GDDPrecond or ECMPrecond, this one is in VPPrecond"
    ):
        consistent(small_precond("VPPrecond", 1))


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
