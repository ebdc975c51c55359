"""The training plan: one command goes on from wherever the weights stand.

Each visit of a step trains for the step's minutes or until its images are seen, with learning rates that fall
towards the end of those minutes, then measures, draws a sheet and keeps the better weights under
RUNS/ready/ID.safetensors with their entry. Students come from the best teacher: the one in RUNS/ready, else the
committed one. After the plan's first pass come rounds of improvement: round k trains the teachers to k times the
recipe's images, then distils anew from the better teacher, with GDD-I in odd rounds and full GDD in even ones.
"""

import json
import os
import time
import tomllib
from collections.abc import Iterator
from dataclasses import replace

import torch

from . import catalogue, json_lines
from . import publish as publishing
from . import recipe as recipes
from .assemble import find_weights, numbers, open_run
from .checkpoint import atomic_write, load_network, read_metadata, read_safetensors, write_safetensors
from .distil import distil
from .errors import UserError
from .export import export
from .frechet import evaluate
from .sheet import teacher_sheet, write_sheet
from .teacher import train_teacher

CPU_LIMIT = 4_000_000  # parameters, while no GPU is at hand
DONE = 0.98  # of a recipe's images


class Plan:
    def __init__(self, path=None) -> None:
        path = path or os.path.join(recipes.FOLDER, "queue.toml")
        try:
            with open(path, "rb") as f:
                raw = tomllib.load(f)
        except (OSError, tomllib.TOMLDecodeError) as error:
            raise UserError(f"{path}: {error}") from None
        self.steps = raw.get("steps", [])
        self.rounds = int(raw.get("rounds", 3))
        self.measure_images = int(raw.get("measure_images", 1000))
        self.teacher_steps = int(raw.get("teacher_steps", 12))  # Heun steps of a teacher's measurement

    def visits(self) -> Iterator[tuple[recipes.Recipe, int]]:
        """(recipe, round), in order."""
        for r in range(1, self.rounds + 1):
            for name in self.steps:
                yield recipes.load(name), r


def in_round(recipe, r) -> tuple[recipes.Recipe, str]:
    """The recipe of round r and its run folder."""
    if r == 1:
        return recipe, recipe.name
    if recipe.task == "teacher":  # the same run, longer
        return replace(recipe, train=replace(recipe.train, images=recipe.train.images * r)), recipe.name
    method = "gdd" if r % 2 == 0 else "gdd-i"
    return replace(
        recipe, distil=replace(recipe.distil, method=method, seed=recipe.distil.seed + r)
    ), f"{recipe.name}-r{r}"


def standing(setup, recipe, folder) -> int:
    """Images seen by the run, or by the committed weights when there is no run."""
    own = os.path.join(setup.runs, folder, "ema.safetensors")
    first_round = folder == recipe.name
    committed = first_round and not (recipe.task == "student" and stale(setup, recipe))
    path = own if os.path.isfile(own) else find_weights(recipe.name, setup.weights) if committed else None
    return numbers(read_metadata(path))[0] if path else 0


def stale(setup, recipe) -> bool:
    """The committed student came from a teacher that has learnt more since: begin again from the teacher."""
    student = find_weights(recipe.name, setup.weights)
    teacher = teacher_of(setup, recipe)
    if not student or not teacher:
        return False
    origin = int(read_metadata(student).get("teacher_images", 0))
    return numbers(read_metadata(teacher))[0] > origin if origin else teacher.startswith(os.fspath(setup.runs))


def teacher_of(setup, recipe) -> str | None:
    """The best teacher's file: what the queue has made so far, else the committed one, else a run that goes on."""
    return find_weights(recipe.teacher, [os.path.join(setup.runs, "ready"), *setup.weights, setup.runs])


def target(recipe) -> int:
    return (recipe.train or recipe.distil).images


