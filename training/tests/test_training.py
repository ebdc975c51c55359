"""Runs: resumed bit by bit, on two processes as on one, and a whole teacher-and-student pair that learns."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from conftest import ROOT, TINY, shapes, tiny_net
from test_method import trainer as distil_trainer

from innate_training import assemble, frechet
from innate_training.checkpoint import load_checkpoint, read_safetensors, save_network
from innate_training.cli import main
from innate_training.distil import DistilConfig, DistilTrainer, distil
from innate_training.distributed import World
from innate_training.loop import run_loop
from innate_training.run_folder import RunFolder
from innate_training.teacher import TeacherConfig, TeacherTrainer, train_teacher


def same(a, b) -> None:
    for key, value in a.items():
        if isinstance(value, dict):
            same(value, b[key])
        elif isinstance(value, torch.Tensor):
            assert torch.equal(value, b[key]), key


def teacher_trainer(**changes) -> TeacherTrainer:
    config = TeacherConfig(**{**dict(images=96, batch=8, warmup=32, snapshot_every=0), **changes})
    return TeacherTrainer(tiny_net(augment_dim=9), shapes(), config, World())


@pytest.mark.parametrize(
    "make", [lambda: teacher_trainer(augment=0.5), lambda: distil_trainer(images=96, r1_gamma=0.1, r1_every=4)]
)
def test_resume_is_bit_equal(make, tmp_path) -> None:
    straight = make()
    run_loop(straight, RunFolder(tmp_path / "a"), World(), images=96)
    first = make()
    run_loop(first, RunFolder(tmp_path / "b"), World(), images=40)
    second, folder = make(), RunFolder(tmp_path / "b")
    torch.rand(17)  # the global generator plays no part
    second.restore(folder.load_state())
    run_loop(second, folder, World(), images=96)
    ours, theirs = second.state(), straight.state()
    assert ours["images"] == 96 and ours["iteration"] == theirs["iteration"]
    same(theirs, ours)


WORKER = """
import sys, torch
sys.path[:0] = [{tests!r}, {package!r}]
from conftest import shapes, tiny_net
from test_training import two_trainers
from innate_training.distributed import world
torch.set_num_threads(1)
with world("cpu") as w:
    result = two_trainers(w)
    if w.first:
        torch.save(result, {out!r})
