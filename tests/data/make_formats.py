#!/usr/bin/env python3
"""Makes tests/fixtures/data/formats.zip: small images of the kinds that programs write, and Pillow's pixels of them.

python tests/data/make_formats.py tests/fixtures/data/formats.zip

For each image NAME the zip has NAME.rgba, what Pillow gives: upright, as RGBA, row after row; expected.json has the
sizes. Of 16-bit grey the upper eight bits stand there, since Pillow's own conversion cuts all from 256 on to white.
"""

import io
import json
import re
import struct
import sys
import zipfile
import zlib

import numpy as np
from PIL import Image, ImageOps, PngImagePlugin

random = np.random.default_rng(0)
W, H = 21, 13
yy, xx = np.mgrid[0:H, 0:W]
rgb = np.stack([(xx * 12) % 256, (yy * 19) % 256, ((xx + yy) * 7) % 256], -1).astype(np.uint8)
rgb[3:7, 4:9] = (250, 10, 30)
noise = random.integers(0, 256, (H, W, 3), dtype=np.uint8)
alpha = ((xx * 11 + yy * 3) % 256).astype(np.uint8)
RGB = Image.fromarray(rgb)
GREY = RGB.convert("L")
RGBA = Image.fromarray(np.dstack([rgb, alpha]))
LA = Image.merge("LA", (GREY, Image.fromarray(alpha)))
PALETTE = RGB.quantize(16)
MANY = Image.fromarray(noise).quantize(250)
ONE = GREY.point(lambda v: 255 * (v > 90)).convert("1")
CMYK = Image.frombytes("CMYK", (W, H), np.dstack([rgb, alpha // 2]).tobytes())
DEEP = Image.fromarray(np.asarray(GREY).astype(np.uint16) * 257 + 13)
indices = np.ascontiguousarray(np.asarray(PALETTE))

files: dict[str, bytes] = {}


def save(name: str, image: Image.Image, kind: str | None = None, **options) -> bytes:
    out = io.BytesIO()
    image.save(out, kind or {"jpg": "JPEG", "tif": "TIFF"}.get(name[-3:], name.rsplit(".", 1)[1].upper()), **options)
    files[name] = out.getvalue()
    return files[name]


# PNG: every colour, depth and filter, with and without interlacing and transparency.


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(name: str, depth: int, kind: int, rows: bytes, interlace: int = 0, extra: bytes = b"", end: bool = True):
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", W, H, depth, kind, 0, 0, interlace))
    tail = chunk(b"IDAT", zlib.compress(rows)) + (chunk(b"IEND", b"") if end else b"")
    files[name] = b"\x89PNG\r\n\x1a\n" + header + extra + tail


def filtered(array: np.ndarray, depth: int) -> bytes:
    """Rows [h, w, channels] with all five filters by turns."""
    out = b""
    step = max(1, array.shape[2] * depth // 8)
    above = np.zeros((array.shape[1] * array.shape[2] * depth + 7) // 8, np.uint8)
    for y, values in enumerate(array.reshape(len(array), -1)):
        if depth == 16:
            row = np.frombuffer(values.astype(">u2").tobytes(), np.uint8)
        else:
            bits = (values[:, None] >> np.arange(depth)[::-1]) & 1
            row = np.packbits(bits.reshape(-1).astype(np.uint8))
        shift = lambda line: np.concatenate([np.zeros(step, np.uint8), line])[: len(line)].astype(int)  # noqa: E731
        left, corner, up = shift(row), shift(above), above.astype(int)
        near = [abs(up - corner), abs(left - corner), abs(left + up - 2 * corner)]
        paeth = np.where((near[0] <= near[1]) & (near[0] <= near[2]), left, np.where(near[1] <= near[2], up, corner))
        guess = [0 * left, left, up, (left + up) // 2, paeth][y % 5]
        out += bytes([y % 5]) + ((row - guess) % 256).astype(np.uint8).tobytes()
        above = row
    return out


ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
for kind, channels in CHANNELS.items():
    for depth in (1, 2, 4, 8, 16):
        if (kind in (2, 4, 6) and depth < 8) or (kind == 3 and depth == 16):
            continue
        values = random.integers(0, 2**depth, (H, W, channels))
        colours = chunk(b"PLTE", random.integers(0, 256, 3 * 2**depth, dtype=np.uint8).tobytes()) if kind == 3 else b""
        for interlace in (0, 1):
            passes = [values[y::dy, x::dx] for x, y, dx, dy in ADAM7] if interlace else [values]
            rows = b"".join(filtered(part, depth) for part in passes)
            stem = f"png-{kind}-{depth}" + ("-interlaced" if interlace else "")
            png(f"{stem}.png", depth, kind, rows, interlace, colours)
            if kind == 3:
                png(f"{stem}-alpha.png", depth, kind, rows, interlace, colours + chunk(b"tRNS", bytes([0, 100])))
png("png-no-end.png", 8, 2, filtered(rgb, 8), end=False)
png("png-more-pixels.png", 8, 2, filtered(rgb, 8) + b"x" * 50)
png("png-short-palette.png", 2, 3, filtered(indices[:, :, None] % 4, 2), 0, chunk(b"PLTE", bytes([10, 20, 30, 200, 100, 0])))
key = chunk(b"tRNS", struct.pack(">HHH", *[int(v) for v in rgb[3, 4]]))
png("png-key.png", 8, 2, filtered(rgb, 8), 0, key)
damaged = bytearray(files["png-2-8.png"])
damaged[damaged.index(b"IEND") - 8] ^= 255
files["png-pixels-checksum.png"] = bytes(damaged)
save("png-animated.png", RGB, save_all=True, append_images=[GREY.convert("RGB")])

# Orientation, in every format that can state it.
for orientation in range(1, 9):
    exif = Image.Exif()
    exif[0x0112] = orientation
    save(f"turned-{orientation}.png", RGB, exif=exif)
    save(f"turned-{orientation}.jpg", RGB, exif=exif, quality=95)
    save(f"turned-{orientation}.webp", RGB, exif=exif, lossless=True)
    save(f"turned-{orientation}.avif", RGB, exif=exif, quality=95)
    save(f"turned-{orientation}.tif", RGB, tiffinfo={0x0112: orientation})

# Where the EXIF data are elsewhere, or XMP states the orientation.
exif = Image.Exif()
exif[0x0112] = 6
digits = "\nexif\n%8d\n" % len(exif.tobytes()) + "\n".join(re.findall(".{1,72}", exif.tobytes().hex())) + "\n"
for packed in (False, True):
    text = PngImagePlugin.PngInfo()
    text.add_text("Raw profile type exif", digits, zip=packed)
    save(f"turned-text-{packed}.png", RGB, pnginfo=text)
turned = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="8"/>'
text = PngImagePlugin.PngInfo()
text.add_itxt("XML:com.adobe.xmp", turned.decode(), zip=True)
save("turned-xmp.png", RGB, pnginfo=text)
save("turned-xmp.jpg", RGB, xmp=turned, quality=95)
save("turned-xmp.webp", RGB, xmp=turned, lossless=True)
save("turned-xmp.tif", RGB, tiffinfo={700: turned.replace(b'="8"/>', b">3</tiff:Orientation>")})
save("turned-exif-before-xmp.jpg", RGB, xmp=turned, exif=exif, quality=95)
plain = save("turned-long.jpg", RGB, quality=95)
for name, states in {"long": [(4, b"\0\0\0\6")], "byte": [(1, b"\6\0\0\0")], "first-of-two": [(3, b"\0\6\0\0"), (3, b"\0\3\0\0")]}.items():
    segments = b""
    for kind, value in states:
        body = b"Exif\0\0MM\0*\0\0\0\10\0\1\1\x12" + struct.pack(">HI", kind, 1) + value + bytes(4)
        segments += b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body
    files[f"turned-{name}.jpg"] = plain[:2] + segments + plain[2:]

# BMP.


def bmp(name: str, bits: int, compression: int, palette: bytes, data: bytes, masks: bytes = b"", header=40, height=H):
    if header == 12:
        head = struct.pack("<IHHHH", 12, W, height, 1, bits)
    else:
        sizes = (header, W, height, 1, bits, compression, len(data), 2835, 2835, len(palette) // 4, 0)
        head = struct.pack("<IiiHHIIiiII", *sizes) + masks.ljust(max(0, header - 40), b"\0")
    start = 14 + len(head) + len(palette)
    files[name] = b"BM" + struct.pack("<IHHI", start + len(data), 0, 0, start) + head + palette + data


def lines(array: np.ndarray, top_down: bool = False) -> bytes:
    rows = [row.tobytes() for row in (array if top_down else array[::-1])]
    return b"".join(row + b"\0" * (-len(row) % 4) for row in rows)


for name, image in {"rgb": RGB, "grey": GREY, "palette": PALETTE, "many": MANY, "one": ONE, "rgba": RGBA}.items():
    save(f"bmp-{name}.bmp", image)
bgr = np.ascontiguousarray(rgb[:, :, ::-1])
bgra = np.dstack([bgr, alpha])
mask = lambda *values: struct.pack(f"<{len(values)}I", *values)  # noqa: E731
wide = rgb.astype(np.uint16)
five = (wide[..., 0] >> 3 << 10) | (wide[..., 1] >> 3 << 5) | (wide[..., 2] >> 3)
six = (wide[..., 0] >> 3 << 11) | (wide[..., 1] >> 2 << 5) | (wide[..., 2] >> 3)
table = np.array(PALETTE.getpalette()[:48]).reshape(-1, 3)
table4 = b"".join(bytes([b, g, r, 0]) for r, g, b in table).ljust(64, b"\0")
table3 = b"".join(bytes([b, g, r]) for r, g, b in table).ljust(768, b"\0")
nibbles = np.pad(indices, ((0, 0), (0, W % 2)))
nibbles = np.ascontiguousarray((nibbles[:, 0::2] << 4) | nibbles[:, 1::2])
bmp("bmp-top-down.bmp", 24, 0, b"", lines(bgr, True), height=-H)
bmp("bmp-32.bmp", 32, 0, b"", lines(bgra))
bmp("bmp-32-masks.bmp", 32, 3, b"", lines(bgra), mask(0xFF0000, 0xFF00, 0xFF))
bmp("bmp-32-alpha-v4.bmp", 32, 3, b"", lines(bgra), mask(0xFF0000, 0xFF00, 0xFF, 0xFF000000), 108)
bmp("bmp-32-alpha-v5.bmp", 32, 3, b"", lines(bgra), mask(0xFF, 0xFF00, 0xFF0000, 0xFF000000), 124)
bmp("bmp-555.bmp", 16, 0, b"", lines(five))
bmp("bmp-565.bmp", 16, 3, b"", lines(six), mask(0xF800, 0x7E0, 0x1F))
bmp("bmp-4.bmp", 4, 0, table4, lines(nibbles))
bmp("bmp-8-short-palette.bmp", 8, 0, table4, lines(indices))
bmp("bmp-1-colours.bmp", 1, 0, bytes([10, 20, 200, 0, 250, 240, 0, 0]), lines(np.packbits(np.asarray(ONE), axis=1)))
bmp("bmp-os2-8.bmp", 8, 0, table3, lines(indices), header=12)
bmp("bmp-os2-24.bmp", 24, 0, b"", lines(bgr), header=12)


def run_lengths(bits: int) -> bytes:
    """Runs, stretches as they are, ends of rows, the end."""
    out = b""
    for row in indices[::-1]:
        at = 0
        while at < W:
            run = 1
            while at + run < W and row[at + run] == row[at]:
                run += 1
            part = row[at : at + 5]
            if run < 3 and len(part) == 5:
                out += bytes([0, 5])
                out += part.tobytes() + b"\0" if bits == 8 else bytes([part[0] << 4 | part[1], part[2] << 4 | part[3], part[4] << 4, 0])
                at += 5
            else:
                out += bytes([run, row[at] if bits == 8 else row[at] * 17])
                at += run
        out += b"\0\0"
    return out + b"\0\1"


bmp("bmp-rle8.bmp", 8, 1, table4, run_lengths(8))
bmp("bmp-rle4.bmp", 4, 2, table4, run_lengths(4))

# GIF.


def gif(name: str, screen: tuple[int, int], frames: list, palette: bytes = b"", trailer: bool = True):
    """Frames (x, y, indices, own palette, transparent index, interlaced), each pixel a code of its own."""
    size = lambda colours: 0x80 | (len(colours) // 3).bit_length() - 2 if colours else 0  # noqa: E731
    out = b"GIF89a" + struct.pack("<HHBBB", *screen, size(palette), 5, 0) + palette
    for x, y, pixels, own, transparent, interlaced in frames:
        if transparent is not None:
            out += b"\x21\xf9\x04" + struct.pack("<BHBB", 1, 10, transparent, 0)
        h, w = pixels.shape
        out += b"\x2c" + struct.pack("<HHHHB", x, y, w, h, size(own) | (0x40 if interlaced else 0)) + own
        order = [*range(0, h, 8), *range(4, h, 8), *range(2, h, 4), *range(1, h, 2)] if interlaced else range(h)
        codes = [256]
        for i, value in enumerate(pixels[list(order)].reshape(-1)):
            codes += [int(value)] + ([256] if i % 200 == 199 else [])
        bits = "".join(format(code, "09b")[::-1] for code in [*codes, 257])
        data = np.packbits([int(b) for b in bits], bitorder="little").tobytes()
        out += b"\x08" + b"".join(bytes([len(data[i : i + 255])]) + data[i : i + 255] for i in range(0, len(data), 255)) + b"\0"
    files[name] = out + (b";" if trailer else b"")


for name, image in {"palette": PALETTE, "many": MANY, "grey": GREY, "one": ONE, "rgba": RGBA}.items():
    save(f"gif-{name}.gif", image)
save("gif-interlaced.gif", PALETTE, interlace=True)
save("gif-transparent.gif", PALETTE, transparency=3)
save("gif-animated.gif", PALETTE, save_all=True, append_images=[MANY], loop=0)
shared = np.asarray(PALETTE.getpalette()[:48], np.uint8).tobytes()
own = random.integers(0, 256, 48, dtype=np.uint8).tobytes()
gif("gif-own-palette.gif", (W, H), [(0, 0, indices, own, None, False)], shared)
gif("gif-only-own-palette.gif", (W, H), [(0, 0, indices, own, None, False)])
gif("gif-no-palette.gif", (W, H), [(0, 0, indices, b"", None, False)])
gif("gif-offset.gif", (W + 6, H + 5), [(4, 3, indices, b"", None, False)], shared)
gif("gif-offset-transparent.gif", (W + 6, H + 5), [(4, 3, indices, b"", 2, False)], shared)
gif("gif-beyond-screen.gif", (W - 6, H - 5), [(2, 1, indices, b"", None, False)], shared)
gif("gif-two-frames.gif", (W, H), [(0, 0, indices, own, 3, True), (1, 1, indices, own, 3, True)], shared)
gif("gif-no-trailer.gif", (W, H), [(0, 0, indices, b"", None, False)], shared, False)

# TIFF.
KINDS = {"rgb": RGB, "grey": GREY, "rgba": RGBA, "la": LA, "palette": PALETTE, "many": MANY, "one": ONE, "cmyk": CMYK, "deep": DEEP}
for name, image in KINDS.items():
    save(f"tif-{name}.tif", image)
for compression in ("tiff_lzw", "tiff_adobe_deflate", "packbits"):
    for name in ("rgb", "palette", "one", "deep", "cmyk"):
        save(f"tif-{compression}-{name}.tif", KINDS[name], compression=compression)
for compression in ("tiff_lzw", "tiff_adobe_deflate"):
    save(f"tif-{compression}-differences.tif", RGB, compression=compression, tiffinfo={317: 2})
for name in ("rgb", "grey", "cmyk"):
    save(f"tif-jpeg-{name}.tif", KINDS[name], compression="jpeg")
save("tif-long-lzw.tif", Image.fromarray(random.integers(0, 256, (90, 80, 3), dtype=np.uint8)), compression="tiff_lzw")
save("tif-pages.tif", RGB, save_all=True, append_images=[GREY])
save("tif-strips.tif", RGB, compression="tiff_lzw", strip_size=126)
save("tif-big.tif", RGB, big_tiff=True)
wide = (noise[:, :, 0].astype(np.int32) - 20) * 2
save("tif-whole-32.tif", Image.fromarray(wide))
save("tif-float.tif", Image.fromarray(wide.astype(np.float32) + 0.6))


def tiff(name: str, order: str, bits: int, colours: int, samples: int, parts: list[bytes], **more: int):
    tags = {256: (4, [W]), 257: (4, [H]), 258: (3, [bits] * samples), 259: (3, [1]), 262: (3, [colours])}
    tags |= {277: (3, [samples]), 278: (4, [H]), 273: (4, [0] * len(parts)), 279: (4, [len(p) for p in parts])}
    tags |= {int(tag[1:]): (3, [value]) for tag, value in more.items()}
    start = 8 + 2 + 12 * len(tags) + 4
    tags[273] = (4, [start + sum(len(p) for p in parts[:i]) for i in range(len(parts))])
    data = b"".join(parts)
    entries = b""
    for tag in sorted(tags):
        kind, values = tags[tag]
        raw = struct.pack(f"{order}{len(values)}{'H' if kind == 3 else 'I'}", *values)
        if len(raw) > 4:
            raw, data = struct.pack(f"{order}I", start + len(data)), data + raw
        entries += struct.pack(f"{order}HHI", tag, kind, len(values)) + raw.ljust(4, b"\0")
    magic = b"II*\0" if order == "<" else b"MM\0*"
    files[name] = magic + struct.pack(f"{order}IH", 8, len(tags)) + entries + b"\0" * 4 + data


for order, stem in (("<", "little"), (">", "big")):
    word = f"{order}u2"
    tiff(f"tif-{stem}-rgb16.tif", order, 16, 2, 3, [(noise.astype(np.uint16) * 257).astype(word).tobytes()])
    tiff(f"tif-{stem}-grey16.tif", order, 16, 1, 1, [(alpha.astype(np.uint16) * 257 + 5).astype(word).tobytes()])
    tiff(f"tif-{stem}-planes.tif", order, 8, 2, 3, [rgb[:, :, c].tobytes() for c in range(3)], t284=2)
    tiff(f"tif-{stem}-white-is-0.tif", order, 8, 0, 1, [alpha.tobytes()])
    tiff(f"tif-{stem}-grey4.tif", order, 4, 1, 1, [nibbles.tobytes()])
    tiff(f"tif-{stem}-one-white-is-0.tif", order, 1, 0, 1, [np.packbits(np.asarray(ONE), axis=1).tobytes()])
    tiff(f"tif-{stem}-alpha.tif", order, 8, 2, 4, [np.dstack([rgb, alpha]).tobytes()], t338=2)
    part = (rgb * (alpha[..., None] / 255)).astype(np.uint8)
    tiff(f"tif-{stem}-alpha-multiplied.tif", order, 8, 2, 4, [np.dstack([part, alpha]).tobytes()], t338=1)
    tiff(f"tif-{stem}-no-alpha.tif", order, 8, 2, 4, [np.dstack([rgb, alpha]).tobytes()], t338=0)

# JPEG.
save("jpg-colour.jpg", RGB, quality=90)
save("jpg-cmyk-small.jpg", CMYK, quality=95)
smooth = Image.frombytes("RGBA", (9, 7), random.integers(0, 256, 252, dtype=np.uint8).tobytes()).resize((90, 70)).tobytes()
inks = Image.frombytes("CMYK", (90, 70), smooth)
save("jpg-cmyk-progressive.jpg", inks, quality=90, progressive=True)
cmyk = save("jpg-cmyk.jpg", inks, quality=90)
at = cmyk.index(b"Adobe")
files["jpg-ycck.jpg"] = cmyk[: at + 11] + b"\2" + cmyk[at + 12 :]
at = cmyk.index(b"\xff\xee")
files["jpg-cmyk-no-adobe.jpg"] = cmyk[:at] + cmyk[at + 16 :]
small = inks.crop((20, 20, 63, 49))
for factors in ("4:2:2", "4:2:0"):
    part = save(f"jpg-cmyk-{factors.replace(':', '')}.jpg", small, quality=90, subsampling=factors)
    at = part.index(b"Adobe")
    files[f"jpg-ycck-{factors.replace(':', '')}.jpg"] = part[: at + 11] + b"\2" + part[at + 12 :]
save("jpg-cmyk-420-progressive.jpg", small, quality=90, subsampling="4:2:0", progressive=True)
for at in (part.index(b"\xff\xc0"), part.index(b"\xff\xc4"), part.index(b"\xff\xda")):
    files[f"jpg-cmyk-stray-{at}.jpg"] = part[:at] + b"AB\0\xff\0" + part[at:]
colour = files["jpg-colour.jpg"]
files["jpg-empty-segment.jpg"] = colour[:2] + b"\xff\xe5\0\0" + colour[2:]
at = colour.index(b"\xff\xc0")
files["jpg-stray-zeros.jpg"] = colour[:at] + bytes(11) + colour[at:]
files["jpg-stray-marker.jpg"] = colour[:at] + b"\xff\0" + colour[at:]
save("jpg-two-pictures.jpg", RGB, "MPO", save_all=True, append_images=[GREY.convert("RGB")])

# WebP and AVIF.
save("webp-animated.webp", RGBA, save_all=True, append_images=[RGB], lossless=True)
save("webp-animated-lossy.webp", RGBA, save_all=True, append_images=[RGB], quality=90)
save("avif-colour.avif", RGB, quality=95)
save("avif-alpha.avif", RGBA, quality=95)
save("avif-animated.avif", RGB, save_all=True, append_images=[GREY.convert("RGB")])

expected = {}
with zipfile.ZipFile(sys.argv[1], "w", zipfile.ZIP_DEFLATED) as archive:
    add = lambda name, data: archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data, zipfile.ZIP_DEFLATED)  # noqa: E731
    for name, data in files.items():
        image = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
        if image.mode.startswith("I;16"):
            image = Image.fromarray((np.asarray(image).astype(np.uint16) >> 8).astype(np.uint8))
        pixels = np.asarray(image.convert("RGBA"))
        expected[name] = [pixels.shape[1], pixels.shape[0]]
        add(name, data)
        add(f"{name}.rgba", pixels.tobytes())
    add("expected.json", json.dumps(expected))
print(len(files), "images")
