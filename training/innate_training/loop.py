"""What every training run shares: reports, saves, snapshots, the time limit, a clean stop on Ctrl-C."""

import signal
import time

import torch

from .errors import UserError
from .progress import Progress


class Stopped(Exception):
    """Raised by a trainer that must not go on (collapse, divergence); the text says why."""


def run_loop(trainer, folder, world, *, images, minutes=None, report_every=50, save_minutes=5.0, snapshot_every=None, label="run"):
    """Train until `images` have been seen, `minutes` are over, or a signal comes. Returns why it ended."""
    clock = _Clock(minutes)
    progress = Progress(images, trainer.images, label, quiet=not world.first)
    why, sums, last_save = None, {}, time.monotonic()
    tick, tick_images, steps = time.monotonic(), trainer.images, 0
    due = _next(trainer.images, snapshot_every)
    try:
        with _Signals() as signals:
            while trainer.images < images:
                for key, value in trainer.step().items():
                    sums[key] = sums.get(key, 0) + value
                steps += 1
                boundary = steps % report_every == 0
                if boundary or trainer.images >= images:
                    now = time.monotonic()
                    record = {"images": trainer.images, **{k: round(world.mean(float(v)) / _count(steps, report_every), 6) for k, v in sums.items()}}
                    record["images_per_second"] = round((trainer.images - tick_images) / max(now - tick, 1e-9), 2)
                    record["minutes"] = round(trainer.minutes + clock.minutes(), 3)
                    if any(v != v for v in record.values() if isinstance(v, float)):
                        raise Stopped("a loss is not a number")
                    if world.first:
                        folder.log(record)
                    shown = {k: v for k, v in record.items() if k not in ("images", "minutes", "images_per_second")}
                    progress.update(trainer.images, **shown, rate=record["images_per_second"])
                    sums, tick, tick_images = {}, now, trainer.images
                if due is not None and trainer.images >= due:
                    due = _next(trainer.images, snapshot_every)
                    line = trainer.snapshot(folder, world, clock)
                    if line and world.first:
                        progress.say(f"{label}: {line}")
                    tick, tick_images, sums = time.monotonic(), trainer.images, {}
                    steps = 0
                if boundary and world.agree(signals.caught or clock.over()):
                    why = "stopped" if signals.caught else "out of time"
                    break
                if boundary and world.agree(time.monotonic() - last_save > save_minutes * 60):
                    save(trainer, folder, world, clock)
                    last_save = time.monotonic()
        why = why or "finished"
    except Stopped as stop:
        why = str(stop)
        progress.say(f"{label}: stopped, {why}")
        return why
    finally:
        progress.close()
    save(trainer, folder, world, clock)
    return why


def _count(steps, every):
    return steps % every or every


def _next(images, every):
    return None if not every else (images // every + 1) * every


def save(trainer, folder, world, clock):
    if world.first:
        trainer.minutes += clock.lap()
        folder.save_state(trainer.state())
        trainer.write_weights(folder)
    world.barrier()


class _Clock:
    def __init__(self, minutes):
        self.start = self.mark = time.monotonic()
        self.limit = None if minutes is None else minutes * 60

    def over(self):
        return self.limit is not None and time.monotonic() - self.start >= self.limit

    def minutes(self):
        """Since the last lap."""
        return (time.monotonic() - self.mark) / 60

    def lap(self):
        spent, self.mark = self.minutes(), time.monotonic()
        return spent


class _Signals:
    """SIGINT and SIGTERM ask for a stop at the next report; a second one ends at once."""

    def __enter__(self):
        self.caught, self.before = False, {}
        for number in (signal.SIGINT, signal.SIGTERM):
            try:
                self.before[number] = signal.signal(number, self._catch)
            except ValueError:  # not the main thread
                pass
        return self

    def _catch(self, number, frame):
        if self.caught:
            raise KeyboardInterrupt
        self.caught = True

    def __exit__(self, *_):
        for number, handler in self.before.items():
            signal.signal(number, handler)


def sanitise(parameters):
    """NaN gradients to 0, infinite ones to +-1e5, as the published code does."""
    for p in parameters:
        if p.grad is not None:
            torch.nan_to_num(p.grad, nan=0.0, posinf=1e5, neginf=-1e5, out=p.grad)


def adam(parameters, lr, betas, eps=1e-8):
    parameters = list(parameters)
    if not parameters:
        raise UserError("nothing to train: every parameter is frozen")
    return torch.optim.Adam(parameters, lr, betas=betas, eps=eps, fused=True)
