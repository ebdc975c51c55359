"""All four pairs on one GPU, a few minutes at a time; started by run.sh, which see.

A call trains the plan's steps in order until its minutes are over, and leaves everything in the state folder; the next
call goes on. Steps whose data have not arrived wait. What is finished, and the weights of what is not, lie in the
output folder after every step: one zip a pair, summary.json, run.log, each under 16 MiB. A machine that starts bare
takes up from such zips (--results).

No GPU has run this file yet; the tests run it on a CPU, with --mini.
"""

import argparse
import importlib
import json
import os
import shutil
import sys
import time
from types import SimpleNamespace

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]
import parts  # noqa: E402
from results import Results, read_json, write_json  # noqa: E402

CALL_RESERVE = 0.35  # minutes at the end of a call for saving and packing


# before torch: what is here, what is missing ------------------------------------------------------------------------


def preflight(load=importlib.import_module) -> tuple[list[str], bool]:
    """(lines, whether the run can start); `load` imports a module by name."""
    lines, fine = [f"python {sys.version.split()[0]}"], sys.version_info >= (3, 11)
    if not fine:
        lines.append("MISSING: python 3.11 or newer")
    for name, needed in (("torch", True), ("numpy", True), ("PIL", True), ("tqdm", False), ("triton", False)):
        try:
            module = load(name)
            lines.append(f"{name} {getattr(module, '__version__', '?')}")
        except Exception as error:  # a broken installation counts as missing
            lines.append(f"{'MISSING' if needed else 'absent, not needed'}: {name} ({type(error).__name__}: {error})")
            fine = fine and not needed
    if fine:
        import torch
        from PIL import features

        if tuple(int(v) for v in torch.__version__.split("+")[0].split(".")[:2]) < (2, 6):
            lines.append("MISSING: torch 2.6 or newer")
            fine = False
        lines.append(
            f"GPU {torch.cuda.get_device_name()}" if torch.cuda.is_available() else "no CUDA device: the CPU trains"
        )
        if not features.check("webp"):
            lines.append("MISSING: Pillow with WebP (the CIFAR-10 set is lossless WebP)")
            fine = False
    lines.append(f"{os.cpu_count()} CPU cores")
    return lines, fine


# the plan -----------------------------------------------------------------------------------------------------------


MINI = {
    "train.batch": 16,
    "distil.batch": 16,
    "distil.deviation_group": 0,
    "distil.features": ["encoder"],
    "distil.head_width": 32,
    "distil.measure_images": 32,
    "distil.min_spread": 0.0,
    "train.warmup": 160,
    "train.sheet_steps": 2,
    "resolution": 16,
    "net.model_channels": 16,
    "net.channel_mult": [1, 2],
    "net.num_blocks": 1,
    "net.attn_resolutions": [8],
}


class Step:
    def __init__(self, entry, defaults, mini) -> None:
        from innate_training import recipe as recipes

        task = recipes.load(entry["recipe"]).task
        changes = {**defaults[task], **entry.get("set", {})}
        if mini:
            own = ("train.", "net.") if task == "teacher" else ("distil.",)
            changes.update({k: v for k, v in MINI.items() if k.startswith(own) or "." not in k})
        self.recipe = recipes.load(entry["recipe"], [f"{k}={json.dumps(v)}" for k, v in changes.items()])
        self.minutes, self.name, self.task = float(entry["minutes"]), self.recipe.name, task
        self.pair = self.recipe.data.removesuffix(".zip")


def load_plan(path, mini) -> tuple[dict, list[Step]]:
    import tomllib

    with open(path, "rb") as f:
        raw = tomllib.load(f)
    defaults = {t: raw.get(t, {}).get("set", {}) for t in ("teacher", "student")}
    steps = [Step(entry, defaults, mini) for entry in raw["step"]]
    if mini:
        scale = raw.get("mini_minutes", 0.6) / sum(s.minutes for s in steps)
        for s in steps:
            s.minutes *= scale
        raw.update(measure_images=32, teacher_steps=2, overhead=0.05)
    return raw, steps


def allot(plan, steps, records, left) -> dict[str, float]:
    """Minutes for each step. With `left`, what remains is stretched or squeezed to fit the machine's remaining time."""
    table = {s.name: records.get(s.name, {}).get("allotted", s.minutes) for s in steps}
    rest = [s for s in steps if not records.get(s.name, {}).get("done")]
    if left is None or not rest:
        return table
    spent = {s.name: records.get(s.name, {}).get("minutes", 0.0) for s in rest}
    wanted = sum(max(table[s.name] - spent[s.name], 0) for s in rest)
    fits = left - CALL_RESERVE - plan.get("overhead", 0.7) * len(rest)
    factor = min(max(fits / wanted, 0.1), 3.0) if wanted > 0 else 1.0
    for s in rest:
        table[s.name] = spent[s.name] + max(table[s.name] - spent[s.name], 0) * factor
    return table


# one step -----------------------------------------------------------------------------------------------------------


