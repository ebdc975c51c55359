"""Publishing: students as differences, teachers never replaced under their students, the index's fields."""

import json
import os

import pytest
import torch
from conftest import tiny_net

from innate_training import catalogue, export, publish, recipe
from innate_training.checkpoint import load_checkpoint, read_safetensors, save_network, sha256
from innate_training.cli import main
from innate_training.errors import UserError
from innate_training.precond import gdd_i_frozen

CARD = dict(
    images_seen="640", minutes="12.4", batch="32", hardware="2 CPU cores", data="CIFAR-10 train, 50,000 images at 32x32"
)
QUALITY = dict(
    metric="frechet",
    features="cifar10-resnet56",
    sampler="one-step",
    nfe=1,
    value=2.0,
    error=0.1,
    floor=0.2,
    n=1000,
    reference="cifar10-32x32.zip[:5000]",
    spread=0.9,
)


def make(folder, seed=0, value=2.0, teacher=None, told=True, frozen=True) -> publish.Model:
    """A ready folder with a teacher (`teacher` None) or a student of `teacher`'s file; returns the model."""
    os.makedirs(folder, exist_ok=True)
    name = "cifar10-32x32-gdd-i" if teacher else "cifar10-32x32-teacher"
    path = str(folder / f"{name}.safetensors")
    net = tiny_net(label_dim=10, seed=seed)
    card = dict(CARD, method="edm")
    if teacher:
        tensors, _, _ = load_checkpoint(teacher)
        net.load_state_dict(tensors)
        keep = set(gdd_i_frozen(net)) if frozen else set()
        with torch.no_grad():
            for key, p in net.named_parameters():
                if key not in keep:
                    p.add_(0.01 * torch.randn_like(p))
        card.update(method="gdd-i", features="EfficientNet-Lite0 at 128x128", trained_parameters="0.16")
        if told:
            card["teacher_sha256"] = export.fingerprint(tensors)
    save_network(path, net, card, torch.float16)
    entry = catalogue.make_entry(recipe.load(name), path, [{**QUALITY, "value": value}], list("abcdefghij"))
    (folder / f"{name}.json").write_text(json.dumps(entry))
    return publish.Model(entry, path)


def test_a_pair_is_published_as_teacher_and_difference(tmp_path) -> None:
    models = tmp_path / "models"
    teacher = make(tmp_path / "r")
    student = make(tmp_path / "r", teacher=teacher.source)
    said = publish.publish_ready(models, tmp_path / "r")
    assert len(said) == 2 and "difference" in said[1]
    assert sorted(os.listdir(models)) == [
        "cifar10-32x32-gdd-i.safetensors",
        "cifar10-32x32-teacher.safetensors",
        "index.json",
    ]
    entry = catalogue.entry_of(models, student.id)
    path = models / "cifar10-32x32-gdd-i.safetensors"
    assert entry["files"] == [
        dict(path=path.name, bytes=path.stat().st_size, sha256=sha256(path), dtype="f16", deltaOf=teacher.id)
    ]
    assert path.stat().st_size < os.path.getsize(student.source) / 2
    assert entry["provenance"] == dict(
        data=CARD["data"],
        images=640,
        batch=32,
        minutes=12,
        hardware="2 CPU cores",
        features="EfficientNet-Lite0 at 128x128",
        trainedParameters=0.16,
    )
    assert entry["quality"] == [
        dict(
            metric="frechet",
            features="ResNet-56 trained on CIFAR-10, 64 features",
            sampler="one-step",
            nfe=1,
            value=2.0,
            error=0.1,
            floor=0.2,
            n=1000,
            reference="5,000 training images",
        )
    ]
    assert entry["teacher"] == teacher.id and entry["method"] == "gdd-i" and entry["role"] == "student"
    back, whole = load_checkpoint(path)[0], load_checkpoint(student.source)[0]
    assert all((back[k] - whole[k].float()).abs().max() < 1e-3 for k in whole)
    assert publish.publish_ready(models, tmp_path / "r") == []  # nothing new


