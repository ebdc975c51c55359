"""Methods against each other on one budget: a run for each method and seed, one after another, and a table of their
Fréchet distances. What is finished is not run again, and a run that was cut short goes on."""

import csv
import io
import os
from dataclasses import asdict, dataclass, replace

import numpy as np

from .assemble import find_weights, open_run
from .checkpoint import atomic_write, load_network
from .distil import DistilConfig, distil
from .errors import UserError
from .frechet import evaluate
from .recipe import Recipe
from .run_folder import RunFolder
from .samplers import paper_steps
from .student import middle_of

METHODS = {
    "gdd": dict(method="gdd"),
    "gdd-i": dict(method="gdd-i"),
    "freeze2": dict(method="gdd-i", freeze=2),
    "freeze3": dict(method="gdd-i", freeze=3),
    "imitation": dict(method="imitation"),
    "imitation-lite0": dict(method="imitation", instance_loss="lite0"),
    "cd": dict(method="cd"),
    "cd-lite0": dict(method="cd", instance_loss="lite0"),
}
FIELDS = ("method", "seed", "images", "frechet", "error", "spread", "features", "n", "reference", "images_per_second")


@dataclass
class Comparison:
    recipe: Recipe  # a student's; its data, teacher and preset hold for all
    methods: list[str]
    seeds: list[int]
    images: int = 9_600  # that every run sees
    points: int = 4  # at which it is measured, evenly; the last at the end

    def __post_init__(self) -> None:
        unknown = [m for m in self.methods if m not in METHODS]
        if unknown:
            raise UserError(f"unknown method {unknown[0]!r}; known: {', '.join(METHODS)}")
        step = self.recipe.distil.batch * self.points
        if self.images % step:
            raise UserError(f"--images {self.images} is not a multiple of {step}, the batch times --points")

    def config(self, method, seed) -> DistilConfig:
        """A comparison wants the number of a collapsed run too: none is stopped for it."""
        return replace(
            self.recipe.distil,
            **METHODS[method],
            seed=seed,
            images=self.images,
            snapshot_every=self.images // self.points,
            min_spread=0.0,
        )

    def runs(self) -> list[tuple[str, int]]:
        """Every method once, then every method with the next seed: a table of one seed comes early."""
        return [(method, seed) for seed in self.seeds for method in self.methods]

    def folder(self, method, seed) -> str:
        return f"compare/{self.recipe.name}/{method}-seed{seed}"


def compare(setup, comparison, out) -> str:
    """Runs what is missing and writes `out`.csv and `out`.md after each. Returns why it ended."""
    known = None
    for method, seed in comparison.runs():
        name, config = comparison.folder(method, seed), comparison.config(method, seed)
        path = os.path.join(setup.runs, name)
        same_settings(path, config)
        if not any(p["images"] >= comparison.images for p in points_of(path)):
            known = known or references(setup, comparison)
            recipe = replace(comparison.recipe, distil=config)
            trainer, folder = open_run(setup, recipe, folder_name=name, fresh=True)
            why = distil(trainer, folder, setup.world, label=f"{method}, seed {seed}")
            folder.unlock()
            if why == "stopped":
                return why
        if setup.world.first:
            write(setup, comparison, out)
    return "finished"


def same_settings(path, config) -> None:
    """A folder of an earlier comparison goes on only as it began; more images may be asked of it."""
    before = RunFolder(path).read_json("config.json") or {}
    for key, value in asdict(config).items():
        value = list(value) if isinstance(value, tuple) else value
        if key in before and key not in ("images", "snapshot_every") and before[key] != value:
            raise UserError(f"{path} was run with {key} = {before[key]!r}, now {value!r}: choose other --runs")


def points_of(path) -> list[dict]:
    """What a run has measured, at rising numbers of images."""
    log = RunFolder(path).read_log()
    rates = [line["images_per_second"] for line in log if "images_per_second" in line]
    rate = round(float(np.median(rates)), 2) if rates else None
    return [dict(line, images_per_second=rate) for line in log if line.get("event") == "measure"]


