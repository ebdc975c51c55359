"""The .safetensors files that the app reads: whole, or as a difference to the teacher's file.

A GDD-I student differs from its teacher in 16 to 21 % of the parameters. Its delta omits every tensor that is
bitwise the teacher's after rounding to the stored dtype, and stores float16 differences of the others to the
teacher's stored values (float32 for norms, biases and buffers of rank < 2).
"""

import hashlib
import os

import torch

from .checkpoint import (
    architecture_metadata,
    keeps_float32,
    load_checkpoint,
    read_safetensors,
    sha256,
    to_storage,
    write_safetensors,
)
from .errors import UserError
from .precond import is_frozen

DTYPES = {"f16": torch.float16, "f32": torch.float32}


def export(
    source, target, dtype="f16", delta_of=None, teacher_path=None, provenance=None, teachers=None
) -> dict[str, str]:
    """Write `source` for the app. Returns the metadata written."""
    if dtype not in DTYPES:
        raise UserError(f"unknown dtype {dtype!r}; known: f16, f32")
    tensors, architecture, metadata = load_checkpoint(source, teachers=teachers)
    known = {"precond", "img_resolution", "img_channels", "label_dim", "model_kwargs", "delta_of", "delta_sha256"}
    card = {
        **architecture_metadata(architecture),
        **{k: v for k, v in metadata.items() if k not in known},
        **(provenance or {}),
    }
    if not delta_of:
        write_safetensors(target, to_storage(tensors, DTYPES[dtype]), card)
        return card
    stored, _ = read_safetensors(teacher_path)
    tensors = {k: t for k, t in tensors.items() if k in stored or "resample_filter" not in k}  # see fingerprint
    if set(stored) != set(tensors) or any(stored[k].shape != v.shape for k, v in tensors.items()):
        raise UserError(f"{teacher_path} is not of the architecture of {source}: no delta")
    delta = make_delta(tensors, stored)
    card.update(delta_of=delta_of, delta_sha256=sha256(teacher_path))
    write_safetensors(target, delta, card)
    return card


def make_delta(tensors, stored) -> dict[str, torch.Tensor]:
    """Differences to the teacher's stored tensors, without those that are equal."""
    delta = {}
    for name, t in tensors.items():
        base = stored[name]
        if torch.equal(t.to(base.dtype), base):
            continue
        difference = t.float() - base.float()
        delta[name] = difference if keeps_float32(name, t) else difference.to(torch.float16)
    return delta


def fingerprint(tensors) -> str:
    """SHA-256 of a network's weights as a float16 file stores them: the same for a run's float32 average and for the
    file exported from it, whatever their metadata say."""
    digest = hashlib.sha256()
    for name, t in sorted(to_storage(tensors).items()):
        if "resample_filter" not in name:  # it follows from the architecture and may be absent
            digest.update(f"{name} {tuple(t.shape)} ".encode())
            digest.update(t.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def comes_from(metadata, tensors, teacher) -> bool:
    """Whether the student was trained from this teacher: by its card, or because its frozen weights are equal."""
    if metadata.get("teacher_sha256"):
        return metadata["teacher_sha256"] == fingerprint(teacher)
    if metadata.get("method") != "gdd-i" or set(teacher) != set(tensors):
        return False
    a, b = to_storage(tensors), to_storage(teacher)
    frozen = [k for k in a if is_frozen(k)]
    return bool(frozen) and all(torch.equal(a[k], b[k]) for k in frozen)


def apply_delta(path, delta, metadata, teachers=None) -> dict[str, torch.Tensor]:
    """The student's tensors: the teacher's stored values plus the differences."""
    teacher = find_teacher(path, metadata, teachers)
    stored, _ = read_safetensors(teacher)
    if metadata.get("delta_sha256") and sha256(teacher) != metadata["delta_sha256"]:
        raise UserError(f"{path}: it is a difference to another version of {teacher} (checksums differ)")
    unknown = [k for k in delta if k not in stored]
    if unknown:
        raise UserError(f"{path}: tensor {unknown[0]} is not in its teacher {teacher}")
    return {k: v.float() + delta[k].float() if k in delta else v.float() for k, v in stored.items()}


def find_teacher(path, metadata, teachers) -> str:
    name = metadata["delta_of"]
    if isinstance(teachers, dict) and name in teachers:
        return os.fspath(teachers[name])
    folders = [teachers] if isinstance(teachers, (str, os.PathLike)) else []
    for folder in (*folders, os.path.dirname(os.path.abspath(path))):
        candidate = os.path.join(folder, f"{name}.safetensors")
        if os.path.isfile(candidate):
            return candidate
    raise UserError(f"{path}: it is a difference to {name}, and {name}.safetensors is not beside it")
