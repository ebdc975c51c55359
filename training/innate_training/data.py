"""EDM-style data sets: a zip of images with dataset.json = {"labels": [[name, class], ...] | null}; and MNIST's
format, an idx file of images with the labels' beside it."""

import gzip
import hashlib
import io
import json
import os
import zipfile
import zlib
from concurrent.futures import ThreadPoolExecutor
from typing import Self

import numpy as np
import torch

from .errors import UserError

EXTENSIONS = (".png", ".jpg", ".jpeg", ".webp", ".bmp")


class Dataset:
    """All images in memory as uint8 NCHW, with int64 labels or None."""

    def __init__(self, images, labels, name, path=None) -> None:
        self.images, self.labels, self.name, self.path = images, labels, name, path

    def __len__(self) -> int:
        return len(self.images)

    @property
    def resolution(self) -> int:
        return self.images.shape[-1]

    @property
    def channels(self) -> int:
        return self.images.shape[1]

    @property
    def classes(self) -> int:
        return 0 if self.labels is None else int(self.labels.max()) + 1

    def to(self, device) -> Self:
        labels = None if self.labels is None else self.labels.to(device)
        return Dataset(self.images.to(device), labels, self.name, self.path)

    def batch(self, index) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Images in [-1, 1] and labels."""
        x = self.images[index].float() / 127.5 - 1
        return x, None if self.labels is None else self.labels[index]


def load_data(path, resolution=None, channels=3) -> Dataset:
    """A zip, or an idx file of grey images."""
    idx = "-ubyte" in os.path.basename(path)
    return load_idx(path, resolution, channels) if idx else load_zip(path, resolution, channels)


def load_idx(path, resolution=None, channels=1) -> Dataset:
    """MNIST's format, packed or not: `train-images-idx3-ubyte.gz`, labels in `train-labels-idx1-ubyte.gz`. Images that
    are smaller than the resolution get a black margin."""
    images = read_idx(path, 3)
    margin = ((resolution or images.shape[1]) - images.shape[1]) // 2
    if margin < 0 or images.shape[1] != images.shape[2]:
        raise UserError(f"{path}: images of {images.shape[1]}x{images.shape[2]}, larger than the resolution wanted")
    images = torch.from_numpy(np.pad(images, ((0, 0), (margin, margin), (margin, margin)))).unsqueeze(1)
    beside = os.path.join(os.path.dirname(path), os.path.basename(path).replace("images-idx3", "labels-idx1"))
    labels = read_idx(beside, 1) if os.path.isfile(beside) and beside != path else None
    if labels is not None and len(labels) != len(images):
        raise UserError(f"{beside}: {len(labels)} labels for {len(images)} images")
    return Dataset(
        images.expand(-1, channels, -1, -1).contiguous(),
        None if labels is None else torch.from_numpy(labels.astype(np.int64)),
        os.path.basename(path),
        os.fspath(path),
    )


def read_idx(path, dimensions) -> np.ndarray:
    """uint8 values of an idx file: two zero bytes, the type 8, the number of dimensions, their sizes, the values."""
    try:
        with open(path, "rb") as f:
            raw = f.read()
        raw = gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw
    except FileNotFoundError:
        raise UserError(f"{path}: no such data set") from None
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"{path}: damaged ({error})") from None
    if raw[:4] != bytes([0, 0, 8, dimensions]):
        raise UserError(f"{path}: not an idx file of bytes in {dimensions} dimensions")
    shape = np.frombuffer(raw, ">i4", dimensions, 4)
    if len(raw) != 4 + 4 * dimensions + shape.prod():
        raise UserError(f"{path}: cut short")
    return np.frombuffer(raw, np.uint8, -1, 4 + 4 * dimensions).reshape(shape)


def load_zip(path, resolution=None, channels=3, limit=None) -> Dataset:
    from PIL import Image

    try:
        with zipfile.ZipFile(path) as z:
            stored = z.namelist()
            labels = json.loads(z.read("dataset.json")).get("labels") if "dataset.json" in stored else None
            names = [n for n in stored if n.lower().endswith(EXTENSIONS)][:limit]
            blobs = [z.read(n) for n in names]
    except FileNotFoundError:
        raise UserError(f"{path}: no such data set") from None
    except (zipfile.BadZipFile, ValueError, KeyError) as error:
        raise UserError(f"{path}: not an EDM-style zip ({error})") from None
    if not names:
        raise UserError(f"{path}: no images inside")

    def decode(item) -> np.ndarray:
        name, blob = item
        try:
            image = Image.open(io.BytesIO(blob)).convert("RGB" if channels == 3 else "L")
        except Exception:
            raise UserError(f"{path}: {name} is not a readable image") from None
        if resolution and image.size != (resolution, resolution):
            side = min(image.size)
            left, top = (image.width - side) // 2, (image.height - side) // 2
            image = image.crop((left, top, left + side, top + side)).resize((resolution, resolution), Image.LANCZOS)
        return np.asarray(image).reshape(image.height, image.width, -1)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        arrays = list(pool.map(decode, zip(names, blobs)))
    if len({a.shape for a in arrays}) > 1:
        raise UserError(f"{path}: images of several sizes; say which resolution to use")
    images = torch.from_numpy(np.stack(arrays)).permute(0, 3, 1, 2).contiguous()
    if labels:
        table = {name: int(k) for name, k in labels}
        missing = [n for n in names if n not in table]
        if missing:
            raise UserError(f"{path}: dataset.json has no label for {missing[0]}")
        labels = torch.tensor([table[n] for n in names])
    return Dataset(
        images, labels if labels is not None and len(labels) else None, os.path.basename(path), os.fspath(path)
    )


def step_seed(seed, stream, step) -> int:
    """A seed for one step of one stream. Randomness is a function of (seed, step) alone, so a run that stops
    and resumes, or runs on several processes, draws the same numbers."""
    digest = hashlib.blake2b(f"{seed}/{stream}/{step}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


def generator(device, seed, stream, step) -> torch.Generator:
    return torch.Generator(device).manual_seed(step_seed(seed, stream, step))


class Shuffle:
    """Endless epochs without replacement, addressed by position: no state to save."""

    def __init__(self, size, seed) -> None:
        self.size, self.seed, self.orders = size, seed, {}

    def order(self, epoch) -> torch.Tensor:
        if epoch not in self.orders:
            g = torch.Generator().manual_seed(step_seed(self.seed, "epoch", epoch))
            self.orders = {k: v for k, v in self.orders.items() if k == epoch - 1}
            self.orders[epoch] = torch.randperm(self.size, generator=g)
        return self.orders[epoch]

    def indices(self, start, count) -> torch.Tensor:
        parts = []
        while count:
            epoch, offset = divmod(start, self.size)
            take = min(count, self.size - offset)
            parts.append(self.order(epoch)[offset : offset + take])
            start, count = start + take, count - take
        return torch.cat(parts)
