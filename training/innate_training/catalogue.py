"""The model catalogue, index.json beside the weights: reading an entry, putting a trained model in."""

import json
import os
import re

from .checkpoint import atomic_write, load_checkpoint, middle_sigma, sha256, start_sigma
from .errors import UserError

FEATURES = {
    "cifar10-resnet56": "ResNet-56 trained on CIFAR-10, 64 features",
    "cifar10-resnet20": "ResNet-20 trained on CIFAR-10, 64 features",
    "efficientnet-lite0": "EfficientNet-Lite0, 320 features",
    "pixels": "pixels averaged to 8x8",
}


def read(folder) -> dict:
    try:
        with open(os.path.join(folder, "index.json")) as f:
            return json.load(f)
    except FileNotFoundError:
        return {"version": 1, "models": []}
    except ValueError as error:
        raise UserError(f"{folder}/index.json: {error}") from None


def entry_of(folder, name) -> dict | None:
    return next((m for m in read(folder)["models"] if m.get("id") == name), None)


def file_entry(path, metadata) -> dict:
    entry = dict(path=os.path.basename(path), bytes=os.path.getsize(path), sha256=sha256(path), dtype="f16")
    if "delta_of" in metadata:
        entry["deltaOf"] = metadata["delta_of"]
    return entry


def quality_entry(result, resolution) -> dict:
    """A measurement in the catalogue's words."""
    words = result["reference"]
    match = re.search(r"\[:(\d+)\]$", words)
    if match:
        words = f"{int(match[1]):,} training images"
        if resolution > 32 and result["features"].startswith("cifar10-"):
            words += ", both averaged to 32x32"
    keys = ("metric", "features", "sampler", "nfe", "value", "error", "floor", "n", "reference")
    return {
        k: {**result, "features": FEATURES.get(result["features"], result["features"]), "reference": words}[k]
        for k in keys
    }


def make_entry(recipe, path, quality, classes=None) -> dict:
    """The catalogue's entry of a trained model's file; a difference finds its teacher beside it."""
    tensors, architecture, metadata = load_checkpoint(path)
    student = recipe.task == "student"
    sigma_mid = middle_sigma(metadata, path) if student else None
    entry = dict(id=recipe.name, name=recipe.title or recipe.name, role=recipe.task)
    if student:
        entry.update(teacher=recipe.teacher, method=metadata.get("method", "gdd-i"), sigma=start_sigma(metadata, path))
    if sigma_mid is not None:
        entry.update(sigma_mid=sigma_mid)
    provenance = dict(
        data=metadata.get("data", recipe.source or recipe.data),
        images=int(metadata.get("images_seen", 0)),
        batch=int(metadata.get("batch", (recipe.train or recipe.distil).batch)),
        minutes=round(float(metadata.get("minutes", 0))),
    )
    provenance.update({k: metadata[k] for k in ("hardware", "features") if metadata.get(k)})
    if metadata.get("begun_from"):
        provenance["begunFrom"] = metadata["begun_from"]
    if metadata.get("trained_parameters"):
        provenance["trainedParameters"] = float(metadata["trained_parameters"])
    kwargs = {k: v for k, v in architecture["model_kwargs"].items() if "dropout" not in k}
    entry.update(
        kind="shipped",
        dataset=recipe.data.removesuffix(".zip"),
        precond=architecture["precond"],
        nfe=(1 if sigma_mid is None else 2) if student else max((q["nfe"] for q in quality), default=1),
        resolution=architecture["img_resolution"],
        channels=architecture["img_channels"],
        classes=classes,
        parameters=sum(t.numel() for k, t in tensors.items() if "freqs" not in k and "resample_filter" not in k),
        architecture=kwargs,
        files=[file_entry(path, metadata)],
        licence=recipe.licence,
        provenance=provenance,
        quality=[quality_entry(q, architecture["img_resolution"]) for q in quality],
    )
    return entry


def put(folder, *entries) -> None:
    """Insert or update by id, in one write; what a person wrote (name, classes, preview, licence) stays."""
    index = read(folder)
    models = index["models"]
    for entry in entries:
        at = next((i for i, old in enumerate(models) if old.get("id") == entry["id"]), None)
        if at is None:  # new ones follow the last shipped one
            shipped = [i for i, old in enumerate(models) if old.get("kind") == "shipped"]
            models.insert(shipped[-1] + 1 if shipped else 0, entry)
            continue
        kept = {k: models[at][k] for k in ("name", "classes", "preview", "licence") if models[at].get(k)}
        models[at] = {**models[at], **entry, **kept}
    ids = {m["id"] for m in models}
    for m in models:
        for ref in (m.get("teacher"), *(f.get("deltaOf") for f in m.get("files", []))):
            if ref and ref not in ids:
                raise UserError(f"{folder}/index.json: {m['id']} refers to {ref}, which is not in the catalogue")
    atomic_write(os.path.join(folder, "index.json"), (json.dumps(index, indent=1, ensure_ascii=False) + "\n").encode())