def test_a_teacher_is_held_back_while_its_student_depends_on_it(tmp_path) -> None:
    models = tmp_path / "models"
    first = make(tmp_path / "a")
    make(tmp_path / "a", teacher=first.source)
    publish.publish_ready(models, tmp_path / "a")
    before = {n: (models / n).read_bytes() for n in os.listdir(models)}
    second = make(tmp_path / "b", seed=1, value=1.0)
    with pytest.raises(publish.Held, match="held back: cifar10-32x32-gdd-i is a difference"):
        publish.publish(models, [second])
    assert "held back" in publish.publish_ready(models, tmp_path / "b")[0]
    assert {n: (models / n).read_bytes() for n in os.listdir(models)} == before  # not a bit was touched
    make(tmp_path / "b", teacher=second.source, value=1.0)
    said = publish.publish_ready(models, tmp_path / "b")  # with its student it goes
    assert len(said) == 2 and "difference" in said[1]
    load_checkpoint(models / "cifar10-32x32-gdd-i.safetensors")
    assert export.fingerprint(read_safetensors(models / "cifar10-32x32-teacher.safetensors")[0]) == export.fingerprint(
        read_safetensors(second.source)[0]
    )


def test_rebase_rewrites_the_student_whole(tmp_path) -> None:
    models = tmp_path / "models"
    first = make(tmp_path / "a")
    old = make(tmp_path / "a", teacher=first.source)
    publish.publish_ready(models, tmp_path / "a")
    make(tmp_path / "b", seed=1, value=1.0)
    assert main(["publish", str(tmp_path / "b"), "--weights", str(models), "--rebase"]) == 0
    back, _, metadata = load_checkpoint(models / "cifar10-32x32-gdd-i.safetensors")
    assert "delta_of" not in metadata and "deltaOf" not in catalogue.entry_of(models, old.id)["files"][0]
    whole = load_checkpoint(old.source)[0]
    assert all((back[k].float() - whole[k].float()).abs().max() < 2e-3 for k in whole)


def test_the_same_teacher_in_another_file_takes_its_student_along(tmp_path) -> None:
    models = tmp_path / "models"
    teacher = make(tmp_path / "a")
    make(tmp_path / "a", teacher=teacher.source)
    publish.publish_ready(models, tmp_path / "a")
    net = tiny_net(label_dim=10)
    save_network(
        tmp_path / "again.safetensors", net, dict(CARD, minutes="13"), torch.float16
    )  # other metadata, other checksum
    publish.publish(models, [publish.Model(teacher.entry, str(tmp_path / "again.safetensors"))])
    _, _, metadata = load_checkpoint(models / "cifar10-32x32-gdd-i.safetensors")  # checksums agree
    assert metadata["delta_sha256"] == sha256(models / "cifar10-32x32-teacher.safetensors")


@pytest.mark.parametrize("told", [True, False])
def test_a_student_of_another_teacher_is_written_whole(tmp_path, told) -> None:
    models = tmp_path / "models"
    make(tmp_path / "a")
    other = make(tmp_path / "b", seed=1)
    student = make(tmp_path / "c", teacher=other.source, told=told)
    with pytest.raises(UserError, match="publish the teacher first"):
        publish.publish(models, [student])
    publish.publish_ready(models, tmp_path / "a")
    assert "whole" in publish.publish_ready(models, tmp_path / "c")[0]
    own = make(tmp_path / "d", teacher=str(tmp_path / "a" / "cifar10-32x32-teacher.safetensors"), told=told, value=1.0)
    assert "difference" in publish.publish(models, [own])[0]


def test_limits_and_worse_models(tmp_path) -> None:
    models = tmp_path / "models"
    teacher = make(tmp_path / "a")
    with pytest.raises(UserError, match="above the limit"):
        publish.publish(models, [teacher], limit_mib=0.01)
    assert not [n for n in os.listdir(models) if n != "index.json"]
    publish.publish_ready(models, tmp_path / "a")
    make(tmp_path / "b", seed=1, value=3.0)
    assert publish.publish_ready(models, tmp_path / "b") == []  # worse, measured alike


def test_what_a_person_wrote_stays_and_references_hold(tmp_path) -> None:
    entry = make(tmp_path / "a").entry
    catalogue.put(
        tmp_path,
        {**entry, "name": "Mine", "preview": "previews/x.webp"},
        dict(id="official", kind="official", files=[]),
    )
    catalogue.put(tmp_path, {**entry, "quality": []})
    models = catalogue.read(tmp_path)["models"]
    assert models[0]["name"] == "Mine" and models[0]["preview"] == "previews/x.webp" and models[0]["quality"] == []
    catalogue.put(tmp_path, {**entry, "id": "new"})
    assert [m["id"] for m in catalogue.read(tmp_path)["models"]] == [entry["id"], "new", "official"]
    with pytest.raises(UserError, match="refers to nobody"):
        catalogue.put(tmp_path, {**entry, "teacher": "nobody"})
    assert (tmp_path / "index.json").read_text().startswith('{\n "version": 1,\n "models": [\n  {\n   "id"')
