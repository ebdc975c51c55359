"""Instance-wise baselines against plain definitions of this file's own; methods compared on a budget."""

import csv
import gzip
import statistics
import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import ROOT, shape_images, shapes, tiny_net, write_zip

from innate_training import assemble, recipe
from innate_training.checkpoint import load_network, save_network
from innate_training.cli import main
from innate_training.data import load_data
from innate_training.distil import DistilConfig
from innate_training.distributed import World
from innate_training.errors import UserError
from innate_training.features import efficientnet_lite0
from innate_training.imitation import ConsistencyTrainer, ImitationTrainer
from innate_training.instance_loss import FeatureLoss, PixelLoss
from innate_training.loop import run_loop
from innate_training.run_folder import RunFolder
from innate_training.streams import Stream

BATCH = 4


def moved_net(seed, precond="EDMPrecond") -> torch.nn.Module:
    """Random beyond initialisation, whose last layers are near zero."""
    net = tiny_net(precond=precond)
    g = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for p in net.parameters():
            p.add_(0.05 * torch.randn(p.shape, generator=g))
    return net


def trainer(method, **changes) -> ImitationTrainer | ConsistencyTrainer:
    cls, precond = {
        "imitation": (ImitationTrainer, "EDMPrecond"),
        "cd": (ConsistencyTrainer, "GDDPrecond"),
    }[method]
    config = DistilConfig(**{**dict(method=method, batch=BATCH, images=96, warmup=0, random="page", seed=3), **changes})
    return cls(moved_net(1, precond), moved_net(1), PixelLoss(), shapes(), config, World())


def u_net(net, x, sigma, labels, consistent) -> torch.Tensor:
    """D by the paper's formula, around the U-Net of one image at one sigma; `consistent`: with sigma - 0.002."""
    sd, s = 0.5, sigma - 0.002 if consistent else sigma
    c_skip, c_out = sd**2 / (s**2 + sd**2), s * sd / (sigma**2 + sd**2) ** 0.5
    c_in, c_noise = 1 / (sigma**2 + sd**2) ** 0.5, np.log(sigma) / 4
    f = net.model((c_in * x).float(), torch.tensor([c_noise], dtype=torch.float32), labels)
    return c_skip * x + c_out * f.to(x.dtype)


def levels(count, top) -> list[float]:
    return [(top ** (1 / 7) + i / (count - 1) * (0.002 ** (1 / 7) - top ** (1 / 7))) ** 7 for i in range(count)]