def references(setup, comparison) -> dict:
    """Distances of the teacher, in many steps and in the one or two of its students, and of held-out real images."""
    recipe = comparison.recipe
    folder = RunFolder(os.path.join(setup.runs, f"compare/{recipe.name}"))
    known = folder.read_json("references.json")
    config = recipe.distil
    wanted = (config.measure_images, config.sigma, middle_of(config))
    if known and (known["n"], known["sigma"], known.get("sigma_mid")) == wanted:
        return known
    path = find_weights(recipe.teacher, setup.teacher_places)
    if path is None:
        raise UserError(f"{recipe.name}: its teacher {recipe.teacher} is nowhere")
    net, _ = load_network(path, **setup.opened)
    net.start_sigma, net.sigma_mid = config.sigma, middle_of(config)
    data, n = setup.data(recipe), config.measure_images
    steps = paper_steps(net.img_resolution)
    measure = setup.measure_on(data, n)
    one, many = evaluate(net.to(setup.world.device).eval(), data, measure, n, 5 * n, (None, 2 * steps - 1))
    known = dict(
        features=measure.name,
        n=n,
        reference=one["reference"],
        sigma=config.sigma,
        sigma_mid=net.sigma_mid,
        real=one["floor"],
        teacher_one_step=one["value"],
        teacher=many["value"],
        teacher_nfe=many["nfe"],
    )
    if setup.world.first:
        folder.write_json("references.json", known)
    return known


def write(setup, comparison, out) -> None:
    rows = []
    for method in comparison.methods:
        for seed in comparison.seeds:
            path = os.path.join(setup.runs, comparison.folder(method, seed))
            rows += [dict(point, method=method, seed=seed) for point in points_of(path)]
    text = io.StringIO()
    table = csv.DictWriter(text, FIELDS, extrasaction="ignore", lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    atomic_write(f"{out}.csv", text.getvalue().encode())
    atomic_write(f"{out}.md", markdown(comparison, rows, references(setup, comparison)).encode())


def markdown(comparison, rows, known) -> str:
    """A row a method: the mean over seeds and, of two and more, their standard deviation."""
    recipe, step = comparison.recipe, comparison.images // comparison.points
    steps = "in one step" if recipe.distil.nfe == 1 else "in two steps"
    at = [step * (i + 1) for i in range(comparison.points)]
    lines = [
        f"{recipe.data}, teacher {recipe.teacher}, {comparison.images:,} images a run at batch {recipe.distil.batch}, "
        f"students from sigma {recipe.distil.sigma:g}, {steps}. Fréchet distance on {known['features']}, "
        f"n {known['n']:,} against {known['reference']}; held-out real images {known['real']:.2f}, the teacher in "
        f"{known['teacher_nfe']} evaluations {known['teacher']:.2f}, {steps} {known['teacher_one_step']:.2f}. "
        "Mean ± standard deviation over seeds.",
        "",
        f"| method | seeds | {' | '.join(f'{n:,} images' for n in at)} | spread (real images: 1) |",
        f"|---|---|{'---|' * (len(at) + 1)}",
    ]
    for method in comparison.methods:
        own = [r for r in rows if r["method"] == method]
        if not own:
            continue
        cells = [mean([r["frechet"] for r in own if r["images"] == n]) for n in at]
        last = mean([r["spread"] for r in own if r["images"] == at[-1]])
        lines.append(f"| {method} | {len({r['seed'] for r in own})} | {' | '.join(cells)} | {last} |")
    return "\n".join(lines) + "\n"


def mean(values) -> str:
    """In two digits after the point; empty without values."""
    if not values:
        return ""
    deviation = f" ± {np.std(values, ddof=1):.2f}" if len(values) > 1 else ""
    return f"{np.mean(values):.2f}{deviation}"
