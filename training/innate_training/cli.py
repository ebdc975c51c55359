"""innate-train: train-teacher, distil, compare, evaluate, classify, export, sheet, publish, queue."""

from __future__ import annotations

import argparse
import json
import os
import sys
from typing import TYPE_CHECKING

from .errors import UserError
from .process import settle_process

if TYPE_CHECKING:  # torch is loaded only after settle_process()
    from .assemble import Setup
    from .precond import EDMPrecond


def parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser(
        prog="innate-train", description="Diffusion teachers and one-step generators (GDD, GDD-I)."
    )
    commands = p.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name, text) -> argparse.ArgumentParser:
        c = commands.add_parser(name, help=text, description=text)
        c.add_argument("--device", default="auto", help="auto, cpu or cuda")
        c.add_argument("--dtype", default="auto", help="auto, bf16 or f32")
        c.add_argument("--threads", type=int, help="CPU threads")
        return c

    def folders(c) -> argparse.ArgumentParser:
        c.add_argument("--data", default=".", help="folder of the data sets' zips")
        c.add_argument("--runs", default="runs", help="folder of run folders")
        c.add_argument(
            "--weights", action="append", default=[], help="folder of weights, the catalogue's; may be repeated"
        )
        c.add_argument("--features-dir", action="append", default=[], help="folder of feature networks")
        c.add_argument(
            "--compile", default="auto", choices=("auto", "on", "off"), help="torch.compile the network (auto: on CUDA)"
        )
        return c

    def measured(c) -> None:
        c.add_argument(
            "--features",
            help="feature network of the Fréchet distances (default: cifar10-resnet56 where its file is at hand, "
            "else efficientnet-lite0)",
        )

    for name, text in (
        ("train-teacher", "Train a diffusion teacher from a recipe; the same command resumes it."),
        ("distil", "Distil a one-step generator from a recipe; the same command resumes it."),
    ):
        c = folders(command(name, text))
        c.add_argument("--recipe", required=True, help="a name among the recipes, or a .toml file")
        c.add_argument("--name", help="name of the run folder (default: the recipe's)")
        c.add_argument("--init", help="weights to start from (a student goes on from a student)")
        if name == "distil":
            measured(c)
            c.add_argument("--teacher", help="the teacher's file (default: the recipe's teacher)")
        c.add_argument("--minutes", type=float, help="stop (and save) after this time")
        c.add_argument(
            "--set", action="append", default=[], metavar="KEY=VALUE", help="change the recipe, e.g. train.lr=4e-4"
        )

    c = folders(command("compare", "Methods and seeds on one budget, and a table; the same command resumes."))
    measured(c)
    c.set_defaults(threads=1)
    c.add_argument("--recipe", required=True, help="a student's recipe: data, teacher and preset of all runs")
    c.add_argument("--methods", default="gdd,gdd-i,freeze2,freeze3,imitation,cd", help="comma-separated, in rows")
    c.add_argument("--seeds", default="0,1,2", help="comma-separated")
    c.add_argument("--images", type=int, default=9_600, help="that every run sees")
    c.add_argument("--points", type=int, default=4, help="at which distances are measured")
    c.add_argument("--out", help="the table's name without its ending (default: RUNS/compare/RECIPE/table)")
    c.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change the recipe")

    c = command("evaluate", "Fréchet distance to real images, with the floor of held-out real images.")
    c.add_argument("model")
    c.add_argument("--data", required=True, help="the data set's zip")
    c.add_argument(
        "--features",
        default="cifar10-resnet56",
        help="cifar10-resnet56, mobilenet-v1-0.25, efficientnet-lite0, inception, ...",
    )
    c.add_argument("--features-dir", action="append", default=[])
    c.add_argument("--features-file")
    c.add_argument("--count", type=int, default=1000)
    c.add_argument("--reference", default="5000", help="number of real images, or an .npz with mu and sigma")
    c.add_argument(
        "--nfe", help="network evaluations, comma-separated: 1, 2, 35, 79 or any odd number (default: the model's)"
    )
    c.add_argument("--sigma", type=float, help="where one step starts (default: the file's own, else 80)")
    c.add_argument("--json", action="store_true")

    c = command("classify", "Of each class, the share of the images that a classifier names so.")
    c.add_argument("model")
    c.add_argument(
        "--classifier",
        default="cifar10-resnet56",
        choices=("cifar10-resnet56", "cifar10-resnet20", "efficientnet-lite0"),
        help="a ResNet trained on CIFAR-10, or EfficientNet-Lite0 for the 20 classes of ImageNet",
    )
    c.add_argument("--features-dir", action="append", default=[], help="folder of feature networks")
    c.add_argument("--data", metavar="ZIP", help="also of a data set's real images")
    c.add_argument("--count", type=int, default=2000)
    c.add_argument("--steps", type=int, default=1, help="1 = one-step, more = Heun")
    c.add_argument("--sigma", type=float, help="where one step starts (default: the file's own, else 80)")
    c.add_argument("--json", action="store_true")

    c = command("export", "Write a .safetensors file that the app reads, whole or as a difference to the teacher's.")
    c.add_argument("source")
    c.add_argument("target")
    c.add_argument("--half", action=argparse.BooleanOptionalAction, default=True, help="float16 weights (default)")
    c.add_argument("--delta-of", metavar="ID", help="the teacher's id in the catalogue")
    c.add_argument("--teacher", help="the teacher's file (default: ID.safetensors beside the target)")

    c = command("publish", "Put trained models beside the catalogue: teachers whole, their students as differences.")
    c.add_argument(
        "sources", nargs="+", metavar="SOURCE", help="a queue's RUNS/ready folder, or result zips of a GPU run"
    )
    c.add_argument("--weights", required=True, help="the catalogue's folder, public/models")
    c.add_argument(
        "--rebase",
        action="store_true",
        help="replace a teacher although a student that depends on it is not in "
        "SOURCE: that student is rewritten whole",
    )
    c.add_argument("--limit", type=float, default=42.0, help="MiB that all weights may take (default 42)")

    c = command("sheet", "Uncurated contact sheet: seeds in order.")
    c.add_argument("model")
    c.add_argument("target")
    c.add_argument("--count", type=int, default=64)
    c.add_argument("--steps", type=int, help="1 = one-step, more = Heun (default: the model's own one or two)")
    c.add_argument("--class", dest="label", type=int)
    c.add_argument("--sigma", type=float, help="where one step starts (default: the file's own, else 80)")
    c.add_argument("--seed", type=int, default=0)

    c = folders(command("queue", "Go on with the training plan from wherever the weights stand."))
    measured(c)
    c.add_argument("--minutes", type=float, default=480.0)
    c.add_argument("--plan", help="the plan's .toml (default: recipes/queue.toml)")
    c.add_argument(
        "--publish", action="store_true", help="write better models into the first --weights folder and its index.json"
    )
    c.add_argument(
        "--adopt",
        action="append",
        default=[],
        metavar="STEP=FOLDER",
        help="begin a step from another run folder's ema.safetensors",
    )
    c.add_argument("--dry-run", action="store_true", help="only say what would be done")
    return p