def batch_of(t) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Images, one-hot classes and noise of the first step, as the page draws them."""
    index = t.draws.indices(0)
    x, k = shapes().batch(index)
    x = torch.where(t.draws.mirrored(0, 0, "cpu").view(-1, 1, 1, 1), x.flip(3), x)
    return x, torch.nn.functional.one_hot(k, 2).float(), Stream(3, "generatorNoise", 0).images(x.shape)


def gradients(net, loss) -> dict[str, torch.Tensor]:
    named = {k: p for k, p in net.named_parameters() if p.requires_grad}
    return dict(zip(named, torch.autograd.grad(loss, list(named.values()))))


def same_gradients(t, wanted) -> None:
    found = {k: p.grad for k, p in t.net.named_parameters() if p.grad is not None}
    assert found.keys() == wanted.keys() and len(found) > 30
    largest = max(float(g.abs().max()) for g in wanted.values())
    assert largest > 0
    for key, g in wanted.items():
        assert (found[key] - g).abs().max() <= 1e-4 * largest, key


def test_imitation_regresses_heuns_sample() -> None:
    t = trainer("imitation", imitation_steps=4)
    x, labels, z = batch_of(t)
    student, teacher, ts = moved_net(1), moved_net(1), [*levels(4, 2.5), 0.0]
    loss = 0.0
    for i in range(BATCH):
        k = labels[i : i + 1]
        with torch.no_grad():
            v = z[i : i + 1].double() * 2.5
            for now, then in zip(ts, ts[1:]):
                slope = (v - u_net(teacher, v, now, k, False)) / now
                w = v + (then - now) * slope
                if then > 0:
                    w = v + (then - now) / 2 * (slope + (w - u_net(teacher, w, then, k, False)) / then)
                v = w
        loss = loss + (u_net(student, z[i : i + 1] * 2.5, 2.5, k, False) - v.float()).square().mean() / BATCH
    wanted = gradients(student, loss)
    assert float(t.step()["g"]) == pytest.approx(loss.item(), rel=1e-4)
    same_gradients(t, wanted)


@pytest.mark.parametrize("top", (2.5, 80.0))
def test_a_step_of_consistency_distillation(top) -> None:
    t = trainer("cd", cd_steps=6, sigma=top)
    x, labels, z = batch_of(t)
    ts, drawn = levels(6, top), np.floor(Stream(3, "levels", 0).uniforms(BATCH).astype(float) * 5).astype(int)
    teacher, student, target = moved_net(1), moved_net(1, "GDDPrecond"), moved_net(2, "GDDPrecond")
    t.target.load_state_dict(target.state_dict())  # apart from the student, as after many steps
    before, loss = {k: v.clone() for k, v in t.target.state_dict().items()}, 0.0
    for i in range(BATCH):
        now, then, k = ts[drawn[i]], ts[drawn[i] + 1], labels[i : i + 1]
        v = (x[i] + now * z[i])[None]
        with torch.no_grad():
            slope = (v - u_net(teacher, v, now, k, False)) / now
            w = v + (then - now) * slope
            w = v + (then - now) / 2 * (slope + (w - u_net(teacher, w, then, k, False)) / then)
            wanted = u_net(target, w, then, k, True)
        loss = loss + (u_net(student, v, now, k, True) - wanted).square().mean() / BATCH
    wanted = gradients(student, loss)
    assert float(t.step()["g"]) == pytest.approx(loss.item(), rel=1e-4)
    same_gradients(t, wanted)
    values = t.net.state_dict()
    for key, value in t.target.state_dict().items():  # the average moves after the step
        assert torch.allclose(value, 0.95 * before[key] + 0.05 * values[key], atol=1e-6), key


def test_every_pair_of_neighbouring_levels_is_drawn() -> None:
    for random in ("torch", "page"):
        t = trainer("cd", cd_steps=6, random=random, batch=64)
        t.draw()
        seen = t.draws.levels(5, 0)
        assert sorted(set(seen.tolist())) == [0, 1, 2, 3, 4] and seen.shape == (64,)
    assert t.sigmas[0] == 2.5 and abs(float(t.sigmas[-1]) - 0.002) < 1e-9 and len(t.sigmas) == 6


def test_the_lowest_level_is_the_identity() -> None:
    net, x = moved_net(1, "GDDPrecond"), torch.randn(2, 3, 16, 16)
    assert torch.equal(net(x, torch.full((2,), 0.002)), x)


@pytest.mark.parametrize("method", ("imitation", "cd"))
def test_a_resumed_run_is_bit_equal(method, tmp_path) -> None:
    straight = trainer(method, random="torch", cd_steps=4, imitation_steps=2)
    run_loop(straight, RunFolder(tmp_path / "a"), World(), images=24)
    first = trainer(method, random="torch", cd_steps=4, imitation_steps=2)
    run_loop(first, RunFolder(tmp_path / "b"), World(), images=12)
    second, folder = trainer(method, random="torch", cd_steps=4, imitation_steps=2), RunFolder(tmp_path / "b")
    second.restore(folder.load_state())
    run_loop(second, folder, World(), images=24)
    ours, theirs = second.state(), straight.state()
    assert ours.keys() == theirs.keys() and ("target" in ours) == (method == "cd")
    for part in {"net", "ema", "target"} & ours.keys():
        for key, value in theirs[part].items():
            assert torch.equal(ours[part][key], value), (part, key)
    moved = {k for k, v in first.net.state_dict().items() if not torch.equal(v, theirs["net"][k])}
    assert len(moved) > 30


def test_feature_loss_is_its_definition() -> None:
    net = efficientnet_lite0(ROOT / "public" / "features" / "efficientnet-lite0.safetensors")
    loss = FeatureLoss(net, 64)
    g = torch.Generator().manual_seed(0)
    a, b = (torch.rand(2, 1, 16, 16, generator=g) * 2 - 1 for _ in range(2))
    a.requires_grad_(True)
    b.requires_grad_(True)
    large = [torch.nn.functional.interpolate(v, scale_factor=4, mode="bilinear").repeat(1, 3, 1, 1) for v in (a, b)]
    wanted = 0.0
    for m, w in zip(net(large[0]), net(large[1])):
        for i in range(2):
            for y in range(m.shape[2]):
                for x in range(m.shape[3]):
                    p, q = m[i, :, y, x], w[i, :, y, x]
                    wanted = wanted + (p / p.norm() - q / q.norm()).square().sum() / (2 * m.shape[2] * m.shape[3])
    found = loss(a, b)
    assert float(found) == pytest.approx(float(wanted), rel=1e-4) and float(found) > 0.1
    found.backward()
    assert a.grad.abs().max() > 0 and b.grad is None
    assert float(loss(b, b)) == 0.0


def test_unknown_names_are_refused() -> None:
    with pytest.raises(UserError, match="known: gdd, gdd-i, imitation, cd"):
        of_method("pd")
    from innate_training.instance_loss import instance_loss

    with pytest.raises(UserError, match="known: l2, lite0"):
        instance_loss("lpips", None, 64)


def of_method(method) -> ImitationTrainer:
    config = DistilConfig(method=method)
    return ImitationTrainer(tiny_net(), tiny_net(), PixelLoss(), shapes(), config, World())


def recipe_file(folder, teacher=True) -> Path:
    if teacher:
        save_network(folder / "toy.safetensors", moved_net(1))
        write_zip(folder / "shapes.zip", *shape_images(64))
    path = folder / "toy-s.toml"
    path.write_text(
        f'name = "toy-s"\ntask = "student"\ndata = "shapes.zip"\nteacher = "{folder}/toy.safetensors"\n'
        '[distil]\npreset = "small-encoder"\nbatch = 8\nmeasure_images = 24\nsnapshot_every = 0\ncd_steps = 4\n'
        "imitation_steps = 2\nwarmup = 0\n"
    )
    return path


def test_a_consistency_student_says_what_it_is(tmp_path) -> None:
    path = recipe_file(tmp_path)
    setup = assemble.Setup(World(), tmp_path, tmp_path / "runs", [], [], dtype="f32", measure="pixels")
    student, folder = assemble.open_run(setup, recipe.load(str(path), ["distil.method=cd", "distil.images=8"]))
    run_loop(student, folder, World(), images=8)
    net, card = load_network(folder.file("ema.safetensors"))
    assert (card["precond"], card["method"], card["freeze"], card["features"]) == ("GDDPrecond", "cd", "0", "pixels")
    assert net.start_sigma == 2.5 and type(student.teacher).__name__ == "EDMPrecond"
    x = torch.randn(1, 3, 16, 16)
    assert torch.equal(net(x, torch.tensor([0.002])), x)


def test_a_comparison_fills_its_table_and_goes_on(tmp_path, capsys) -> None:
    path = recipe_file(tmp_path)
    runs = tmp_path / "runs"
    args = ["compare", "--recipe", str(path), "--data", str(tmp_path), "--runs", str(runs), "--device", "cpu"]
    args += ["--dtype", "f32", "--features", "pixels", "--images", "32", "--points", "2"]
    assert main([*args, "--methods", "freeze2,cd", "--seeds", "0"]) == 0
    logs = {p: p.read_text() for p in runs.glob("compare/toy-s/*/log.jsonl")}
    assert len(logs) == 2
    assert main([*args, "--methods", "freeze2,cd,imitation", "--seeds", "0,1"]) == 0
    assert all(p.read_text() == text for p, text in logs.items())  # finished runs are not touched
    with open(runs / "compare" / "toy-s" / "table.csv") as f:
        rows = list(csv.DictReader(f))
    assert len(rows) == 3 * 2 * 2 and {r["n"] for r in rows} == {"24"} and {r["features"] for r in rows} == {"pixels"}
    lines = (runs / "compare" / "toy-s" / "table.md").read_text().splitlines()
    assert [line.split(" | ")[0] for line in lines[-3:]] == ["| freeze2", "| cd", "| imitation"]
    for line in lines[-3:]:
        method, seeds, *cells = (c.strip() for c in line.strip("|").split("|"))
        assert seeds == "2"
        for cell, images in zip(cells, ("16", "32")):
            values = [float(r["frechet"]) for r in rows if r["method"] == method and r["images"] == images]
            assert cell == f"{statistics.mean(values):.2f} ± {statistics.stdev(values):.2f}"
    levels = {m: RunFolder(runs / f"compare/toy-s/{m}-seed1").read_json("config.json") for m in ("freeze2", "cd")}
    assert (levels["freeze2"]["freeze"], levels["cd"]["method"], levels["cd"]["seed"]) == (2, "cd", 1)

    capsys.readouterr()
    assert main([*args, "--methods", "cd", "--seeds", "0", "--set", "distil.g_lr=1e-3"]) == 1
    assert "g_lr = 0.0002, now 0.001" in capsys.readouterr().err
    assert main([*args, "--methods", "pd", "--seeds", "0"]) == 1
    assert main([*args, "--methods", "cd", "--seeds", "0", "--images", "33"]) == 1
    assert "multiple of 16" in capsys.readouterr().err


def test_an_interrupted_comparison_goes_on(tmp_path) -> None:
    """A run that stopped between its points is taken up where it was saved."""
    from innate_training.compare import Comparison, compare

    path = recipe_file(tmp_path)
    setup = assemble.Setup(World(), tmp_path, tmp_path / "runs", [], [], dtype="f32", measure="pixels")
    student = recipe.load(str(path))
    whole = Comparison(student, ["imitation"], [0], images=32, points=2)
    begun = assemble.replace(student, distil=whole.config("imitation", 0))
    first, folder = assemble.open_run(setup, begun, folder_name=whole.folder("imitation", 0), fresh=True)
    run_loop(first, folder, World(), images=24, snapshot_every=16)
    folder.unlock()
    assert compare(setup, whole, tmp_path / "table") == "finished"
    seen = [line["images"] for line in folder.read_log() if line.get("event") == "measure"]
    assert seen == [16, 32] and "imitation | 1 |" in (tmp_path / "table.md").read_text()


def test_mnists_format(tmp_path) -> None:
    images, labels = np.arange(2 * 4 * 4, dtype=np.uint8).reshape(2, 4, 4), np.array([3, 1], np.uint8)
    path = tmp_path / "train-images-idx3-ubyte.gz"
    path.write_bytes(gzip.compress(struct.pack(">4B3i", 0, 0, 8, 3, 2, 4, 4) + images.tobytes()))
    (tmp_path / "train-labels-idx1-ubyte.gz").write_bytes(
        gzip.compress(struct.pack(">4Bi", 0, 0, 8, 1, 2) + labels.tobytes())
    )
    data = load_data(path, 8, 1)
    assert data.images.shape == (2, 1, 8, 8) and data.labels.tolist() == [3, 1] and data.classes == 4
    assert torch.equal(data.images[:, 0, 2:6, 2:6], torch.from_numpy(images)) and int(data.images[:, :, :2].max()) == 0
    assert load_data(path, None, 3).images.shape == (2, 3, 4, 4)
    path.write_bytes(struct.pack(">4B3i", 0, 0, 8, 3, 2, 4, 4) + images.tobytes()[:-1])
    with pytest.raises(UserError, match="cut short"):
        load_data(path, 8, 1)


def test_the_fashion_recipe_opens_the_pages_pack() -> None:
    student = recipe.load("fashion-mnist-32x32-gdd-i")
    data = load_data(ROOT / "public" / "data" / student.data, student.resolution, student.channels)
    assert (data.channels, data.resolution, data.classes, len(data)) == (1, 32, 10, 1800)
    assert (ROOT / "public" / "models" / f"{student.teacher}.safetensors").is_file()
