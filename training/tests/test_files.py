"""Zips, checkpoints, deltas, run folders, recipes."""

import glob
import os
import pickle
import shutil
import subprocess

import pytest
import torch
from conftest import ROOT, shape_images, shapes, tiny_net, write_zip

from innate_training import catalogue, export, frechet, recipe, rng, samplers
from innate_training.checkpoint import (
    load_checkpoint,
    load_network,
    read_safetensors,
    save_network,
    sha256,
    write_safetensors,
)
from innate_training.data import Shuffle, load_zip
from innate_training.errors import UserError
from innate_training.precond import build, gdd_i_frozen
from innate_training.run_folder import RunFolder
from innate_training.sheet import contact_sheet, write_sheet


def test_zip_reader(tmp_path) -> None:
    images, labels = shape_images(20)
    data = load_zip(write_zip(tmp_path / "a.zip", images, labels))
    assert (
        torch.equal(data.images, torch.from_numpy(images).permute(0, 3, 1, 2))
        and data.labels.tolist() == labels.tolist()
    )
    data = load_zip(write_zip(tmp_path / "b.zip", images), resolution=8, limit=5)
    assert data.images.shape == (5, 3, 8, 8) and data.labels is None and data.classes == 0
    assert load_zip(tmp_path / "a.zip", channels=1).images.shape == (20, 1, 16, 16)


def test_zip_reader_says_what_is_wrong(tmp_path) -> None:
    (tmp_path / "x.zip").write_bytes(b"no zip")
    for path, word in ((tmp_path / "none.zip", "no such"), (tmp_path / "x.zip", "not an EDM-style zip")):
        with pytest.raises(UserError, match=word):
            load_zip(path)


def test_shuffle_visits_everything_once_an_epoch() -> None:
    s = Shuffle(10, seed=1)
    assert sorted(s.indices(0, 10).tolist()) == list(range(10))
    assert torch.equal(s.indices(0, 25), torch.cat([Shuffle(10, 1).indices(i, 5) for i in range(0, 25, 5)]))


def test_safetensors_round_trip(tmp_path) -> None:
    tensors = {
        "a": torch.randn(3, 4),
        "b": torch.arange(5),
        "c": torch.randn(2, 2).half(),
        "d": torch.randn(2).bfloat16(),
        "e": torch.zeros(0, 3),
        "f": torch.randn(2, 3, 4, 4).contiguous(memory_format=torch.channels_last),
    }
    write_safetensors(tmp_path / "x.safetensors", tensors, {"k": "v", "list": [1]})
    back, metadata = read_safetensors(tmp_path / "x.safetensors")
    assert metadata == {"k": "v", "list": "[1]"}
    assert all(back[k].dtype == v.dtype and torch.equal(back[k], v) for k, v in tensors.items())


def test_network_round_trip_and_half(tmp_path) -> None:
    net = tiny_net(embedding_type="fourier", channel_mult_noise=2)
    save_network(tmp_path / "n.safetensors", net, dict(images_seen="7"), torch.float16)
    stored, metadata = read_safetensors(tmp_path / "n.safetensors")
    assert metadata["images_seen"] == "7" and metadata["precond"] == "EDMPrecond"
    assert (
        stored["model.map_noise.freqs"].dtype == torch.float32
        and stored["model.enc.16x16_conv.weight"].dtype == torch.float16
    )
    assert all(v.dtype == torch.float32 for k, v in stored.items() if v.ndim < 2 or "resample_filter" in k)
    again, _ = load_network(tmp_path / "n.safetensors")
    assert again.architecture() == net.architecture()
    with pytest.raises(UserError, match="no model_kwargs"):
        write_safetensors(tmp_path / "bare.safetensors", {"a": torch.zeros(1)})
        load_network(tmp_path / "bare.safetensors")


