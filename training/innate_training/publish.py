"""Putting trained models beside the catalogue: teachers whole, students as differences to the committed teacher.

A committed student that is a difference to its teacher depends on every bit of the teacher's file. So a teacher is
replaced only together with its students: each is written anew in the same publish, as a difference to the new
teacher where it comes from it. Otherwise the new teacher waits (`Held`) until its student has been distilled.
Everything is written aside, read back and checked first; then the files are renamed, the index last.
"""

import json
import os
import shutil
import tempfile
import zipfile
from dataclasses import dataclass

from . import catalogue
from .checkpoint import load_checkpoint, read_metadata, read_safetensors
from .errors import UserError
from .export import comes_from, export, fingerprint

LIMIT_MIB = 42.0  # of all weights in the catalogue's folder


class Held(UserError):
    """Publishing this teacher alone would break the students that are stored as differences to it."""


@dataclass
class Model:
    entry: dict  # the catalogue's
    source: str  # the weights: whole, or a difference whose teacher lies beside

    @property
    def id(self) -> str:
        return self.entry["id"]


def path_of(folder, name) -> str:
    return os.path.join(folder, f"{name}.safetensors")


def dependents(folder, teacher) -> list[str]:
    """Ids of the models stored as differences to this one, by the index and by the files themselves."""
    found = {
        m["id"] for m in catalogue.read(folder)["models"] for f in m.get("files", []) if f.get("deltaOf") == teacher
    }
    for name in os.listdir(folder):
        if name.endswith(".safetensors") and read_metadata(os.path.join(folder, name)).get("delta_of") == teacher:
            found.add(name.removesuffix(".safetensors"))
    return sorted(found)


def publish(folder, models, rebase=False, limit_mib=LIMIT_MIB) -> list[str]:
    """Write the models and their entries; returns the lines that say what was done.

    rebase: a dependent student that is not among `models` is rewritten whole, instead of holding its new teacher back.
    """
    os.makedirs(folder, exist_ok=True)
    stage = tempfile.mkdtemp(prefix=".publish-", dir=folder)
    try:
        entries, said = _stage(folder, stage, models, rebase)
        _check_size(folder, stage, limit_mib)
        for name in sorted(
            os.listdir(stage), key=lambda n: "deltaOf" in entries[n.removesuffix(".safetensors")]["files"][0]
        ):
            os.replace(os.path.join(stage, name), os.path.join(folder, name))
        catalogue.put(folder, *entries.values())
        return said
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def _stage(folder, stage, models, rebase) -> tuple[dict[str, dict], list[str]]:
    entries, said = {}, []

    def keep(model, how) -> None:
        path = path_of(stage, model.id)
        entries[model.id] = {**model.entry, "files": [catalogue.file_entry(path, read_metadata(path))]}
        said.append(f"{model.id}: {how}, {os.path.getsize(path):,} bytes")

    teachers = [m for m in models if m.entry["role"] == "teacher"]
    students = [m for m in models if m.entry["role"] == "student"]
    for m in teachers:
        export(m.source, path_of(stage, m.id))
        keep(m, "whole")
        students += _rebased(folder, stage, m, {s.id for s in students}, rebase)
    known = {m["id"] for m in catalogue.read(folder)["models"]} | set(entries)
    for m in students:
        teacher = m.entry["teacher"]
        if teacher not in known:
            raise UserError(f"{m.id}: its teacher {teacher} is not in the catalogue; publish the teacher first")
        base = next((p for p in (path_of(stage, teacher), path_of(folder, teacher)) if os.path.isfile(p)), None)
        tensors, _, metadata = load_checkpoint(m.source)
        delta = base is not None and comes_from(metadata, tensors, read_safetensors(base)[0])
        export(m.source, path_of(stage, m.id), delta_of=teacher if delta else None, teacher_path=base)
        _check_copy(path_of(stage, m.id), tensors, {teacher: base})
        keep(m, f"a difference to {teacher}" if delta else f"whole (not trained from the {teacher} of the catalogue)")
    return entries, said


def _rebased(folder, stage, teacher, present, rebase) -> list[Model]:
    """Students that depend on the teacher's old file and are not published anew themselves."""
    left = [name for name in dependents(folder, teacher.id) if name not in present]
    if not left:
        return []
    same = fingerprint(read_safetensors(path_of(folder, teacher.id))[0]) == fingerprint(
        read_safetensors(path_of(stage, teacher.id))[0]
    )
    if not same and not rebase:  # with the same weights only the file's checksum changes
        raise Held(
            f"{teacher.id} is held back: {', '.join(left)} "
            f"{'is a difference' if len(left) == 1 else 'are differences'} to the teacher in the catalogue; "
            "publish them together"
        )
    found = {m["id"]: m for m in catalogue.read(folder)["models"]}
    missing = [name for name in left if name not in found]
    if missing:
        raise Held(f"{teacher.id} is held back: {missing[0]}.safetensors depends on it and is not in the index")
    return [Model(found[name], path_of(folder, name)) for name in left]