def run_queue(setup, minutes, plan_path=None, publish=False, dry_run=False, adopted=()) -> None:
    plan, end = Plan(plan_path), time.monotonic() + minutes * 60
    ready = os.path.join(setup.runs, "ready")
    if publish and not setup.weights:
        raise UserError("--publish needs --weights")
    if publish and setup.world.first and os.path.isdir(ready) and not dry_run:  # what an interrupted visit left
        put_forward(setup.weights[0], ready)
    if setup.world.first:
        known = [recipes.load(name).name for name in plan.steps]
        for item in adopted:
            step, _, folder = item.partition("=")
            if step not in known:
                raise UserError(f"--adopt {item}: the plan has no step {step!r}; it has {', '.join(known)}")
            adopt(setup, step, folder, dry_run)
    journal = os.path.join(setup.runs, "queue.jsonl")
    for recipe, r in plan.visits():
        recipe, folder = in_round(recipe, r)
        seen = standing(setup, recipe, folder)
        ended = _ended(journal, recipe.name, r)
        if seen >= DONE * target(recipe) or ended:
            if setup.world.first:
                print(f"queue: {recipe.name}, round {r}: done ({seen:,} images)", flush=True)
            continue
        left = (end - time.monotonic()) / 60
        if left < 1:
            break
        spent = _spent(journal, recipe.name, r)
        allotted = max(recipe.minutes - spent, 1.0)
        if setup.world.first:
            print(
                f"queue: {recipe.name}, round {r}: {seen:,} of {target(recipe):,} images, "
                f"up to {min(left, allotted):.0f} minutes",
                flush=True,
            )
        if dry_run:
            continue
        began = time.monotonic()
        why, seen = visit(setup, recipe, folder, min(left, allotted), r, (spent, recipe.minutes))
        spent += (time.monotonic() - began) / 60
        report(setup, plan, recipe, folder, r, why, publish)
        if setup.world.first:
            # a step that has had its minutes makes room for the next; the next round comes back to it
            over = why not in ("out of time", "stopped") or spent >= 0.99 * recipe.minutes
            json_lines.append(
                journal,
                dict(step=recipe.name, round=r, ended=over and why != "stopped", why=why, images=seen, minutes=spent),
            )
        if setup.world.agree(why == "stopped"):
            break


def adopt(setup, step, folder, dry_run=False) -> None:
    """Another program's run: its averaged weights become the step's, unless the step has trained by itself already.

    Of its state.pt only the time is taken (`spent`, seconds); the optimiser's moments are rebuilt under a warm-up.
    """
    source, own = os.path.join(folder, "ema.safetensors"), os.path.join(setup.runs, step, "ema.safetensors")
    if not folder or not os.path.isfile(source):
        raise UserError(f"--adopt {step}={folder}: there is no {source if folder else 'folder'}")
    tensors, metadata = read_safetensors(source)
    if os.path.isfile(os.path.join(setup.runs, step, "state.pt")):
        return
    if os.path.isfile(own) and numbers(read_metadata(own))[0] >= numbers(metadata)[0]:
        return
    if dry_run:
        print(f"queue: {step} would adopt {folder}: {numbers(metadata)[0]:,} images", flush=True)
        return
    if "minutes" not in metadata:
        metadata["minutes"] = str(round(_seconds_of(os.path.join(folder, "state.pt")) / 60, 1))
    write_safetensors(own, tensors, metadata)
    print(
        f"queue: {step} adopts {folder}: {numbers(metadata)[0]:,} images, {float(metadata['minutes']):.0f} minutes",
        flush=True,
    )


def _seconds_of(path) -> float:
    try:
        return float(torch.load(path, map_location="cpu", weights_only=True)["spent"])
    except Exception:  # none, or of yet another program
        return 0.0


def visit(setup, recipe, folder_name, minutes, r, planned=None) -> tuple[str, int]:
    fresh = recipe.task == "student" and (r > 1 or stale(setup, recipe))
    teacher = teacher_of(setup, recipe) if recipe.task == "student" else None
    trainer, folder = open_run(setup, recipe, folder_name=folder_name, fresh=fresh, teacher=teacher)
    count = sum(p.numel() for p in trainer.net.parameters())
    if setup.world.device.type == "cpu" and count > CPU_LIMIT:
        folder.unlock()
        raise UserError(
            f"{recipe.name}: {count / 1e6:.1f} M parameters are too many for a CPU (limit {CPU_LIMIT / 1e6:.0f} M)"
        )
    try:
        go = train_teacher if recipe.task == "teacher" else distil
        why = go(trainer, folder, setup.world, minutes, folder_name, planned=planned)
        if why.startswith("collapsed") and os.path.exists(folder.file("best.safetensors")):
            why = recover(trainer, folder, setup, minutes, folder_name)
        return why, trainer.images
    finally:
        folder.unlock()