def main(argv=None) -> int:
    settle_process()
    args = parser().parse_args(argv)
    try:
        run(args)
    except UserError as error:
        print(f"innate-train: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def run(args) -> None:
    import torch

    from .distributed import world as open_world

    if args.threads:
        torch.set_num_threads(args.threads)
    with open_world(args.device) as world:
        {
            "train-teacher": train,
            "distil": train,
            "compare": compare,
            "evaluate": evaluate,
            "classify": classify,
            "export": export,
            "sheet": sheet,
            "publish": publish,
            "queue": queue,
        }[args.command](args, world)


def setup_of(args, world) -> Setup:
    from .assemble import Setup

    measure = getattr(args, "features", None)  # a teacher's run measures nothing
    return Setup(world, args.data, args.runs, args.weights, args.features_dir, args.dtype, args.compile, measure)


def train(args, world) -> None:
    from . import recipe as recipes
    from .assemble import open_run
    from .distil import distil
    from .teacher import train_teacher

    recipe = recipes.load(args.recipe, args.set)
    wanted = "teacher" if args.command == "train-teacher" else "student"
    if recipe.task != wanted:
        raise UserError(
            f"{recipe.name} is a {recipe.task}'s recipe; "
            f"use {'distil' if recipe.task == 'student' else 'train-teacher'}"
        )
    setup = setup_of(args, world)
    trainer, folder = open_run(setup, recipe, args.init, args.name, teacher=getattr(args, "teacher", None))
    if world.first:
        count = sum(p.numel() for p in trainer.net.parameters())
        moving = sum(p.numel() for p in trainer.net.parameters() if p.requires_grad)
        print(
            f"{recipe.name}: {count / 1e6:.2f} M parameters, {moving / 1e6:.2f} M trained, "
            f"{len(trainer.data):,} images, {trainer.images:,} of {(recipe.train or recipe.distil).images:,} seen, "
            f"{str(setup.dtype)[6:]}, {world.size} process(es)",
            flush=True,
        )
    go = train_teacher if wanted == "teacher" else distil
    why = go(trainer, folder, world, args.minutes, recipe.name)
    if world.first:
        print(f"{recipe.name}: {why} at {trainer.images:,} images; {folder.path}", flush=True)


def compare(args, world) -> None:
    from . import recipe as recipes
    from .compare import Comparison
    from .compare import compare as run_all

    recipe = recipes.load(args.recipe, args.set)
    if recipe.task != "student":
        raise UserError(f"{recipe.name} is a teacher's recipe; methods are compared on a student's")
    try:
        seeds = [int(s) for s in args.seeds.split(",")]
    except ValueError:
        raise UserError("--seeds takes whole numbers, separated by commas") from None
    comparison = Comparison(recipe, args.methods.split(","), seeds, args.images, args.points)
    out = args.out or os.path.join(args.runs, "compare", recipe.name, "table")
    why = run_all(setup_of(args, world), comparison, out)
    if world.first:
        print(f"{recipe.name}: {why}; {out}.md", flush=True)


def load(args, world) -> tuple[EDMPrecond, dict[str, str]]:
    from .assemble import choose_dtype
    from .checkpoint import load_network, start_sigma

    dtype = choose_dtype(
        "f32" if args.dtype == "auto" else args.dtype, world.device
    )  # what is measured runs in float32
    net, metadata = load_network(args.model, dtype=dtype)
    if args.sigma is not None:
        net.start_sigma = start_sigma({"sigma": args.sigma}, "--sigma")
    return net.to(world.device).eval(), metadata


def evaluate(args, world) -> None:
    from . import frechet
    from .data import load_data
    from .progress import Progress
    from .samplers import own_nfe

    net, _ = load(args, world)
    data = load_data(args.data, net.img_resolution, net.img_channels)
    measure = frechet.Measure(
        args.features, frechet.load_features(args.features, args.features_dir, args.features_file), world.device
    )
    reference = 5000
    if args.reference.isdigit():
        reference = int(args.reference)
    else:
        measure.refer_to_file(args.reference)
    try:
        nfe = [int(n) for n in args.nfe.split(",")] if args.nfe else [own_nfe(net)]
    except ValueError:
        raise UserError("--nfe takes numbers, separated by commas") from None
    if any(n < 1 or (n % 2 == 0 and n != 2) for n in nfe):
        raise UserError("--nfe takes 1 for one step, 2 for two, or 2 N - 1 for N Heun steps")
    bar = Progress(args.count, label="evaluate", quiet=args.json)
    results = frechet.evaluate(net, data, measure, args.count, reference, nfe, bar.update)
    bar.close()
    for r in results:
        if args.json:
            print(json.dumps(r))
        else:
            error = "" if r["error"] is None else f" +- {r['error']:.3f}"
            print(
                f"{r['nfe']} NFE ({r['sampler']}): Fréchet {r['value']:.3f}{error} on {r['features']}, "
                f"n = {r['n']} against {r['reference']}; real against real {r['floor']:.3f}; spread {r['spread']:.2f}"
            )


def classify(args, world) -> None:
    from .classify import load_classifier, named_so, shares
    from .data import load_data

    net, _ = load(args, world)
    classifier = load_classifier(args.classifier, args.features_dir).to(world.device)
    found = {"shares": (args.count, shares(net, classifier, args.count, args.steps))}
    if args.data:
        real = load_data(args.data, net.img_resolution, net.img_channels)
        if real.classes != net.label_dim:
            raise UserError(f"{args.data}: {real.classes} classes, the generator knows {net.label_dim}")
        last, labels = real.images[-args.count :], real.labels[-args.count :]
        found["real"] = (len(last), named_so(classifier, last, labels, net.label_dim))
    if args.json:
        rounded = {whose: [round(s, 4) for s in each] for whose, (_, each) in found.items()}
        print(json.dumps(dict(classifier=args.classifier, n=args.count, **rounded)))
        return
    for whose, (count, each) in found.items():
        print("  ".join(f"{c}: {share:.1%}" for c, share in enumerate(each)))
        images = "real images" if whose == "real" else "images"
        print(f"{sum(each) / len(each):.1%} of {count:,} {images} are named as asked for ({args.classifier})")


def export(args, world) -> None:
    from .export import export as write

    teacher = args.teacher
    if args.delta_of and not teacher:
        teacher = os.path.join(os.path.dirname(os.path.abspath(args.target)), f"{args.delta_of}.safetensors")
    write(args.source, args.target, "f16" if args.half else "f32", args.delta_of, teacher)
    print(f"{args.target}: {os.path.getsize(args.target):,} bytes")


def publish(args, world) -> None:
    from .publish import REFRESH, publish_sources, wrote

    lines = publish_sources(args.weights, args.sources, args.rebase, args.limit)
    print("\n".join(lines or ["nothing is better than what the catalogue has"]))
    if wrote(lines):
        print(REFRESH)


def sheet(args, world) -> None:
    from .sheet import write_sheet

    net, _ = load(args, world)
    if args.label is not None and not 0 <= args.label < net.label_dim:
        raise UserError(f"--class {args.label}: the network knows {net.label_dim} classes")
    write_sheet(args.target, net, args.count, args.steps and 2 * args.steps - 1, args.label, args.seed)
    print(args.target)


def queue(args, world) -> None:
    from .queue import run_queue

    run_queue(setup_of(args, world), args.minutes, args.plan, args.publish, args.dry_run, args.adopt)


if __name__ == "__main__":
    sys.exit(main())