def test_delta_round_trip(tmp_path) -> None:
    teacher = tiny_net()
    save_network(tmp_path / "t.safetensors", teacher, dtype=torch.float16)
    student, _ = load_network(tmp_path / "t.safetensors")
    frozen = set(gdd_i_frozen(student))
    with torch.no_grad():
        for name, p in student.named_parameters():
            if name not in frozen:
                p.add_(0.01 * torch.randn_like(p))
    save_network(tmp_path / "s.safetensors", student, dict(method="gdd-i"))
    card = export.export(
        tmp_path / "s.safetensors", tmp_path / "d.safetensors", delta_of="t", teacher_path=tmp_path / "t.safetensors"
    )
    delta, metadata = read_safetensors(tmp_path / "d.safetensors")
    assert (
        not frozen & set(delta)
        and metadata["delta_of"] == "t"
        and metadata["delta_sha256"] == sha256(tmp_path / "t.safetensors")
    )
    assert card["method"] == "gdd-i"
    assert all(v.dtype == (torch.float32 if v.ndim < 2 else torch.float16) for v in delta.values())
    back, _, _ = load_checkpoint(tmp_path / "d.safetensors")
    for name, p in student.state_dict().items():
        assert (back[name] - p).abs().max() <= 2e-5, name
        if name in frozen:
            assert torch.equal(back[name], p)
    os.rename(tmp_path / "t.safetensors", tmp_path / "u.safetensors")
    with pytest.raises(UserError, match="not beside it"):
        load_checkpoint(tmp_path / "d.safetensors")
    save_network(tmp_path / "t.safetensors", tiny_net(seed=9), dtype=torch.float16)
    with pytest.raises(UserError, match="checksums differ"):
        load_checkpoint(tmp_path / "d.safetensors")


def test_a_difference_to_a_teacher_that_leaves_out_its_filters(tmp_path) -> None:
    teacher = tiny_net()
    save_network(tmp_path / "s.safetensors", teacher)
    stored, metadata = read_safetensors(tmp_path / "s.safetensors")
    bare = {k: v for k, v in stored.items() if "resample_filter" not in k}
    assert len(bare) < len(stored)
    write_safetensors(tmp_path / "t.safetensors", bare, metadata)
    export.export(
        tmp_path / "s.safetensors", tmp_path / "d.safetensors", delta_of="t", teacher_path=tmp_path / "t.safetensors"
    )
    assert read_safetensors(tmp_path / "d.safetensors")[0] == {}


def test_run_folder_is_atomic_and_locked(tmp_path) -> None:
    folder = RunFolder(tmp_path / "run")
    folder.lock()
    with pytest.raises(UserError, match="another process"):
        RunFolder(tmp_path / "run").lock()
    folder.unlock()
    assert folder.load_state() is None
    folder.save_state(dict(images=64))
    (tmp_path / "run" / "state.pt.123.tmp").write_bytes(b"half a file")  # a crash while writing
    assert folder.load_state()["images"] == 64
    for i in (32, 64, 96):
        folder.log(dict(images=i))
    with open(folder.file("log.jsonl"), "a") as f:
        f.write('{"images": 12')
    folder.cut_log(64)
    assert [r["images"] for r in folder.read_log()] == [32, 64]
    torch.save(dict(net={}), folder.file("state.pt"))  # another program's
    assert folder.load_state() is None


def test_every_recipe_is_valid_and_fits_a_cpu() -> None:
    names = [os.path.basename(p)[:-5] for p in glob.glob(os.path.join(recipe.FOLDER, "*.toml"))]
    assert len(names) >= 9
    for name in set(names) - {"queue"}:
        r = recipe.load(name)
        assert r.name == name
        if name.startswith("edm-"):  # the published pairs of feature networks
            assert r.distil.features == ["vgg16-bn" if "cifar10" in name else "deit-distilled", "efficientnet-lite0"]
        if r.task == "teacher":
            kwargs = {k: v for k, v in r.net.items() if k not in ("precond", "conditional")}
            net = build(
                dict(img_resolution=32 if "32x32" in r.data else 64, img_channels=3, label_dim=10, model_kwargs=kwargs)
            )
            assert sum(p.numel() for p in net.parameters()) <= 4_000_000
    with pytest.raises(UserError, match="unknown key 'lrr'"):
        recipe.load("cifar10-32x32-teacher", ["train.lrr=1"])
    assert recipe.load("cifar10-32x32-teacher", ["train.lr=1e-3"]).train.lr == 1e-3


def test_frechet_distance() -> None:
    torch.manual_seed(0)
    a = torch.randn(4000, 3).numpy()
    assert frechet.distance(frechet.statistics(a), frechet.statistics(a)) < 1e-9
    assert abs(frechet.distance(frechet.statistics(a), frechet.statistics(a * 2 + 1)) - 6) < 0.3  # 3 * (1 + (2 - 1)^2)
    data = shapes(400)
    measure = frechet.Measure("pixels", frechet.Pixels()).refer_to(data.images[:200], "shapes")
    got = measure.compare(measure.features(data.images[200:]))
    one = measure.compare(measure.features(data.images[200:201].expand(200, -1, -1, -1)))
    assert 0.8 < got["spread"] < 1.2 and one["spread"] < 0.01 and got["value"] < one["value"] and got["error"] > 0


