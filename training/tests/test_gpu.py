"""The GPU plan in miniature: parts, an interruption, a killed call, late data, a fresh machine, publishing."""

import importlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import torch
from conftest import shape_images, write_zip

from innate_training import catalogue
from innate_training.checkpoint import load_checkpoint
from innate_training.cli import main

GPU = Path(__file__).resolve().parents[1] / "gpu"
sys.path.insert(0, str(GPU))
import parts  # noqa: E402
import run  # noqa: E402

PLAN = """
measure_images = 32
teacher_steps = 2
mini_minutes = 0.15
[[step]]
recipe = "afhq-cat-64x64-teacher"
minutes = 2
[[step]]
recipe = "afhq-cat-64x64-gdd-i"
minutes = 1
[[step]]
recipe = "cifar10-32x32-teacher"
minutes = 2
[[step]]
recipe = "cifar10-32x32-gdd-i"
minutes = 1
"""


def test_parts_join_to_the_same_file(tmp_path) -> None:
    blob = os.urandom(250_001)
    (tmp_path / "a.zip").write_bytes(blob)
    (tmp_path / "b.zip").write_bytes(b"small")
    manifest = parts.pack([tmp_path / "a.zip", tmp_path / "b.zip"], tmp_path / "p", part=100_000, load=200_000)
    assert [len(load) for load in manifest["loads"]] == [2, 2]
    assert parts.join(tmp_path / "p", tmp_path / "d") == (["a.zip", "b.zip"], [])
    assert (tmp_path / "d" / "a.zip").read_bytes() == blob
    (tmp_path / "p" / "a.zip.001").write_bytes(b"x" * 100_000)
    (tmp_path / "p" / "b.zip.000").unlink()
    whole, said = parts.join(tmp_path / "p", tmp_path / "e")
    assert whole == [] and said == ["a.zip.001 is damaged", "b.zip.000 is not here yet"]
    assert parts.main(["join", str(tmp_path / "p"), str(tmp_path / "e")]) == 1
    with pytest.raises(ValueError, match="two files"):
        parts.pack([tmp_path / "a.zip", tmp_path / "d" / "a.zip"], tmp_path / "q")


def test_the_plan_fits_its_limits() -> None:
    plan, steps = run.load_plan(GPU / "plan.toml", mini=False)
    assert {s.pair for s in steps} == {
        "cifar10-32x32",
        "afhq-cat-64x64",
        "celeba-64x64",
        "tiny-imagenet-64x64",
    } and len(steps) == 8
    assert sum(s.minutes for s in steps) + plan["overhead"] * len(steps) <= 25.5
    for s in steps:
        config = s.recipe.train or s.recipe.distil
        assert config.images == 10**9 and config.snapshot_every == 0 and config.decay_from < 1
    table = run.allot(plan, steps, {}, left=27)
    assert sum(table.values()) == pytest.approx(27 - run.CALL_RESERVE - 8 * plan["overhead"])
    done = {s.name: dict(done=True, minutes=s.minutes, allotted=s.minutes) for s in steps[:6]}
    done[steps[6].name] = dict(minutes=1.0, allotted=4.4)
    late = run.allot(plan, steps, done, left=5)
    assert late[steps[6].name] > 1.0 and late[steps[0].name] == steps[0].minutes
    assert late[steps[6].name] - 1 + late[steps[7].name] == pytest.approx(5 - run.CALL_RESERVE - 2 * plan["overhead"])


def test_compiling_may_fail() -> None:
    """A compiled network raises at its first step: the step is opened again without torch.compile."""
    said, opened = [], []

    class Fake:
        images, minutes = 0, 0.0

        def __init__(self, compile) -> None:
            self.compile = compile

        def step(self) -> None:
            if self.compile:
                raise RuntimeError("no compiler")
            self.images += 16

    runner = SimpleNamespace(
        open=lambda step, compile: (opened.append(compile), (Fake(compile), SimpleNamespace(unlock=lambda: None)))[1],
        say=said.append,
        wait=lambda: None,
        args=SimpleNamespace(mini=True),
        record=lambda *a, **k: None,
        setup=SimpleNamespace(world=SimpleNamespace(device=torch.device("cpu"))),
    )
    runner.probe = lambda *a: run.Runner.probe(runner, *a)
    trainer, _, rate = runner.probe(SimpleNamespace(name="x"), True, 1.0)
    assert (
        opened == [True, False]
        and "torch.compile failed (RuntimeError: no compiler)" in said[0]
        and rate > 0
        and trainer.images > 0
    )


