"""Fixtures are looked for in the project's tests/fixtures, then in $INNATE_FIXTURES; without them a test skips."""

import io
import json
import os
import sys
import zipfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from innate_training.process import settle_process  # noqa: E402

settle_process()
import numpy as np  # noqa: E402
import pytest  # noqa: E402
import torch  # noqa: E402

from innate_training.data import Dataset  # noqa: E402
from innate_training.precond import EDMPrecond, build  # noqa: E402

torch.set_num_threads(1)  # tiny networks: a second thread would mostly wait for the first
ROOT = Path(__file__).resolve().parents[2]


def fixture_file(name) -> Path:
    folders = [ROOT / "tests" / "fixtures"]
    if os.environ.get("INNATE_FIXTURES"):
        folders.append(Path(os.environ["INNATE_FIXTURES"]))
    for folder in folders:
        for sub in ("mini", "."):
            if (folder / sub / name).is_file():
                return folder / sub / name
    pytest.skip(f"{name}: neither in tests/fixtures nor in $INNATE_FIXTURES")


def shape_images(count, size=16, seed=0) -> tuple[np.ndarray, np.ndarray]:
    """Coloured discs and squares on a dark ground; the class is the shape."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size]
    images, labels = np.zeros((count, size, size, 3), np.uint8), rng.integers(0, 2, count)
    for i in range(count):
        cx, cy, r = *rng.uniform(size * 0.35, size * 0.65, 2), rng.uniform(size * 0.2, size * 0.32)
        inside = (x - cx) ** 2 + (y - cy) ** 2 < r * r if labels[i] else (abs(x - cx) < r) & (abs(y - cy) < r)
        images[i] = rng.integers(10, 50, 3)
        images[i][inside] = rng.integers(130, 250, 3)
    return images, labels


def write_zip(path, images, labels=None) -> Path:
    from PIL import Image

    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as z:
        names = []
        for i, image in enumerate(images):
            buffer = io.BytesIO()
            Image.fromarray(image).save(buffer, "PNG")
            names.append(f"{i // 1000:05d}/img{i:08d}.png")
            z.writestr(names[-1], buffer.getvalue())
        table = None if labels is None else [[n, int(k)] for n, k in zip(names, labels)]
        z.writestr("dataset.json", json.dumps({"labels": table}))
    return path


TINY = dict(
    model_type="SongUNet",
    model_channels=16,
    channel_mult=[1, 2],
    num_blocks=1,
    attn_resolutions=[8],
    dropout=0.0,
    embedding_type="positional",
    encoder_type="standard",
    channel_mult_noise=1,
    resample_filter=[1, 1],
)


def tiny_net(label_dim=2, precond="EDMPrecond", seed=0, dtype=torch.float32, **changes) -> EDMPrecond:
    torch.manual_seed(seed)
    return build(
        dict(precond=precond, img_resolution=16, img_channels=3, label_dim=label_dim, model_kwargs={**TINY, **changes}),
        dtype,
    )


def shapes(count=256, seed=0) -> Dataset:
    images, labels = shape_images(count, seed=seed)
    return Dataset(torch.from_numpy(images).permute(0, 3, 1, 2).contiguous(), torch.from_numpy(labels), "shapes.zip")


@pytest.fixture
def shapes_zip(tmp_path) -> Path:
    return write_zip(tmp_path / "shapes.zip", *shape_images(256))