class Runner(Results):
    def __init__(self, args, plan, steps, setup, began, machine=()) -> None:
        self.args, self.plan, self.steps, self.setup = args, plan, steps, setup
        self.machine = list(machine)  # what was found at the start
        self.end = began + args.minutes * 60  # began: the call, on the monotonic clock
        self.measuring = SimpleNamespace(measure_images=plan["measure_images"], teacher_steps=plan["teacher_steps"])
        self.records = read_json(self.path("steps.json")) or {}
        self.allotted = {}

    def path(self, *names) -> str:
        return os.path.join(self.args.state, *names)

    def left(self) -> float:
        return (self.end - time.monotonic()) / 60 - CALL_RESERVE

    def say(self, text) -> None:
        print(text, flush=True)
        with open(self.path("run.log"), "a") as f:
            f.write(f"{time.strftime('%H:%M:%S')} {text}\n")

    def record(self, name, **values) -> None:
        self.records[name] = {**self.records.get(name, {}), **values}
        write_json(self.path("steps.json"), self.records)

    def ready(self, name) -> str:
        return self.path("runs", "ready", f"{name}.safetensors")

    def waits_for(self, step, here) -> str | None:
        if step.recipe.data not in here:
            return step.recipe.data
        if step.task == "student" and not os.path.isfile(self.ready(step.recipe.teacher)):
            return step.recipe.teacher
        return None

    def run(self, here) -> str:
        """Returns why the call ended."""
        self.allotted = allot(self.plan, self.steps, self.records, self.args.left)
        waiting = []
        for step in self.steps:
            if self.records.get(step.name, {}).get("done"):
                continue
            missing = self.waits_for(step, here)
            if missing:
                waiting.append(f"{step.name} waits for {missing}")
                continue
            if self.left() < (0.01 if self.args.mini else 0.25):
                return "out of time"
            why = self.train(step)
            if why == "stopped":
                return why
            if why == "out of time" and not self.records[step.name].get("done"):
                return why
        for line in waiting:
            self.say(line)
        return "waiting for data" if waiting else "finished"

    def open(self, step, compile) -> tuple:
        from innate_training.assemble import open_run

        if compile:  # one step's graphs do not count towards the next one's limit of recompilations
            import torch

            torch._dynamo.reset()
        teacher = self.ready(step.recipe.teacher) if step.task == "student" else None
        return open_run(self.setup, step.recipe, fresh=True, teacher=teacher, compile=compile)

    def train(self, step) -> str:
        from innate_training.distil import distil
        from innate_training.queue import recover
        from innate_training.teacher import train_teacher

        minutes, known = self.allotted[step.name], self.records.get(step.name, {})
        rest = minutes - known.get("minutes", 0.0)
        if known.get("why") and rest <= 0.02 * minutes:  # a call ended just before it could be measured
            self.finish(step, known["why"])
            return known["why"]
        worth = self.plan.get("compile_from", 1.5) / (3 if known.get("compiled") else 1)  # a compiled network is cached
        compile = self.args.compile == "on" or (
            self.args.compile == "auto" and self.setup.world.device.type == "cuda" and rest >= worth
        )
        trainer, folder, rate = self.probe(step, compile, minutes)
        try:
            expected = rate * minutes * 60
            trainer.ema.halflife = known.get("ema_halflife") or min(
                trainer.config.ema_halflife, max(expected / 20, trainer.config.batch)
            )
            self.record(
                step.name, allotted=minutes, images_per_second=round(rate, 1), ema_halflife=trainer.ema.halflife
            )
            spent = trainer.minutes
            rest = max(minutes - spent, 0.0)
            self.say(
                f"{step.name}: {rate:,.0f} images/s, about {expected:,.0f} images in its {minutes:.2f} minutes, "
                f"{spent:.2f} of them spent"
            )
            go = train_teacher if step.task == "teacher" else distil
            # even where measuring its speed took all its minutes: a step leaves weights behind
            why = go(
                trainer,
                folder,
                self.setup.world,
                min(rest, max(self.left(), 0.0)),
                step.name,
                save_minutes=1.0,
                planned=(spent, minutes),
                snapshot_minutes=minutes / 6 if step.task == "student" else None,
            )
            if why.startswith("collapsed") and os.path.isfile(folder.file("best.safetensors")) and self.left() > 0.3:
                recover(trainer, folder, self.setup, 2 * min(self.left() - 0.2, rest / 2), step.name)
                trainer.minutes = minutes  # a second attempt is the last
        finally:
            folder.unlock()
        done = why not in ("out of time", "stopped") or (why == "out of time" and trainer.minutes >= 0.98 * minutes)
        self.record(step.name, minutes=round(trainer.minutes, 3), images=trainer.images, why=why)
        self.say(f"{step.name}: {why}, {trainer.images:,} images in {trainer.minutes:.2f} minutes")
        if done:
            self.finish(step, why)
        else:
            self.collect()
        return why

    def finish(self, step, why) -> None:
        from innate_training.queue import report

        report(self.setup, self.measuring, step.recipe, step.name, 1, why, publish=False)
        self.record(step.name, done=True)
        self.collect()

    def probe(self, step, compile, minutes) -> tuple:
        """Open the run and measure images/s over a few real steps; without torch.compile if that fails."""
        trainer, folder = self.open(step, compile)
        trainer.progress = trainer.minutes / minutes
        try:
            began = time.monotonic()
            for _ in range(2):
                trainer.step()
            self.wait()
            if compile:
                self.say(f"{step.name}: compiled in {time.monotonic() - began:.0f} s")
                self.record(step.name, compiled=True)
        except Exception as error:
            folder.unlock()
            if not compile:
                raise
            reason = f"{type(error).__name__}: {str(error).partition(chr(10))[0][:200]}"
            self.say(f"{step.name}: torch.compile failed ({reason}), going on without it")
            return self.probe(step, False, minutes)
        began, images = time.monotonic(), trainer.images
        while time.monotonic() - began < (0.3 if self.args.mini else 4.0):
            for _ in range(1 if self.setup.world.device.type == "cpu" else 10):
                trainer.step()
            self.wait()
        seconds = time.monotonic() - began
        trainer.minutes += seconds / 60
        return trainer, folder, (trainer.images - images) / seconds

    def wait(self) -> None:
        import torch

        if self.setup.world.device.type == "cuda":
            torch.cuda.synchronize()


