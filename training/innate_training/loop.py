"""What every training run shares: reports, saves, snapshots, the time limit, a clean stop on Ctrl-C."""

import signal
import time
from typing import Self

import torch

from .errors import UserError
from .progress import Progress


class Stopped(Exception):
    """Raised by a trainer that must not go on (collapse, divergence); the text says why."""


def run_loop(
    trainer,
    folder,
    world,
    *,
    images,
    minutes=None,
    report_every=50,
    save_minutes=5.0,
    snapshot_every=None,
    snapshot_minutes=None,
    planned=None,
    label="run",
) -> str:
    """Train until `images` have been seen, `minutes` are over, or a signal comes. Returns why it ended.

    planned: (spent, total) minutes. The learning rate then also falls with the clock, so that a run which has
    `total` minutes ends annealed however many images that turns out to be. Such a run does not repeat bit for bit.
    """
    clock = _Clock(minutes)
    progress = Progress(images, trainer.images, label, quiet=not world.first)
    reports = _Reports(trainer, folder, world, clock, progress)
    last_save, due = time.monotonic(), _next(trainer.images, snapshot_every)
    due_time = None if snapshot_minutes is None else time.monotonic() + snapshot_minutes * 60
    why = "finished"
    try:
        with _Signals() as signals:
            while trainer.images < images:
                if planned and (world.size == 1 or not reports.pending):  # every rank uses the first one's clock
                    trainer.progress = world.value_of_first((planned[0] + clock.total()) / max(planned[1], 1e-9))
                reports.add(trainer.step())
                snapshot = due is not None and trainer.images >= due
                if due_time is not None and world.size == 1:
                    snapshot = snapshot or time.monotonic() >= due_time
                # alone, look at the clock after every step; together, at reports, where all ranks meet
                ask = world.size == 1 and (signals.caught or clock.over())
                if reports.pending < report_every and not snapshot and not ask and trainer.images < images:
                    continue
                reports.write()
                if snapshot:
                    due = _next(trainer.images, snapshot_every)
                    due_time = None if snapshot_minutes is None else time.monotonic() + snapshot_minutes * 60
                    line = trainer.snapshot(folder, world, clock)
                    progress.say(f"{label}: {line}")
                    reports.restart()
                if world.agree(signals.caught or clock.over()):
                    why = "stopped" if signals.caught else "out of time"
                    break
                if world.agree(time.monotonic() - last_save > save_minutes * 60):
                    save(trainer, folder, world, clock)
                    last_save = time.monotonic()
    except Stopped as stop:
        progress.say(f"{label}: stopped, {stop}")
        return str(stop)
    finally:
        progress.close()
    save(trainer, folder, world, clock)
    return why


class _Reports:
    """Means of what the steps return, since the last report; one JSON line each."""

    def __init__(self, trainer, folder, world, clock, progress) -> None:
        self.trainer, self.folder, self.world, self.clock, self.progress = trainer, folder, world, clock, progress
        self.restart()

    def restart(self) -> None:
        self.sums, self.pending, self.images, self.time = {}, 0, self.trainer.images, time.monotonic()

    def add(self, values) -> None:
        for key, value in values.items():
            self.sums[key] = self.sums.get(key, 0) + value  # tensors: no synchronisation here
        self.pending += 1

    def write(self) -> None:
        means = {k: round(self.world.mean(float(v)) / self.pending, 6) for k, v in self.sums.items()}
        if any(v != v for v in means.values()):
            raise Stopped("a loss is not a number")
        rate = round((self.trainer.images - self.images) / max(time.monotonic() - self.time, 1e-9), 2)
        if self.world.first:
            self.folder.log(
                {
                    "images": self.trainer.images,
                    **means,
                    "images_per_second": rate,
                    "minutes": round(self.trainer.minutes + self.clock.minutes(), 3),
                }
            )
        self.progress.update(self.trainer.images, **means, rate=rate)
        self.restart()


def _next(images, every) -> int | None:
    return None if not every else (images // every + 1) * every


def save(trainer, folder, world, clock) -> None:
    if world.first:
        trainer.minutes += clock.lap()
        folder.save_state(trainer.state())
        trainer.write_weights(folder)
    world.barrier()


class _Clock:
    def __init__(self, minutes) -> None:
        self.start = self.mark = time.monotonic()
        self.limit = None if minutes is None else minutes * 60

    def over(self) -> bool:
        return self.limit is not None and time.monotonic() - self.start >= self.limit

    def total(self) -> float:
        return (time.monotonic() - self.start) / 60

    def minutes(self) -> float:
        """Since the last lap."""
        return (time.monotonic() - self.mark) / 60

    def lap(self) -> float:
        spent, self.mark = self.minutes(), time.monotonic()
        return spent


class _Signals:
    """SIGINT and SIGTERM ask for a stop at the next report; a second one ends at once."""

    def __enter__(self) -> Self:
        self.caught, self.before = False, {}
        for number in (signal.SIGINT, signal.SIGTERM):
            try:
                self.before[number] = signal.signal(number, self._catch)
            except ValueError:  # not the main thread
                pass
        return self

    def _catch(self, number, frame) -> None:
        if self.caught:
            raise KeyboardInterrupt
        self.caught = True

    def __exit__(self, *_) -> None:
        for number, handler in self.before.items():
            signal.signal(number, handler)


def sanitise(parameters) -> None:
    """NaN gradients to 0, infinite ones to +-1e5, as the published code does."""
    for p in parameters:
        if p.grad is not None:
            torch.nan_to_num(p.grad, nan=0.0, posinf=1e5, neginf=-1e5, out=p.grad)


def adam(parameters, lr, betas, eps=1e-8) -> torch.optim.Adam:
    parameters = list(parameters)
    if not parameters:
        raise UserError("nothing to train: every parameter is frozen")
    return torch.optim.Adam(parameters, lr, betas=betas, eps=eps, fused=True)
