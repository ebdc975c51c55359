"""Recipes: one TOML file per shipped model, checked key by key."""

import glob
import json
import os
import tomllib
from dataclasses import dataclass, field, fields, replace

from .distil import PRESETS, DistilConfig, preset
from .errors import UserError
from .teacher import TeacherConfig

FOLDER = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "recipes")


@dataclass
class Recipe:
    name: str  # the model's id in the catalogue
    task: str  # teacher | student
    data: str  # file name of the data set: a zip, or the images' file of an MNIST-like set
    title: str = ""
    licence: str = ""
    source: str = ""  # where the images come from, in words
    resolution: int = 0  # 0 = the data set's
    channels: int = 3
    minutes: float = 120.0  # the queue's time for one visit
    teacher: str = ""  # a student's teacher: id or file
    net: dict = field(default_factory=dict)
    train: TeacherConfig | None = None
    distil: DistilConfig | None = None


def find(name) -> str:
    """A recipe's file by path or by name."""
    for path in (name, os.path.join(FOLDER, f"{name}.toml")):
        if os.path.isfile(path):
            return path
    known = sorted(os.path.basename(p)[:-5] for p in glob.glob(os.path.join(FOLDER, "*.toml")))
    raise UserError(f"no recipe {name!r}; known: {', '.join(k for k in known if k != 'queue')}")


def class_lists() -> dict[str, list | None]:
    """recipes/classes.json: the names of each data set's classes or None; SET-imagenet-1000: their places there."""
    with open(os.path.join(FOLDER, "classes.json")) as f:
        return json.load(f)


def load(name, overrides=()) -> Recipe:
    """overrides: 'train.lr=1e-3' and the like, values in TOML's notation."""
    path = find(name)
    try:
        with open(path, "rb") as f:
            raw = tomllib.load(f)
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"{path}: {error}") from None
    for text in overrides:
        key, _, value = text.partition("=")
        try:
            value = tomllib.loads(f"v = {value}")["v"]
        except tomllib.TOMLDecodeError:
            value = tomllib.loads(f"v = {value!r}")["v"]
        target = raw
        *parents, last = key.strip().split(".")
        for part in parents:
            target = target.setdefault(part, {})
        target[last] = value
    return parse(raw, path)


def parse(raw, path="recipe") -> Recipe:
    raw = dict(raw)
    task = raw.get("task")
    if task not in ("teacher", "student"):
        raise UserError(f"{path}: task must be 'teacher' or 'student'")
    section = "train" if task == "teacher" else "distil"
    values = dict(raw.pop(section, {}))
    if task == "teacher":
        check(values, TeacherConfig, path, section)
        raw["train"] = replace(TeacherConfig(), **values)
    else:
        name = values.pop("preset", "small")
        check(values, DistilConfig, path, section)
        raw["distil"] = preset(name, **values)
        if not raw.get("teacher"):
            raise UserError(f"{path}: a student needs a teacher")
    check(raw, Recipe, path, "the top level")
    missing = [k for k in ("name", "data") if not raw.get(k)]
    if missing:
        raise UserError(f"{path}: {missing[0]} is missing")
    return Recipe(**raw)


def check(values, cls, path, where) -> None:
    known = {f.name for f in fields(cls)}
    unknown = [k for k in values if k not in known]
    if unknown:
        raise UserError(f"{path}: unknown key {unknown[0]!r} in {where}; known: {', '.join(sorted(known))}")


__all__ = ["PRESETS", "Recipe", "class_lists", "find", "load", "parse"]