def main(argv=None, load=importlib.import_module) -> int:
    began = time.monotonic()
    p = argparse.ArgumentParser(
        prog="run.sh", description="Train and distil the four pairs; the same command goes on where it stopped."
    )
    p.add_argument("--minutes", type=float, default=9.0, help="length of this call (default 9)")
    p.add_argument(
        "--left", type=float, help="minutes the machine is there in all, this call included: the plan is fitted to them"
    )
    p.add_argument("--parts", default=os.path.join(HERE, "parts"), help="folder of the data's parts (see parts.py)")
    p.add_argument(
        "--results", help="folder of an earlier machine's result zips, to take up from (default: the parts folder)"
    )
    p.add_argument("--state", default=os.path.join(HERE, "state"), help="folder that a call leaves to the next")
    p.add_argument(
        "--out", default=os.environ.get("OUT") or os.path.join(HERE, "out"), help="folder for what comes back"
    )
    p.add_argument("--plan", default=os.path.join(HERE, "plan.toml"))
    p.add_argument("--features-dir", action="append", default=[], help="more folders of feature networks")
    p.add_argument("--device", default="auto")
    p.add_argument("--compile", default="auto", choices=("auto", "on", "off"))
    p.add_argument("--mini", action="store_true", help="the whole plan with tiny networks, in about a minute on a CPU")
    p.add_argument("--check", action="store_true", help="only say what is here and what is missing")
    args = p.parse_args(argv)

    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    os.environ.setdefault("OMP_PROC_BIND", "false")  # the compiler's processes would inherit a binding
    lines, fine = preflight(load)
    print("\n".join(lines), flush=True)
    if not fine:
        print("run.sh: cannot start; see MISSING above", file=sys.stderr)
        return 2
    os.makedirs(args.state, exist_ok=True)
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", os.path.join(os.path.abspath(args.state), "compiled"))
    try:
        here, said = parts.join(args.parts, os.path.join(args.state, "data"))
    except ValueError as error:
        print(f"run.sh: {error}", file=sys.stderr)
        return 2
    print("\n".join([f"here: {', '.join(here) or 'nothing'}"] + said), flush=True)
    if args.check:
        return 0
    return go(args, began, here, lines)


def go(args, began, here, machine) -> int:
    import torch

    from innate_training.assemble import Setup
    from innate_training.distributed import world
    from innate_training.errors import UserError

    torch.backends.cudnn.benchmark = True
    torch.set_float32_matmul_precision("high")  # the heads run in float32: TF32 on the GPU
    plan, steps = load_plan(args.plan, args.mini)
    with world(args.device) as w:
        data = os.path.join(args.state, "data")
        setup = Setup(
            w,
            data,
            os.path.join(args.state, "runs"),
            [],
            [data, *args.features_dir, os.path.join(HERE, "../../public/features")],
            "f32" if args.mini else "auto",
            "off",
            "pixels" if args.mini else None,  # no feature network is needed for a rehearsal
        )
        runner = Runner(args, plan, steps, setup, began, machine)
        runner.take_up(args.results or args.parts)
        if args.mini:
            torch.set_num_threads(1)
        try:
            why = runner.run(here)
        except UserError as error:
            runner.say(f"run.sh: {error}")
            runner.collect()
            return 1
        runner.collect()
        runner.say(f"run.sh: {why} after {(time.monotonic() - began) / 60:.1f} minutes; results in {args.out}")
        shutil.rmtree(os.path.join(args.state, "delta"), ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
