#!/usr/bin/env python3
"""Makes the sample data sets of public/data: small EDM-style zips, their index and their licences.

    apt-get install dataset-fashion-mnist
    pip install numpy pillow
    python scripts/make-sample-packs.py --fashion-mnist /usr/share/datasets/fashion-mnist \\
        --afhq-cat afhq-cat-64x64.zip --cifar10 cifar10-32x32.zip --out public/data

--fashion-mnist is a folder with train-images-idx3-ubyte.gz and train-labels-idx1-ubyte.gz; --afhq-cat and --cifar10 are
EDM-style zips of AFHQ's cats at 64x64 and of CIFAR-10's training part as lossless WebP. A pack whose source is not given
stays as it is. The same input and the same Pillow give the same bytes.
"""

import argparse
import gzip
import hashlib
import io
import json
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

FASHION_CLASSES = [
    "T-shirt/top", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot",
]  # fmt: skip
FASHION_PER_CLASS = 180
CIFAR_CLASSES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
CIFAR_PER_CLASS = 150
CATS = 1500
CAT_QUALITY = 78
SEED = 0


def entry(name: str, method: int) -> zipfile.ZipInfo:
    """A zip entry without the present time in it."""
    info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    info.compress_type = method
    info.external_attr = 0o644 << 16
    return info


def write_zip(path: Path, images: list[bytes], extension: str, labels: list[int] | None, classes: list[str] | None):
    """Images stored as they are, in EDM's names; the labels in dataset.json, with the names of the classes."""
    names = [f"{i // 1000:05d}/img{i:08d}.{extension}" for i in range(len(images))]
    description: dict = {"labels": [[n, c] for n, c in zip(names, labels, strict=True)] if labels else None}
    if classes:
        description["classes"] = classes
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in zip(names, images, strict=True):
            archive.writestr(entry(name, zipfile.ZIP_STORED), data)
        text = json.dumps(description, separators=(",", ":"))
        archive.writestr(entry("dataset.json", zipfile.ZIP_DEFLATED), text)


def encode(image: Image.Image, kind: str, **options) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def idx(path: Path, header: int) -> np.ndarray:
    return np.frombuffer(gzip.decompress(path.read_bytes()), np.uint8, offset=header)


def balanced(labels: np.ndarray, per_class: int) -> np.ndarray:
    """Places of the same number of images of each class, drawn at random, in random order."""
    random = np.random.default_rng(SEED)
    each = [random.permutation(np.flatnonzero(labels == c))[:per_class] for c in range(10)]
    return random.permutation(np.concatenate(each))


def fashion(folder: Path, path: Path) -> int:
    """The same number of each class, in random order, with two black pixels added on each side."""
    images = idx(folder / "train-images-idx3-ubyte.gz", 16).reshape(-1, 28, 28)
    labels = idx(folder / "train-labels-idx1-ubyte.gz", 8)
    chosen = balanced(labels, FASHION_PER_CLASS)
    padded = np.pad(images[chosen], ((0, 0), (2, 2), (2, 2)))
    # PNG because WebP has no grey: the set should say that it has one channel.
    files = [encode(Image.fromarray(image), "PNG", compress_level=9, compress_type=1) for image in padded]
    write_zip(path, files, "png", [int(c) for c in labels[chosen]], FASHION_CLASSES)
    return len(files)


def cifar10(source: Path, path: Path) -> int:
    """The same number of each class, in random order, files as they are."""
    with zipfile.ZipFile(source) as archive:
        listed = json.loads(archive.read("dataset.json"))["labels"]
        names, labels = [n for n, _ in listed], np.array([c for _, c in listed])
        chosen = balanced(labels, CIFAR_PER_CLASS)
        files = [archive.read(names[i]) for i in chosen]
    write_zip(path, files, "webp", [int(c) for c in labels[chosen]], CIFAR_CLASSES)
    return len(files)


def cats(source: Path, path: Path) -> int:
    """Some at random, in random order."""
    with zipfile.ZipFile(source) as archive:
        names = sorted(n for n in archive.namelist() if not n.endswith((".json", "/")))
        names = [names[i] for i in np.random.default_rng(SEED).permutation(len(names))[:CATS]]
        images = [Image.open(io.BytesIO(archive.read(n))).convert("RGB") for n in names]
    files = [encode(image, "WEBP", quality=CAT_QUALITY, method=6) for image in images]
    write_zip(path, files, "webp", None, None)
    return len(files)


