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
from innate_training.recipe import parse

PROGRAM = ROOT / "build" / "cli" / "innate.mjs"
BATCH, STEPS, SEED = 4, 3, 5
# Warm-up makes the first rates small; these are large enough to see what three steps do.
G_RATE, D_RATE = 0.02, 0.04
# Keys of a recipe that the command line calls otherwise.
FLAGS = {"augment": "diffaugment"}


# Adam's first steps are signs of gradients: through EfficientNet's ReLU6 one value in a thousand goes the other way.
@pytest.mark.parametrize(
    "preset, own, bound",
    [
        ("small", {}, 0.1),
        ("small-encoder", {}, 1e-3),
        ("small-encoder", dict(freeze="enc.*,map_*"), 1e-3),
        ("small-encoder", dict(augment=True), 1e-3),
        ("small-encoder", dict(nfe=2, sigma_mid=0.6), 1e-3),
    ],
)
def test_three_steps_are_the_command_lines(tmp_path, preset, own, bound) -> None:
    if not PROGRAM.is_file() or not shutil.which("node"):
        pytest.skip("the app's command line is not built")
    net = tiny_net()
    with torch.no_grad():
        for p in net.parameters():
            p.add_(0.05 * torch.randn_like(p))
    save_network(tmp_path / "teacher.safetensors", net)
    write_zip(tmp_path / "shapes.zip", *shape_images(64))
    theirs, (head, *log) = command_line(tmp_path, preset, own)

    # The page's EfficientNet-Lite0, wherever else there is one.
    page = read_safetensors(ROOT / "public" / "features" / "efficientnet-lite0.safetensors")[0]
    torch.save(page, tmp_path / "efficientnet-lite0.pth")
    changes = dict(batch=BATCH, images=BATCH * STEPS, seed=SEED, g_lr=G_RATE, d_lr=D_RATE, measure_images=0)
    recipe = parse(
        dict(
            name="same",
            task="student",
            data="shapes.zip",
            teacher=str(tmp_path / "teacher.safetensors"),
            distil=dict(preset=preset, random="page", **changes, **own),
        )
    )
    setup = assemble.Setup(World(), tmp_path, tmp_path / "runs", [], [tmp_path], dtype="f32")
    trainer, _ = assemble.open_run(setup, recipe)
    card = trainer.card()
    assert head["freeze"] == card["freeze"] == own.get("freeze", "1")
    assert str(head["trained"]) == card["trained_count"]
    for point in log:
        out = trainer.step()
        assert float(out["g"]) == pytest.approx(point["lossG"], rel=2e-4)
        assert float(out["d"]) == pytest.approx(point["lossD"], rel=2e-4)
    assert trainer.images == log[-1]["images"] == BATCH * STEPS

    begun = dict(net.named_parameters())
    moving = {n: p for n, p in trainer.net.named_parameters() if p.requires_grad}
    assert {k.removeprefix("generator.") for k in theirs if k.startswith("generator.")} == set(moving)
    same_way(moving, theirs, "generator.", begun, bound)
    same_way({n: p for n, p in trainer.ema.net.named_parameters() if n in moving}, theirs, "ema.", begun, bound)
    heads = dict(trainer.heads.named_parameters())
    fresh = assemble.new_discriminator(recipe.distil, tmp_path / "teacher.safetensors", setup, 2).heads
    same_way(heads, theirs, "heads.", dict(fresh.named_parameters()), bound)


def same_way(ours, theirs, prefix, begun, bound) -> None:
    """The way from the beginning, over all tensors."""
    off = length = 0.0
    for name, p in ours.items():
        other = theirs[prefix + name]
        off += float((p.detach() - other).square().sum())
        length += float((other - begun[name].detach()).square().sum())
    assert length > 0 and (off / length) ** 0.5 < bound, (prefix, off, length)


def command_line(folder, preset, own) -> tuple[dict[str, torch.Tensor], list[dict]]:
    """The state and the log of `innate distil`; the log begins with what the run trains."""
    options = {
        "teacher": folder / "teacher.safetensors",
        "data": folder / "shapes.zip",
        "preset": preset,
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
    flags = {FLAGS.get(key, key.replace("_", "-")): value for key, value in own.items()}
    command = ["node", str(PROGRAM), "distil"]
    for key, value in {**options, **flags}.items():
        command += [f"--{key}"] if value is True else [f"--{key}", str(value)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    lines = (folder / "log.jsonl").read_text().splitlines()
    return read_safetensors(folder / "student.safetensors.state")[0], [json.loads(line) for line in lines]