def recover(trainer, folder, setup, minutes, label) -> str:
    """After a collapse: once more from the best snapshot, at half the rates, with a new discriminator state."""
    tensors, metadata = read_safetensors(folder.file("best.safetensors"))
    images, spent = numbers(metadata)
    config = replace(
        trainer.config, g_lr=trainer.config.g_lr / 2, d_lr=trainer.config.d_lr / 2, seed=trainer.config.seed + 1
    )
    best = trainer.best
    fresh = type(trainer)(
        trainer.net, trainer.discriminator, trainer.data, config, setup.world, trainer.provenance, trainer.measure
    )
    for module in fresh.heads.modules():
        if hasattr(module, "weight_orig"):
            torch.nn.init.kaiming_uniform_(module.weight_orig, a=5**0.5)
    fresh.begin_from(tensors, images, spent)
    fresh.best = best
    why = distil(fresh, folder, setup.world, minutes / 2, f"{label} (again)")
    trainer.images = fresh.images
    return why


def report(setup, plan, recipe, folder_name, r, why, publish) -> None:
    """Measure, draw, keep the better weights."""
    if not setup.world.first:
        return
    folder = os.path.join(setup.runs, folder_name)
    best = os.path.join(folder, "best.safetensors")
    source = best if recipe.task == "student" and os.path.isfile(best) else os.path.join(folder, "ema.safetensors")
    if not os.path.isfile(source):
        return
    net, metadata = load_network(source, dtype=setup.dtype)
    net = net.to(setup.world.device).eval()
    student = recipe.task == "student"
    measure = setup.new_measure()
    data = setup.data(recipe)
    count = plan.measure_images if student else plan.measure_images // 2  # Heun costs 2 N - 1 evaluations an image
    quality = evaluate(net, data, measure, count, 5 * count, (None,) if student else (2 * plan.teacher_steps - 1,))
    ready = os.path.join(setup.runs, "ready")
    os.makedirs(ready, exist_ok=True)
    sheet = os.path.join(ready, f"{folder_name}.png")
    write_sheet(sheet, net) if student else teacher_sheet(sheet, net, plan.teacher_steps)
    value = quality[0]["value"]
    record = dict(step=recipe.name, round=r, images=numbers(metadata)[0], why=why, sheet=sheet, **quality[0])
    json_lines.append(os.path.join(ready, "log.jsonl"), record)
    kept = best_known(setup, ready, recipe.name, catalogue.quality_entry(quality[0], net.img_resolution))
    committed = find_weights(recipe.name, setup.weights)
    if kept is None and committed:  # measured otherwise, or not at all: measure it in the same way
        old, _ = load_network(committed, dtype=setup.dtype, teachers=setup.weights[0])
        kept = evaluate(old.to(setup.world.device).eval(), data, measure, count, 5 * count, (quality[0]["nfe"],))[0][
            "value"
        ]
    print(
        f"queue: {recipe.name}: Fréchet {value:.3f} on {measure.name} "
        f"(kept so far: {'none' if kept is None else f'{kept:.3f}'}), {sheet}",
        flush=True,
    )
    if kept is not None and value >= kept:
        return
    path = os.path.join(ready, f"{recipe.name}.safetensors")
    export(source, path, "f16")
    entry = catalogue.make_entry(recipe, path, quality, class_names(recipe, net.label_dim))
    atomic_write(os.path.join(ready, f"{recipe.name}.json"), (json.dumps(entry, indent=2) + "\n").encode())
    if publish:
        put_forward(setup.weights[0], ready)


def put_forward(folder, ready) -> None:
    lines = publishing.publish_ready(folder, ready)
    for line in lines:
        print(f"publish: {line}", flush=True)
    if publishing.wrote(lines):
        print(f"publish: {publishing.REFRESH}", flush=True)


def best_known(setup, ready, name, quality) -> float | None:
    """The smallest distance so far, measured in the same way: kept weights, or the catalogue's."""
    entries = [catalogue.entry_of(f, name) for f in setup.weights]
    path = os.path.join(ready, f"{name}.json")
    if os.path.isfile(path):
        with open(path) as f:
            entries.append(json.load(f))
    same = [q["value"] for e in entries if e for q in e.get("quality", []) if publishing.comparable(q, quality)]
    return min(same, default=None)


def class_names(recipe, label_dim) -> list[str] | None:
    return recipes.class_lists().get(recipe.data.removesuffix(".zip")) if label_dim else None


def _of(journal, name, r) -> list[dict]:
    return [line for line in json_lines.read(journal) if line["step"] == name and line["round"] == r]


def _ended(journal, name, r) -> bool:
    return any(line["ended"] for line in _of(journal, name, r))


def _spent(journal, name, r) -> float:
    lines = _of(journal, name, r)
    return lines[-1]["minutes"] if lines else 0.0