def describe(path: Path, images: int, **card) -> dict:
    """The pack's entry in index.json, in the order of its fields there."""
    data = path.read_bytes()
    first = {"id": card.pop("id"), "name": f"{card.pop('name')}, {images:,} images"}
    place = {"path": path.name, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    return {**first, **place, "images": images, **card}


LICENCES = """# Licences of the sample data sets

## fashion-mnist-32x32.zip

{fashion} images of the training part of [Fashion-MNIST](https://github.com/zalandoresearch/fashion-mnist) (Xiao, Rasul,
Vollgraf, "Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine Learning Algorithms", 2017), {fashion_each} of each
class, chosen at random; padded from 28x28 to 32x32 with black and stored as PNG, pixels unchanged.

The MIT License (MIT). Copyright © 2017 Zalando SE, https://tech.zalando.com

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the “Software”), to deal in the Software without restriction, including without limitation the
rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit
persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the
Software.

THE SOFTWARE IS PROVIDED “AS IS”, WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR
OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.

## cifar10-32x32.zip

{cifar10} images of the training part of [CIFAR-10](https://www.cs.toronto.edu/~kriz/cifar.html) (Krizhevsky, "Learning Multiple
Layers of Features from Tiny Images", 2009), {cifar10_each} of each class, chosen at random, as lossless WebP, pixels unchanged.

Terms: no licence stated, for research. Its authors ask to be cited. It is a labelled part of the 80 Million Tiny Images, whose
pictures were collected from the web: rights in them stay with their owners. Provided as is, without warranties.

## afhq-cat-64x64.zip

{cats} cats of the training part of Animal Faces-HQ (AFHQ, version 1; Choi, Uh, Yoo, Ha, "StarGAN v2: Diverse Image
Synthesis for Multiple Domains", CVPR 2020; NAVER Corporation, https://github.com/clovaai/stargan-v2).

Licensed under [Creative Commons Attribution-NonCommercial 4.0 International](https://creativecommons.org/licenses/by-nc/4.0/)
(CC BY-NC 4.0): **not for commercial use**, and what is made from it must name its source. Provided as is, without
warranties.

Changes: reduced from 512x512 to 64x64 (Lanczos) and re-coded as lossy WebP, a random selection.
"""


def packs(args: argparse.Namespace):
    """(source or None, what makes the pack, its catalogue entry) of each pack, in the order of the page."""
    yield args.fashion_mnist, fashion, dict(
        id="fashion-mnist-32x32",
        name="Fashion-MNIST",
        resolution=32,
        channels=1,
        classes=FASHION_CLASSES,
        licence="MIT",
        source="https://github.com/zalandoresearch/fashion-mnist",
    )
    yield args.cifar10, cifar10, dict(
        id="cifar10-32x32",
        name="CIFAR-10",
        resolution=32,
        channels=3,
        classes=CIFAR_CLASSES,
        licence="no licence stated, for research",
        source="https://www.cs.toronto.edu/~kriz/cifar.html",
    )
    yield args.afhq_cat, cats, dict(
        id="afhq-cat-64x64",
        name="AFHQ cats",
        resolution=64,
        channels=3,
        classes=None,
        licence="CC BY-NC 4.0",
        source="https://github.com/clovaai/stargan-v2",
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fashion-mnist", type=Path, metavar="FOLDER")
    parser.add_argument("--cifar10", type=Path, metavar="ZIP")
    parser.add_argument("--afhq-cat", type=Path, metavar="ZIP")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    index = args.out / "index.json"
    before = json.loads(index.read_text()) if index.exists() else {"packs": []}
    known = {pack["id"]: pack for pack in before["packs"]}
    entries = []
    for source, make, card in packs(args):
        path = args.out / f"{card['id']}.zip"
        if source is not None:
            entries.append(describe(path, images=make(source, path), **card))
        elif card["id"] in known:
            entries.append(known[card["id"]])
    text = json.dumps({"version": 1, "packs": entries}, indent=1, ensure_ascii=False)
    index.write_text(text + "\n", encoding="utf-8")
    counts = {pack["id"]: f"{pack['images']:,}" for pack in entries}
    licences = LICENCES.format(
        fashion=counts.get("fashion-mnist-32x32"),
        fashion_each=FASHION_PER_CLASS,
        cifar10=counts.get("cifar10-32x32"),
        cifar10_each=CIFAR_PER_CLASS,
        cats=counts.get("afhq-cat-64x64"),
    )
    (args.out / "LICENCES.md").write_text(licences, encoding="utf-8")
    for pack in entries:
        print(f"{pack['path']}: {pack['images']} images, {pack['bytes']:,} bytes")


if __name__ == "__main__":
    main()
