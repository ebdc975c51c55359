"""One method in two languages: `innate distil` and this package take the same three steps from one seed.

Both begin from the same small network, images and preset. The recipe's `random = "page"` draws what the command line
draws: the order of the images, their mirroring, the noise, the mixing and the heads' first weights.
"""

import json
import shutil
import subprocess

import pytest
import torch
from conftest import ROOT, shape_images, tiny_net, write_zip

from innate_training import assemble
from innate_training.checkpoint import read_safetensors, save_network
from innate_training.distributed import World
from innate_training.recipe import Recipe, parse
from innate_training.student import StudentTrainer

PROGRAM = ROOT / "build" / "cli" / "innate.mjs"
VGG16_BN = ROOT / "tests" / "fixtures" / "method" / "vgg16-bn.legacy.pth"
BATCH, STEPS, SEED = 4, 3, 5
# Warm-up makes the first rates small; these are large enough to see what three steps do.
G_RATE, D_RATE = 0.02, 0.04
# Keys of a recipe that the command line calls otherwise.
FLAGS = {"augment": "diffaugment", "g_lr": "generator-rate", "d_lr": "discriminator-rate"}


# Adam's first steps are signs of gradients: through EfficientNet's ReLU6 one value in a thousand goes the other way;
# at a tenth of the rates the losses do not tell.
@pytest.mark.parametrize(
    "preset, own, bound",
    [
        ("small", dict(g_lr=G_RATE / 10, d_lr=D_RATE / 10), 0.1),
        # a published pair, in small: the mixing and the heads are drawn in its order
        ("small", dict(features=["vgg16-bn", "efficientnet-lite0"], g_lr=G_RATE / 10, d_lr=D_RATE / 10), 0.1),
        ("small-encoder", {}, 1e-3),
        ("small-encoder", dict(freeze="enc.*,map_*"), 1e-3),
        ("small-encoder", dict(augment=True), 1e-3),
        ("small-encoder", dict(nfe=2, sigma_mid=0.6), 1e-3),
    ],
)
def test_three_steps_are_the_command_lines(tmp_path, preset, own, bound) -> None:
    own = dict(own, preset=preset)
    theirs, (head, *log) = command_line(tmp_path, own)
    trainer, begun, recipe, setup = ours(tmp_path, own)
    card = trainer.card()
    assert head["freeze"] == card["freeze"] == own.get("freeze", "1")
    assert str(head["trained"]) == card["trained_count"]
    for point in log:
        out = trainer.step()
        assert float(out["g"]) == pytest.approx(point["lossG"], rel=2e-4)
        assert float(out["d"]) == pytest.approx(point["lossD"], rel=2e-4)
    same_student(trainer, theirs, log, begun, bound)
    fresh = assemble.new_discriminator(recipe.distil, tmp_path / "teacher.safetensors", setup, 2).heads
    same_way(dict(trainer.heads.named_parameters()), theirs, "heads.", dict(fresh.named_parameters()), bound)


# CD's lowest levels differ by little: its way is a difference of near numbers.
@pytest.mark.parametrize("method, loss, bound", [("imitation", "l2", 1e-3), ("cd", "l2", 1e-3), ("cd", "lite0", 0.1)])
def test_three_steps_without_a_discriminator(tmp_path, method, loss, bound) -> None:
    own = dict(method=method, instance_loss=loss)
    theirs, (head, *log) = command_line(tmp_path, own)
    assert head["freeze"] == "0"
    trainer, begun, _, _ = ours(tmp_path, own)
    for point in log:
        assert float(trainer.step()["g"]) == pytest.approx(point["lossG"], rel=2e-4)
        assert point["lossD"] is None
    same_student(trainer, theirs, log, begun, bound)
    targets = {k for k in theirs if k.startswith("target.")}
    if method == "cd":
        same_way(dict(trainer.target.named_parameters()), theirs, "target.", begun, bound)
    assert bool(targets) == (method == "cd")
    card = read_safetensors(tmp_path / "student.safetensors")[1]
    assert card["precond"] == ("GDDPrecond" if method == "cd" else "EDMPrecond") and card["method"] == method


def ours(folder, own) -> tuple[StudentTrainer, dict[str, torch.Tensor], Recipe, assemble.Setup]:
    """The trainer, the teacher's parameters, its recipe and setup. The page's EfficientNet-Lite0 serves both."""
    page = read_safetensors(ROOT / "public" / "features" / "efficientnet-lite0.safetensors")[0]
    torch.save(page, folder / "efficientnet-lite0.pth")
    shutil.copy(VGG16_BN, folder / "vgg16_bn.pth")
    changes = dict(batch=BATCH, images=BATCH * STEPS, seed=SEED, g_lr=G_RATE, d_lr=D_RATE, measure_images=0)
    recipe = parse(
        dict(
            name="same",
            task="student",
            data="shapes.zip",
            teacher=str(folder / "teacher.safetensors"),
            distil=dict(random="page", **(changes | own)),
        )
    )
    setup = assemble.Setup(World(), folder, folder / "runs", [], [folder], dtype="f32")
    trainer, _ = assemble.open_run(setup, recipe)
    return trainer, {k: p.detach().clone() for k, p in trainer.net.named_parameters()}, recipe, setup


def same_student(trainer, theirs, log, begun, bound) -> None:
    assert trainer.images == log[-1]["images"] == BATCH * STEPS
    moving = {n: p for n, p in trainer.net.named_parameters() if p.requires_grad}
    assert {k.removeprefix("generator.") for k in theirs if k.startswith("generator.")} == set(moving)
    same_way(moving, theirs, "generator.", begun, bound)
    same_way({n: p for n, p in trainer.ema.net.named_parameters() if n in moving}, theirs, "ema.", begun, bound)


def same_way(ours, theirs, prefix, begun, bound) -> None:
    """The way from the beginning, over all tensors."""
    off = length = 0.0
    for name, p in ours.items():
        other = theirs[prefix + name]
        off += float((p.detach() - other).square().sum())
        length += float((other - begun[name].detach()).square().sum())
    assert length > 0 and (off / length) ** 0.5 < bound, (prefix, off, length)


def command_line(folder, own) -> tuple[dict[str, torch.Tensor], list[dict]]:
    """The state and the log of `innate distil` on a small random teacher; the log begins with what the run trains.
    Skips where it is not built."""
    if not PROGRAM.is_file() or not shutil.which("node"):
        pytest.skip("the app's command line is not built")
    net = tiny_net()
    with torch.no_grad():
        for p in net.parameters():
            p.add_(0.05 * torch.randn_like(p))
    save_network(folder / "teacher.safetensors", net)
    write_zip(folder / "shapes.zip", *shape_images(64))
    options = {
        "teacher": folder / "teacher.safetensors",
        "data": folder / "shapes.zip",
        "images": BATCH * STEPS,
        "batch": BATCH,
        "seed": SEED,
        "generator-rate": G_RATE,
        "discriminator-rate": D_RATE,
        "measure-images": 0,
        "backend": "wasm",
        "out": folder / "student.safetensors",
        "log": folder / "log.jsonl",
    }
    flags = {FLAGS.get(key, key.replace("_", "-")): value for key, value in own.items() if key != "features"}
    if "vgg16-bn" in own.get("features", ()):
        flags["second-features"] = VGG16_BN
    command = ["node", str(PROGRAM), "distil"]
    for key, value in {**options, **flags}.items():
        command += [f"--{key}"] if value is True else [f"--{key}", str(value)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    lines = (folder / "log.jsonl").read_text().splitlines()
    return read_safetensors(folder / "student.safetensors.state")[0], [json.loads(line) for line in lines]
