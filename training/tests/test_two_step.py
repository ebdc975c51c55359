"""Two-step students: the published rule, in the sampler and in both orders of training; what their files say."""

import json

import pytest
import torch
from conftest import ROOT, fixture_file, shape_images, tiny_net, write_zip
from test_method import trainer

from innate_training import assemble, catalogue, export, samplers
from innate_training.checkpoint import load_network, read_safetensors, save_network
from innate_training.cli import main
from innate_training.distil import DistilConfig
from innate_training.distributed import World
from innate_training.errors import UserError
from innate_training.recipe import parse
from innate_training.student import middle_of

T, U = 2.5, 0.6


def moved_net() -> torch.nn.Module:
    """Random beyond initialisation, whose last layers are near zero."""
    net = tiny_net()
    with torch.no_grad():
        for p in net.parameters():
            p.add_(0.05 * torch.randn_like(p))
    return net


@pytest.mark.parametrize("name", ["mini-ncsnpp-16-cond", "mini-adm-16-cond"])
def test_the_sampler_is_the_published_one(name) -> None:
    net, _ = load_network(fixture_file(f"{name}.pkl"))
    golden, _ = read_safetensors(ROOT / "tests" / "fixtures" / "parity" / f"{name}.golden.safetensors")
    images = samplers.two_step(net, golden["latents"], golden["class_index"].long())
    assert (images - golden["two_step"]).abs().max() < 1e-4


def published(net, z, labels) -> torch.Tensor:
    """`run_G` of Zyriix/D2O in this file's own words: nothing is detached, and nothing is drawn on the way."""
    x = z * T
    x0 = net(x, T, labels)
    v = x + (x0 - x) / T * (T - U)
    return net(v, U, labels)


@pytest.mark.parametrize("share_fake", [True, False])
def test_training_goes_through_both_evaluations(share_fake) -> None:
    torch.manual_seed(0)
    t = trainer(sigma=T, nfe=2, sigma_mid=U, share_fake=share_fake)
    with torch.no_grad():
        for p in t.net.parameters():
            p.add_(0.05 * torch.randn_like(p))
    z, labels = torch.randn(4, 3, 16, 16), torch.tensor([0, 1, 1, 0])
    weights = [p for p in t.net.parameters() if p.requires_grad]
    gradients = [
        torch.autograd.grad(f(z).square().mean(), weights)
        for f in (
            lambda z: t.fakes(z, labels),
            lambda z: published(t.net, z, labels),
        )
    ]
    off = sum(float((a - b).square().sum()) for a, b in zip(*gradients))
    length = sum(float(b.square().sum()) for b in gradients[1])
    assert (off / length) ** 0.5 < 1e-4

    seen, forward = [], t.net.forward
    t.net.forward = lambda x, sigma, labels=None: (
        seen.append((float(sigma), torch.is_grad_enabled())),
        forward(x, sigma, labels),
    )[1]
    t.run_g = t.net
    t.step()
    once = [(T, True), (U, True)]
    assert seen == (once if share_fake else [*once, (T, False), (U, False)])
    assert t.net.sigma_mid == t.ema.net.sigma_mid == U


def test_the_file_says_its_steps(tmp_path, capsys) -> None:
    net = moved_net()
    net.start_sigma, net.sigma_mid = T, U
    save_network(tmp_path / "s.safetensors", net, {"method": "gdd-i", "images_seen": "64"})
    export.export(tmp_path / "s.safetensors", tmp_path / "h.safetensors")
    read, metadata = load_network(tmp_path / "h.safetensors")
    assert (metadata["nfe"], metadata["sigma_mid"]) == ("2", "0.6")
    assert (read.start_sigma, read.sigma_mid) == (T, U)
    z, k = torch.randn(2, 3, 16, 16), torch.tensor([1, 0])
    assert torch.allclose(samplers.sample(read, z, k), published(read, z, k), atol=1e-5)
    assert torch.equal(samplers.sample(read, z, k, 1), samplers.one_step(read, z, k))

    write_zip(tmp_path / "shapes.zip", *shape_images(64))
    command = ["evaluate", str(tmp_path / "h.safetensors"), "--data", str(tmp_path / "shapes.zip"), "--json"]
    assert main([*command, "--features", "pixels", "--count", "16"]) == 0
    quality = json.loads(capsys.readouterr().out)
    assert (quality["sampler"], quality["nfe"]) == ("two-step", 2)
    assert main([*command, "--nfe", "4"]) == 1
    recipe = parse(dict(name="twice", task="student", data="shapes.zip", teacher="t", distil=dict(nfe=2, sigma_mid=U)))
    entry = catalogue.make_entry(recipe, tmp_path / "h.safetensors", [quality])
    assert (entry["nfe"], entry["sigma"], entry["sigma_mid"], entry["quality"][0]["sampler"]) == (2, T, U, "two-step")

    for said, words in (({"nfe": "2", "sigma_mid": "-1"}, "sigma_mid"), ({"nfe": "2", "sigma_mid": "x"}, "sigma_mid")):
        save_network(tmp_path / "bad.safetensors", tiny_net(), said)
        with pytest.raises(UserError, match=words):
            load_network(tmp_path / "bad.safetensors")
    save_network(tmp_path / "d.safetensors", tiny_net(), {"nfe": "2"})
    assert load_network(tmp_path / "d.safetensors")[0].sigma_mid == 0.8


def test_a_run_keeps_its_steps(tmp_path) -> None:
    save_network(tmp_path / "teacher.safetensors", moved_net())
    write_zip(tmp_path / "shapes.zip", *shape_images(64))
    setup = assemble.Setup(World(), tmp_path, tmp_path / "runs", [], [tmp_path], dtype="f32")

    def begin(name="twice", init=None, **changes) -> tuple:
        values = {**dict(features=["encoder"], batch=4, images=8, measure_images=0), **changes}
        teacher = str(tmp_path / "teacher.safetensors")
        recipe = parse(dict(name=name, task="student", data="shapes.zip", teacher=teacher, distil=values))
        return assemble.open_run(setup, recipe, init)

    own = dict(nfe=2, sigma_mid=U)
    t, folder = begin(**own)
    t.step()
    t.write_weights(folder)
    folder.unlock()
    student = folder.file("ema.safetensors")
    metadata = read_safetensors(student)[1]
    assert (metadata["nfe"], metadata["sigma_mid"], metadata["sigma"]) == ("2", "0.6", "2.5")
    for changes in ({}, dict(nfe=2, sigma_mid=1.0)):
        for name, init in (("twice", None), (f"from{len(changes)}", student)):  # its folder, and a run from its file
            with pytest.raises(UserError, match="nfe = 2 and sigma_mid = 0.6"):
                begin(name, init, **changes)
    assert begin("next", student, **own)[0].net.sigma_mid == U


@pytest.mark.parametrize(
    "changes, words",
    [
        (dict(nfe=3), "1 evaluation, or 2"),
        (dict(nfe=2, sigma_mid=2.5), "below sigma"),
        (dict(nfe=2, sigma_mid=0.0), "below sigma"),
        (dict(nfe=2, method="cd"), "no two-step student"),
    ],
)
def test_steps_that_make_no_sense(changes, words) -> None:
    with pytest.raises(UserError, match=words):
        middle_of(DistilConfig(**changes))


def test_one_step_is_the_default() -> None:
    assert middle_of(DistilConfig()) is None
    assert middle_of(DistilConfig(nfe=2)) == 0.8