def test_the_whole_plan_in_miniature(tmp_path) -> None:
    for name, classes in (("afhq-cat-64x64", 0), ("cifar10-32x32", 10)):
        images, _ = shape_images(96, size=32, seed=classes)
        write_zip(tmp_path / f"{name}.zip", images, np.arange(96) % classes if classes else None)
    (tmp_path / "plan.toml").write_text(PLAN)
    folder = tmp_path / "parts"
    manifest = parts.pack(
        [tmp_path / "afhq-cat-64x64.zip", tmp_path / "cifar10-32x32.zip"], folder, part=20_000, load=60_000
    )
    late = [p["name"] for p in manifest["files"][1]["parts"]][-1]
    os.rename(folder / late, tmp_path / late)
    state, out = tmp_path / "state", tmp_path / "out"
    command = [
        "sh",
        str(GPU / "run.sh"),
        "--mini",
        "--device",
        "cpu",
        "--parts",
        str(folder),
        "--plan",
        str(tmp_path / "plan.toml"),
        "--state",
        str(state),
        "--out",
        str(out),
        "--minutes",
        "3",
    ]

    environment = {**os.environ, "PYTHON": sys.executable}

    def call(*more, interrupt=None, word="") -> tuple[int, str]:
        """Run the one command; with `interrupt`, send it that signal soon after `word` was said."""
        with open(tmp_path / "said.txt", "wb") as f:
            process = subprocess.Popen([*command, *more], stdout=f, stderr=subprocess.STDOUT, env=environment)
            while interrupt and process.poll() is None:
                time.sleep(0.1)
                if word in (tmp_path / "said.txt").read_text():
                    time.sleep(0.3)
                    process.send_signal(interrupt)
                    break
            code = process.wait(120)
        return code, (tmp_path / "said.txt").read_text()

    def steps() -> dict:
        return json.loads((state / "steps.json").read_text())

    code, said = call(interrupt=signal.SIGTERM, word="teacher: ")
    assert code == 0 and "afhq-cat-64x64-teacher: stopped" in said and f"{late} is not here yet" in said, said
    seen = steps()["afhq-cat-64x64-teacher"]["images"]
    assert not steps()["afhq-cat-64x64-teacher"].get("done") and seen > 0
    assert "afhq-cat-64x64-teacher.part" in zipfile.ZipFile(out / "afhq-cat-64x64.zip").namelist()
    code, said = call(interrupt=signal.SIGKILL, word="gdd-i: ")  # no chance to save
    assert (
        code != 0 and steps()["afhq-cat-64x64-teacher"]["done"] and steps()["afhq-cat-64x64-teacher"]["images"] > seen
    )
    code, said = call()
    assert (
        code == 0
        and steps()["afhq-cat-64x64-gdd-i"]["done"]
        and "cifar10-32x32-teacher waits for cifar10-32x32.zip" in said
    ), said
    os.rename(tmp_path / late, folder / late)
    code, said = call()
    assert (
        code == 0 and "run.sh: finished" in said and all(s["done"] for s in steps().values()) and len(steps()) == 4
    ), said

    names = {"afhq-cat-64x64.zip", "cifar10-32x32.zip", "summary.json", "run.log"}
    assert set(os.listdir(out)) == names and all((out / n).stat().st_size < 16 * 2**20 for n in names)
    summary = json.loads((out / "summary.json").read_text())
    assert all(summary["models"][name]["quality"][0]["value"] > 0 for name in steps())
    inside = set(zipfile.ZipFile(out / "cifar10-32x32.zip").namelist())
    assert inside == {
        f"cifar10-32x32-{kind}.{end}"
        for kind in ("teacher", "gdd-i")
        for end in ("safetensors", "json", "webp", "log.jsonl", "step.json")
    }

    state.rename(tmp_path / "lost")  # a machine that starts bare takes up from the zips that came back
    shutil.copytree(out, tmp_path / "results")
    code, said = call("--results", str(tmp_path / "results"))
    assert code == 0 and said.count("taken up from") == 4 and "images/s" not in said and "run.sh: finished" in said, (
        said
    )

    models = tmp_path / "models"
    assert (
        main(["publish", *(str(out / n) for n in sorted(names) if n.endswith(".zip")), "--weights", str(models)]) == 0
    )
    for pair in ("afhq-cat-64x64", "cifar10-32x32"):
        entry = catalogue.entry_of(models, f"{pair}-gdd-i")
        assert entry["files"][0]["deltaOf"] == f"{pair}-teacher" and entry["provenance"]["hardware"].endswith(
            "CPU cores"
        )
        load_checkpoint(models / f"{pair}-gdd-i.safetensors")


def test_what_is_missing_is_said(tmp_path, capsys) -> None:
    def without_torch(name) -> ModuleType:
        return importlib.import_module("no_such_module_here" if name == "torch" else name)

    assert run.main(["--state", str(tmp_path / "s"), "--parts", str(tmp_path)], without_torch) == 2
    told = capsys.readouterr()
    assert "MISSING: torch" in told.out and "cannot start" in told.err
