#!/usr/bin/env python3
"""Makes tests/fixtures/data: small images of many kinds, and what Pillow decodes and resizes them to.

python tests/data/make_fixtures.py tests/fixtures/data
"""

import io
import json
import struct
import sys
import zipfile
import zlib
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

random = np.random.default_rng(0)
W, H = 30, 22
FIT = 16


def smooth(mode_channels: int) -> np.ndarray:
    small = random.integers(0, 256, (6, 8, mode_channels), dtype=np.uint8)
    planes = [Image.fromarray(small[:, :, c]).resize((W, H), Image.Resampling.BICUBIC) for c in range(mode_channels)]
    return np.stack([np.asarray(p) for p in planes], -1)


def save(image: Image.Image, kind: str, **options) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def png(width: int, height: int, depth: int, kind: int, rows: bytes, interlace: int = 0, extra: bytes = b"") -> bytes:
    """Kinds that Pillow does not write."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, interlace)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def adam7(array: np.ndarray) -> bytes:
    rows = b""
    for x, y, dx, dy in ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)):
        for row in array[y::dy, x::dx]:
            rows += b"\0" + row.tobytes()
    return rows


rgb = smooth(3)
colour = Image.fromarray(rgb)
grey = Image.fromarray(smooth(1)[:, :, 0])
alpha = Image.fromarray(smooth(4))
deep = random.integers(0, 65536, (H, W, 3), dtype=np.uint16)
exif = Image.Exif()
exif[274] = 6
key = struct.pack(">I", 6) + b"tRNS" + struct.pack(">HHH", *[int(v) for v in rgb[3, 4]])
key += struct.pack(">I", zlib.crc32(key[4:]))
palette = colour.quantize(16)
see_through = colour.quantize(8)

files: dict[str, tuple[bytes, Image.Image]] = {}


def add(name: str, data: bytes, expected: Image.Image | None = None) -> None:
    image = expected or Image.open(io.BytesIO(data))
    files[name] = (data, image)


def over_white(image: Image.Image) -> Image.Image:
    rgba = np.asarray(image.convert("RGBA")).astype(np.int64)
    a = rgba[:, :, 3:]
    return Image.fromarray(((rgba[:, :, :3] * a + 255 * (255 - a) + 127) // 255).astype(np.uint8))


add("rgb.png", save(colour, "PNG"))
add("grey.png", save(grey, "PNG"))
add("grey1.png", save(grey.convert("1"), "PNG"), grey.convert("1").convert("L"))
two = (np.asarray(grey) >> 6).astype(np.uint8)
packed = np.pad(two, ((0, 0), (0, -W % 4))).reshape(H, -1, 4)
packed = (packed << np.array([6, 4, 2, 0], np.uint8)).sum(-1).astype(np.uint8)
add("grey2.png", png(W, H, 2, 0, b"".join(b"\0" + r.tobytes() for r in packed)), Image.fromarray(two * 85))
add("palette.png", save(palette, "PNG"), palette.convert("RGB"))
add("palette4.png", save(palette, "PNG", bits=4), palette.convert("RGB"))
add("palette-alpha.png", save(see_through, "PNG", transparency=bytes([0, 128, 255])), None)
add("rgba.png", save(alpha, "PNG"), over_white(alpha))
add("grey-alpha.png", save(alpha.convert("LA"), "PNG"), over_white(alpha.convert("LA")))
rows = b"".join(b"\0" + r.astype(">u2").tobytes() for r in deep)
add("rgb16.png", png(W, H, 16, 2, rows), Image.fromarray((deep >> 8).astype(np.uint8)))
rows = b"".join(b"\0" + r[:, 0].astype(">u2").tobytes() for r in deep)
add("grey16.png", png(W, H, 16, 0, rows), Image.fromarray((deep[:, :, 0] >> 8).astype(np.uint8)))
add("interlaced.png", png(W, H, 8, 2, adam7(rgb), 1), colour)
keyed = np.where((rgb == rgb[3, 4]).all(-1, keepdims=True), 255, rgb).astype(np.uint8)
add("key.png", png(W, H, 8, 2, b"".join(b"\0" + r.tobytes() for r in rgb), 0, key), Image.fromarray(keyed))
add("444.jpg", save(colour, "JPEG", quality=95, subsampling=0))
add("420.jpg", save(colour, "JPEG", quality=80, subsampling=2))
add("progressive.jpg", save(colour, "JPEG", progressive=True))
add("grey.jpg", save(grey, "JPEG"))
turned = save(colour, "JPEG", exif=exif)
add("turned.jpg", turned, ImageOps.exif_transpose(Image.open(io.BytesIO(turned))))
add("lossy.webp", save(colour, "WEBP", quality=80))
add("lossless.webp", save(colour, "WEBP", lossless=True))
add("alpha.webp", save(alpha, "WEBP", lossless=True, exact=True), over_white(alpha))
add("wide.png", save(Image.fromarray(random.integers(0, 256, (9, 41, 3), dtype=np.uint8)), "PNG"))

files["palette-alpha.png"] = (files["palette-alpha.png"][0], over_white(Image.open(io.BytesIO(files["palette-alpha.png"][0]))))


def fitted(image: Image.Image, mode: str, filter: Image.Resampling) -> np.ndarray:
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    square = image.convert("RGB").convert(mode).crop((left, top, left + side, top + side))
    return np.asarray(square.resize((FIT, FIT), filter))


out = Path(sys.argv[1])
out.mkdir(parents=True, exist_ok=True)
names = list(files)
with zipfile.ZipFile(out / "images.zip", "w") as archive:
    for i, name in enumerate(names):
        method = zipfile.ZIP_DEFLATED if i % 2 else zipfile.ZIP_STORED
        archive.writestr(zipfile.ZipInfo(f"00000/{name}", (1980, 1, 1, 0, 0, 0)), files[name][0], method)
    labels = {"labels": [[f"00000/{n}", i % 3] for i, n in enumerate(names)], "classes": ["a", "b", "c"]}
    archive.writestr(zipfile.ZipInfo("dataset.json", (1980, 1, 1, 0, 0, 0)), json.dumps(labels))
for mode, stem in (("RGB", "rgb"), ("L", "grey")):
    for filter in (Image.Resampling.LANCZOS, Image.Resampling.BOX):
        stack = np.stack([fitted(files[n][1], mode, filter) for n in names])
        np.savez_compressed(out / f"expected-{stem}-{filter.name.lower()}.npz", images=stack)
native = {n: np.asarray(files[n][1].convert("RGB")) for n in names}
np.savez_compressed(out / "expected-native.npz", **native)