def test_sheet_and_catalogue(tmp_path) -> None:
    net = tiny_net()
    write_sheet(tmp_path / "s.png", net, count=4)
    assert (tmp_path / "s.png").stat().st_size > 100
    grid = contact_sheet(torch.arange(3).view(3, 1, 1, 1).expand(3, 1, 2, 2), columns=2)
    assert grid[0].tolist() == [[0, 0, 1, 1], [0, 0, 1, 1], [2, 2, 0, 0], [2, 2, 0, 0]]
    r = recipe.load("cifar10-32x32-teacher")
    save_network(tmp_path / "cifar10-32x32-teacher.safetensors", net, dict(images_seen="5"), torch.float16)
    entry = catalogue.make_entry(r, tmp_path / "cifar10-32x32-teacher.safetensors", [])
    catalogue.put(tmp_path, entry)
    catalogue.put(tmp_path, {**entry, "quality": [1]})
    models = catalogue.read(tmp_path)["models"]
    assert (
        len(models) == 1
        and models[0]["quality"] == [1]
        and models[0]["files"][0]["path"] == "cifar10-32x32-teacher.safetensors"
    )
    assert models[0]["parameters"] == sum(p.numel() for p in net.parameters())


@pytest.mark.parametrize("sigma", [80.0, 2.5])
def test_the_app_makes_the_same_images(tmp_path, sigma) -> None:
    """An exported network through `innate run`, the command line of the page's engine, from the file's own sigma."""
    program = ROOT / "build" / "cli" / "innate.mjs"
    if not program.is_file() or not shutil.which("node"):
        pytest.skip("the app's command line is not built")
    net = tiny_net(precond="GDDPrecond")
    net.start_sigma = sigma
    with torch.no_grad():
        for p in net.parameters():
            p.add_(0.03 * torch.randn_like(p))
    save_network(tmp_path / "n.safetensors", net)
    export.export(tmp_path / "n.safetensors", tmp_path / "h.safetensors")
    z, k = rng.latents(range(2), (3, 16, 16)), torch.tensor([1, 0], dtype=torch.int32)
    write_safetensors(tmp_path / "in.safetensors", {"latents": z, "class_index": k})
    done = subprocess.run(
        [
            "node",
            str(program),
            "run",
            str(tmp_path / "h.safetensors"),
            "--latents",
            str(tmp_path / "in.safetensors"),
            "--out",
            str(tmp_path / "out.safetensors"),
            "--backend",
            "wasm",
        ],
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    images = read_safetensors(tmp_path / "out.safetensors")[0]["images"]
    stored, _ = load_network(tmp_path / "h.safetensors")
    expected, elsewhere = (samplers.one_step(stored, z, k.long(), s) for s in (sigma, 82.5 - sigma))
    assert (images - expected).abs().max() < 1e-4 < (elsewhere - expected).abs().max()


def test_a_safetensors_file_is_no_pickle_whatever_its_header_is_long(tmp_path) -> None:
    from innate_training.official import is_pickle

    for extra in range(256):  # header lengths in steps of 8 pass every first byte that a length can have
        path = tmp_path / f"{extra}.safetensors"
        write_safetensors(path, {"a": torch.zeros(1)}, {"k": "x" * extra * 4})
        assert not is_pickle(path), extra
    for protocol in range(2, 6):
        (tmp_path / "x.pkl").write_bytes(pickle.dumps({"ema": 1}, protocol))
        assert is_pickle(tmp_path / "x.pkl")


def test_the_start_sigma_belongs_to_the_file(tmp_path) -> None:
    net = tiny_net()
    net.start_sigma = 2.5
    save_network(tmp_path / "s.safetensors", net)
    export.export(tmp_path / "s.safetensors", tmp_path / "h.safetensors")
    read, metadata = load_network(tmp_path / "h.safetensors")
    assert metadata["sigma"] == "2.5" and read.start_sigma == 2.5
    z, k = rng.latents(range(2), (3, 16, 16)), torch.tensor([1, 0])
    assert torch.equal(samplers.one_step(read, z, k), read(z * 2.5, 2.5, k))
    save_network(tmp_path / "t.safetensors", tiny_net())
    assert (
        "sigma" not in read_safetensors(tmp_path / "t.safetensors")[1]
        and load_network(tmp_path / "t.safetensors")[0].start_sigma == 80
    )
    save_network(tmp_path / "bad.safetensors", tiny_net(), {"sigma": "-1"})
    with pytest.raises(UserError, match="positive"):
        load_network(tmp_path / "bad.safetensors")