"""


def two_trainers(world) -> dict:
    from innate_training import discriminator as D
    from innate_training.features import TeacherEncoder

    teacher = TeacherTrainer(tiny_net(), shapes(), TeacherConfig(images=10**6, batch=8, warmup=0, lr=1e-3), world)
    losses = [world.mean(float(teacher.step()["loss"])) for _ in range(3)]
    encoder = TeacherEncoder(tiny_net(), mean=-20.0, std=0.0)  # noise differs by rank: switch it off
    out = dict(losses=losses, teacher=teacher.net.state_dict())
    for group in (4, 0):  # a minibatch deviation of four images, and of the whole batch
        torch.manual_seed(0)  # the heads' power vectors are buffers, which no process sends to the others
        critic = D.Discriminator([D.Backbone(encoder, "small", mix=False)], "small", classes=2, group=group)
        config = DistilConfig(batch=8, features=["encoder"], warmup=0, deviation_group=group, r1_gamma=0.1, r1_every=2)
        student = DistilTrainer(tiny_net(), critic, shapes(), config, world)
        for _ in range(4):
            student.step()
        out |= {f"student {group}": student.net.state_dict(), f"heads {group}": student.heads.state_dict()}
    return out


def test_two_gloo_processes_equal_one(tmp_path) -> None:
    out = str(tmp_path / "two.pt")
    script = tmp_path / "worker.py"
    tests = Path(__file__).resolve().parent
    script.write_text(WORKER.format(tests=str(tests), package=str(tests.parent), out=out))
    command = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--nproc_per_node=2",
        "--master_port=0",
        "--standalone",
        str(script),
    ]
    environment = {k: v for k, v in os.environ.items() if k != "OMP_PROC_BIND"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, env=environment)
    assert done.returncode == 0, done.stderr[-2000:]
    torch.manual_seed(0)
    one, two = two_trainers(World()), torch.load(out, weights_only=True)
    assert two["losses"] == pytest.approx(one["losses"], rel=1e-5)
    for part in ("teacher", "student 4", "heads 4", "student 0", "heads 0"):
        for key, value in one[part].items():
            # Adam divides by the gradient's size, so parameters whose gradient is rounding noise may move either way
            limit = 2e-3 if "qkv.bias" in key else 2e-4
            assert (two[part][key] - value).abs().max() < limit, (part, key)


def test_end_to_end(tmp_path) -> None:
    """A teacher, then its student by the GAN loss alone; the distance of one-step images falls."""
    data = shapes(512)
    measure = frechet.Measure("pixels", frechet.Pixels()).refer_to(data.images, "shapes")

    def score(net) -> float:
        return measure.compare(measure.features(frechet.generate(net, 192)))["value"]

    teacher = TeacherTrainer(
        tiny_net(), data, TeacherConfig(images=6_400, batch=32, lr=3e-3, warmup=320, ema_halflife=1000), World()
    )
    folder = RunFolder(tmp_path / "teacher")
    assert train_teacher(teacher, folder, World(), minutes=1) in ("finished", "out of time")
    log = [r["loss"] for r in folder.read_log()]
    assert log[-1] < 0.7 * log[0]
    student, _ = assemble.load_network(folder.file("ema.safetensors"))
    before = score(student)
    from innate_training import discriminator as D
    from innate_training.features import TeacherEncoder

    encoder, _ = assemble.load_network(folder.file("ema.safetensors"))
    critic = D.Discriminator([D.Backbone(TeacherEncoder(encoder), "small", mix=False)], "small", classes=2, width=64)
    config = DistilConfig(
        images=6_400,
        features=["encoder"],
        g_lr=1e-3,
        d_lr=2e-3,
        ema_halflife=500,
        snapshot_every=3_200,
        measure_images=128,
        min_spread=0.1,
    )
    trainer = DistilTrainer(student, critic, data, config, World(), measure=measure)
    out = RunFolder(tmp_path / "student")
    distil(trainer, out, World(), minutes=5)  # a loaded machine must reach its first snapshot
    after = score(trainer.ema.net)
    print(f"one step: {before:.2f} before, {after:.2f} after")
    assert after < 0.8 * before
    assert (
        out.read_json("best.json")["frechet"] > 0 and (tmp_path / "student" / "snapshots" / "000003200.png").is_file()
    )


def test_command_line(tmp_path, shapes_zip, capsys) -> None:
    recipe = tmp_path / "toy.toml"
    net = "\n".join(
        f"{k} = {str(v).replace(chr(39), chr(34)) if isinstance(v, list) else repr(v).replace(chr(39), chr(34))}"
        for k, v in TINY.items()
    )
    recipe.write_text(
        f'name = "toy"\ntask = "teacher"\ndata = "shapes.zip"\n[net]\nconditional = true\n{net}\n'
        "[train]\nimages = 64\nbatch = 16\nsnapshot_every = 0\n"
    )
    student = tmp_path / "toy-s.toml"
    student.write_text(
        'name = "toy-s"\ntask = "student"\ndata = "shapes.zip"\nteacher = "toy"\n[distil]\npreset = "encoder"\n'
        "images = 32\nbatch = 8\nmeasure_images = 0\nsnapshot_every = 0\n"
    )
    where = ["--data", str(tmp_path), "--runs", str(tmp_path / "runs"), "--device", "cpu", "--dtype", "f32"]
    assert main(["train-teacher", "--recipe", str(recipe), *where]) == 0
    assert main(["train-teacher", "--recipe", str(recipe), *where, "--set", "train.images=96"]) == 0  # goes on
    assert "64 of 96 images seen" in capsys.readouterr().out.replace(",", "").replace(
        "64 of 96 seen", "64 of 96 images seen"
    )
    assert main(["distil", "--recipe", str(student), *where]) == 0
    ema = str(tmp_path / "runs" / "toy-s" / "ema.safetensors")
    assert read_safetensors(ema)[1]["images_seen"] == "32"
    assert main(["export", str(tmp_path / "runs/toy/ema.safetensors"), str(tmp_path / "toy.safetensors")]) == 0
    assert main(["export", ema, str(tmp_path / "toy-s.safetensors"), "--delta-of", "toy"]) == 0
    assert main(["sheet", str(tmp_path / "toy-s.safetensors"), str(tmp_path / "s.png"), "--count", "4"]) == 0
    assert (
        main(
            [
                "evaluate",
                str(tmp_path / "toy-s.safetensors"),
                "--data",
                str(shapes_zip),
                "--features",
                "pixels",
                "--count",
                "32",
                "--nfe",
                "1,3",
                "--json",
            ]
        )
        == 0
    )
    assert '"nfe": 3' in capsys.readouterr().out
    assert main(["evaluate", str(tmp_path / "none.safetensors"), "--data", str(shapes_zip)]) == 1
    assert "no such file" in capsys.readouterr().err


def test_queue_goes_through_the_plan_and_on(tmp_path, shapes_zip, capsys) -> None:
    test_command_line(tmp_path, shapes_zip, capsys)
    plan = tmp_path / "plan.toml"
    plan.write_text(
        f'steps = ["{tmp_path}/toy.toml", "{tmp_path}/toy-s.toml"]\n'
        "rounds = 2\nmeasure_images = 32\nteacher_steps = 2\n"
    )
    weights = tmp_path / "models"
    weights.mkdir()
    where = [
        "queue",
        "--data",
        str(tmp_path),
        "--runs",
        str(tmp_path / "queue-runs"),
        "--weights",
        str(weights),
        "--plan",
        str(plan),
        "--device",
        "cpu",
        "--dtype",
        "f32",
        "--minutes",
        "3",
        "--features",
        "pixels",
        "--publish",
    ]
    assert main(where) == 0
    said = capsys.readouterr().out
    assert {p.name for p in (tmp_path / "queue-runs").iterdir()} >= {"toy", "toy-s", "toy-s-r2", "ready"}
    assert (weights / "toy.safetensors").is_file() and (weights / "index.json").is_file()
    student = weights / "toy-s.safetensors"
    if student.is_file():  # every student that is there fits the teacher that is there
        load_checkpoint(student)
        assert read_safetensors(student)[1]["delta_of"] == "toy" and "npm run catalogue" in said
    assert main([*where, "--dry-run", "--adopt", f"toy={tmp_path}/runs/toy"]) == 0
    assert capsys.readouterr().out.count("done") == 4
    assert ROOT.exists()


def test_another_programs_run_is_adopted(tmp_path, shapes_zip, capsys) -> None:
    """runs/NAME of a plain trainer: state.pt = {net, ema, opt, seen, spent}, ema.safetensors tells its architecture."""
    from innate_training.precond import build

    kwargs = {k: v for k, v in TINY.items() if k != "dropout"}  # such a file does not mention dropout
    net = build(dict(img_resolution=16, img_channels=3, label_dim=2, model_kwargs=kwargs))
    other = tmp_path / "other" / "shapes"
    save_network(other / "ema.safetensors", net, dict(images_seen="48"))
    torch.save(dict(net=net.state_dict(), ema=net.state_dict(), opt={}, seen=48, spent=600.0), other / "state.pt")
    recipe = tmp_path / "toy.toml"
    text = "\n".join(
        f"{k} = {str(v).replace(chr(39), chr(34)) if isinstance(v, list) else repr(v).replace(chr(39), chr(34))}"
        for k, v in TINY.items()
    )
    recipe.write_text(
        f'name = "toy"\ntask = "teacher"\ndata = "shapes.zip"\n[net]\nconditional = true\n{text}\n'
        "[train]\nimages = 96\nbatch = 16\nsnapshot_every = 0\n"
    )
    from innate_training import queue
    from innate_training import recipe as recipes

    setup = assemble.Setup(World(), tmp_path, tmp_path / "runs", dtype="f32")
    queue.adopt(setup, "toy", str(other))
    queue.adopt(setup, "toy", str(other))  # again: nothing more
    assert capsys.readouterr().out.count("48 images, 10 minutes") == 1
    trainer, folder = assemble.open_run(setup, recipes.load(str(recipe)))
    assert (trainer.images, trainer.born, trainer.minutes) == (48, 48, 10.0)  # goes on, the moments under a warm-up
    assert torch.equal(
        trainer.net.state_dict()["model.enc.16x16_conv.weight"], net.state_dict()["model.enc.16x16_conv.weight"]
    )
    assert train_teacher(trainer, folder, World()) == "finished" and trainer.images == 96


def test_the_queues_order() -> None:
    from innate_training.queue import Plan, in_round

    visits = [(recipe.name, r, in_round(recipe, r)) for recipe, r in Plan().visits()]
    first = ["cifar10-32x32", "celeba-64x64", "tiny-imagenet-64x64", "afhq-cat-64x64"]
    assert [name for name, r, _ in visits if r == 1] == [f"{n}-{kind}" for n in first for kind in ("teacher", "gdd-i")]
    assert max(r for _, r, _ in visits) >= 3  # rounds of improvement: longer teachers, full GDD in turn
    longer = {name: changed for name, r, (changed, _) in visits if r == 2}
    assert (
        longer["afhq-cat-64x64-teacher"].train.images == 2 * 384_000
        and longer["afhq-cat-64x64-gdd-i"].distil.method == "gdd"
    )


def test_a_collapse_is_noticed_and_the_best_taken_up_again(tmp_path) -> None:
    from types import SimpleNamespace

    from innate_training.queue import recover

    trainer = distil_trainer(images=96, snapshot_every=16, measure_images=16, min_spread=0.0)
    trainer.measure = frechet.Measure("pixels", frechet.Pixels()).refer_to(trainer.data.images, "shapes")
    folder = RunFolder(tmp_path / "run")
    run_loop(trainer, folder, World(), images=32, snapshot_every=16)
    assert trainer.best is not None
    trainer.config.min_spread = 100.0  # from here on everything counts as collapsed
    why = run_loop(trainer, folder, World(), images=96, snapshot_every=16)
    assert why.startswith("collapsed") and trainer.images == 64
    trainer.config.min_spread = 0.0
    assert recover(trainer, folder, SimpleNamespace(world=World()), 1.0, "again") == "finished"
    assert trainer.images == 96


def recipe_file(tmp_path, name, task, **lines) -> str:
    net = (
        "" if task == "student" else "\n[net]\n" + "\n".join(f"{k} = {v!r}".replace("'", '"') for k, v in TINY.items())
    )
    body = {"name": f'"{name}"', "task": f'"{task}"', "data": '"shapes.zip"', **lines}
    section = (
        "\n[train]\nimages = 16\nbatch = 8"
        if task == "teacher"
        else '\n[distil]\nimages = 16\nbatch = 8\nmeasure_images = 0\nfeatures = ["encoder"]'
    )
    path = tmp_path / f"{name}.toml"
    path.write_text(
        "\n".join(f"{k} = {v}" for k, v in body.items()) + net.replace("attn", "conditional = true\nattn", 1) + section
    )
    return str(path)


def test_a_teacher_begins_from_another_sets_teacher(tmp_path, shapes_zip) -> None:
    other = tiny_net(label_dim=0, seed=5)
    save_network(tmp_path / "cats.safetensors", other, {"dataset": "cats.zip", "images_seen": "900", "method": "edm"})
    run = [
        "train-teacher",
        "--recipe",
        recipe_file(tmp_path, "shapes-teacher", "teacher"),
        "--data",
        str(tmp_path),
        "--runs",
        str(tmp_path / "runs"),
    ]
    assert main([*run, "--init", str(tmp_path / "cats.safetensors"), "--set", "train.lr=0.0"]) == 0
    tensors, metadata = read_safetensors(tmp_path / "runs" / "shapes-teacher" / "ema.safetensors")
    assert metadata["images_seen"] == "16" and metadata["begun_from"] == "cats, 900 images"  # counted from zero
    theirs = other.state_dict()
    assert all(torch.allclose(tensors[k].float(), v, atol=2e-3) for k, v in theirs.items())
    assert "model.map_label.weight" in tensors and "model.map_label.weight" not in theirs
    assert main([*run, "--set", "train.images=32"]) == 0  # the origin stays in the card
    assert (
        read_safetensors(tmp_path / "runs" / "shapes-teacher" / "ema.safetensors")[1]["begun_from"]
        == "cats, 900 images"
    )


def test_a_student_goes_on_at_the_sigma_where_it_began(tmp_path, shapes_zip, capsys) -> None:
    save_network(
        tmp_path / "teacher.safetensors", tiny_net(), {"dataset": "shapes.zip", "images_seen": "900", "method": "edm"}
    )
    path = recipe_file(tmp_path, "shapes-gdd-i", "student", teacher='"' + str(tmp_path / "teacher.safetensors") + '"')
    run = ["distil", "--recipe", path, "--data", str(tmp_path), "--runs", str(tmp_path / "runs")]
    assert main(run) == 0
    assert read_safetensors(tmp_path / "runs" / "shapes-gdd-i" / "ema.safetensors")[1]["sigma"] == "2.5"
    assert main([*run, "--set", "distil.sigma=80.0", "--set", "distil.images=32"]) == 1
    assert "starts at sigma 2.5, the recipe at 80" in capsys.readouterr().err
