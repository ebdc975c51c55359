"""The model catalogue, index.json beside the weights: reading an entry, putting a trained model in."""

import json
import os

from .checkpoint import atomic_write, read_safetensors, sha256
from .errors import UserError


def read(folder):
    try:
        with open(os.path.join(folder, "index.json")) as f:
            return json.load(f)
    except FileNotFoundError:
        return {"version": 1, "models": []}
    except ValueError as error:
        raise UserError(f"{folder}/index.json: {error}") from None


def entry_of(folder, name):
    return next((m for m in read(folder)["models"] if m.get("id") == name), None)


def file_entry(path, name, metadata):
    entry = dict(path=name, bytes=os.path.getsize(path), sha256=sha256(path), dtype="f16")
    if "delta_of" in metadata:
        entry["deltaOf"] = metadata["delta_of"]
    return entry


def make_entry(recipe, path, quality, classes=None):
    """The catalogue's entry of a trained model's file."""
    tensors, metadata = read_safetensors(path)
    kwargs = json.loads(metadata["model_kwargs"])
    entry = dict(id=recipe.name, name=recipe.title or recipe.name, role=recipe.task, kind="shipped", dataset=recipe.data.removesuffix(".zip"),
                 precond=metadata["precond"], architecture=kwargs, resolution=int(metadata["img_resolution"]),
                 channels=int(metadata["img_channels"]), classes=classes,
                 parameters=sum(t.numel() for k, t in tensors.items() if "freqs" not in k and "resample_filter" not in k),
                 files=[file_entry(path, os.path.basename(path), metadata)], licence=recipe.licence,
                 provenance=dict(recipe=metadata.get("recipe", recipe.name), images=int(metadata.get("images_seen", 0)),
                                 minutes=int(metadata.get("minutes", 0)), batch=(recipe.train or recipe.distil).batch),
                 quality=quality)
    if recipe.task == "student":
        entry.update(teacher=recipe.teacher, method=metadata.get("method", "gdd-i"))
    return entry


def put(folder, entry):
    """Insert or update by id; what a person wrote (name, classes, preview, licence) stays."""
    index = read(folder)
    for i, old in enumerate(index["models"]):
        if old.get("id") == entry["id"]:
            kept = {k: old[k] for k in ("name", "classes", "preview", "licence") if old.get(k)}
            index["models"][i] = {**old, **entry, **kept}
            break
    else:
        index["models"].append(entry)
    atomic_write(os.path.join(folder, "index.json"), (json.dumps(index, indent=2) + "\n").encode())