def _check_copy(path, tensors, teachers) -> None:
    back, _, _ = load_checkpoint(path, teachers=teachers)
    for name, t in tensors.items():
        if "resample_filter" in name and name not in back:
            continue  # it follows from the architecture, and a difference leaves it out with its teacher
        limit = 2e-3 * float(t.abs().max()) + 1e-6 if t.numel() else 0
        if name not in back or (t.numel() and float((back[name].float() - t.float()).abs().max()) > limit):
            raise UserError(f"{path}: {name} was not written well; nothing has been published")


def _check_size(folder, stage, limit_mib) -> None:
    sizes = {
        n: os.path.getsize(os.path.join(f, n))
        for f in (folder, stage)
        for n in os.listdir(f)
        if n.endswith(".safetensors")
    }
    total = sum(sizes.values()) / 2**20
    if total > limit_mib:
        raise UserError(
            f"the weights would come to {total:.1f} MiB, above the limit of {limit_mib:g}; nothing has been published"
        )


# what has been trained and waits -------------------------------------------------------------------------------


def ready_models(source) -> dict[str, Model]:
    """Models with their entries in a folder of ID.safetensors and ID.json."""
    found = {}
    for name in sorted(os.listdir(source)):
        path = os.path.join(source, name)
        weights = path.removesuffix(".json") + ".safetensors"
        if name.endswith(".json") and os.path.isfile(weights):
            with open(path) as f:
                entry = json.load(f)
            if isinstance(entry, dict) and entry.get("role") in ("teacher", "student"):
                found[entry["id"]] = Model(entry, weights)
    return found


def comparable(a, b) -> bool:
    keys = ("features", "nfe", "n", "reference")
    return all(a.get(k) == b.get(k) for k in keys)


def is_news(folder, model) -> bool:
    """Other weights than the committed ones, and not worse where both were measured alike."""
    committed = path_of(folder, model.id)
    if not os.path.isfile(committed):
        return True
    try:
        if fingerprint(load_checkpoint(committed)[0]) == fingerprint(load_checkpoint(model.source)[0]):
            return False
    except UserError:  # a difference whose teacher was replaced: to be repaired
        return True
    old = catalogue.entry_of(folder, model.id) or {}
    pairs = [
        (a["value"], b["value"])
        for a in model.entry.get("quality", [])
        for b in old.get("quality", [])
        if comparable(a, b)
    ]
    return all(new < before for new, before in pairs)


def publish_ready(folder, source, rebase=False, limit_mib=LIMIT_MIB) -> list[str]:
    """Publish what is better than the committed: teachers with their students. Returns lines to print."""
    found = ready_models(source)
    news = {k: m for k, m in found.items() if is_news(folder, m)}
    said, done = [], set()
    for teacher in [m for m in news.values() if m.entry["role"] == "teacher"]:
        tensors = load_checkpoint(teacher.source)[0]
        own = [m for m in news.values() if m.entry.get("teacher") == teacher.id and _from(m, tensors)]
        try:
            said += publish(folder, [teacher, *own], rebase, limit_mib)
            done |= {teacher.id, *(m.id for m in own)}
        except UserError as error:
            said.append(str(error))
            done |= {teacher.id, *(m.id for m in own)}
    for student in [m for m in news.values() if m.id not in done]:
        try:
            said += publish(folder, [student], rebase, limit_mib)
        except UserError as error:
            said.append(str(error))
    return said


def _from(model, teacher) -> bool:
    tensors, _, metadata = load_checkpoint(model.source)
    return comes_from(metadata, tensors, teacher)


def publish_sources(folder, sources, rebase=False, limit_mib=LIMIT_MIB) -> list[str]:
    """The same from folders and from result zips."""
    said = []
    for source in sources:
        if os.path.isdir(source):
            said += publish_ready(folder, source, rebase, limit_mib)
            continue
        with tempfile.TemporaryDirectory() as scratch:
            try:
                with zipfile.ZipFile(source) as z:
                    for name in z.namelist():
                        if os.path.basename(name) == name and name.endswith((".json", ".safetensors")):
                            z.extract(name, scratch)
            except (OSError, zipfile.BadZipFile) as error:
                raise UserError(f"{source}: {error}") from None
            said += publish_ready(folder, scratch, rebase, limit_mib)
    return said


def wrote(lines) -> bool:
    """Whether any model was written, not only held back or refused."""
    return any(line.endswith(" bytes") for line in lines)


REFRESH = "previews are drawn by: npm run catalogue"
