"""Files in parts with checksums, for uploads that are limited in size.

    python3 training/gpu/parts.py pack --out training/gpu/parts FILE... [--part 20] [--load 40]
    python3 training/gpu/parts.py join training/gpu/parts TARGET

`pack` cuts each file into NAME.000, NAME.001, ... of at most `--part` MiB, writes manifest.json, and groups the parts
into loads of at most `--load` MiB in the order given. `join` puts together whatever has arrived whole; it says what is
missing or damaged, and may be called again.
"""

import argparse
import hashlib
import json
import os
import sys

MANIFEST = "manifest.json"


def digest(path) -> str:
    with open(path, "rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


def write(path, blob) -> None:
    temporary = f"{path}.{os.getpid()}.tmp"
    with open(temporary, "wb") as f:
        f.write(blob)
        f.flush()
        os.fsync(f.fileno())
    os.replace(temporary, path)


def pack(files, out, part=20 * 2**20, load=40 * 2**20) -> dict:
    """Returns the manifest: files with their parts, and the loads."""
    if part > load:
        raise ValueError("a part must fit into a load")
    os.makedirs(out, exist_ok=True)
    table, loads, room = [], [], 0
    for path in files:
        name = os.path.basename(path)
        if any(entry["name"] == name for entry in table):
            raise ValueError(f"two files are named {name}")
        entry = dict(name=name, bytes=os.path.getsize(path), sha256=digest(path), parts=[])
        with open(path, "rb") as f:
            for i, blob in enumerate(iter(lambda: f.read(part), b"")):
                piece = f"{name}.{i:03d}"
                write(os.path.join(out, piece), blob)
                entry["parts"].append(dict(name=piece, bytes=len(blob), sha256=hashlib.sha256(blob).hexdigest()))
                if not loads or len(blob) > room:
                    loads.append([])
                    room = load
                loads[-1].append(piece)
                room -= len(blob)
        table.append(entry)
    manifest = dict(version=1, files=table, loads=loads)
    write(os.path.join(out, MANIFEST), (json.dumps(manifest, indent=1) + "\n").encode())
    return manifest


def join(parts, target) -> tuple[list[str], list[str]]:
    """(names that are whole in `target`, lines about what is not)."""
    try:
        with open(os.path.join(parts, MANIFEST)) as f:
            manifest = json.load(f)
    except FileNotFoundError:
        return [], [f"{parts}: no {MANIFEST}"]
    os.makedirs(target, exist_ok=True)
    whole, said = [], []
    for entry in manifest["files"]:
        name, path = entry["name"], os.path.join(target, entry["name"])
        if os.path.basename(name) != name or any(os.path.basename(p["name"]) != p["name"] for p in entry["parts"]):
            raise ValueError(f"{parts}/{MANIFEST}: {name!r} is not a plain file name")
        if os.path.isfile(path) and os.path.getsize(path) == entry["bytes"]:
            whole.append(name)  # it was renamed into place after its checksum had been compared
            continue
        blobs, wrong = [], []
        for part in entry["parts"]:
            try:
                with open(os.path.join(parts, part["name"]), "rb") as f:
                    blob = f.read()
            except FileNotFoundError:
                wrong.append(f"{part['name']} is not here yet")
                continue
            if hashlib.sha256(blob).hexdigest() != part["sha256"]:
                wrong.append(f"{part['name']} is damaged")
            blobs.append(blob)
        blob = b"".join(blobs)
        if not wrong and hashlib.sha256(blob).hexdigest() != entry["sha256"]:
            wrong.append(f"{name}: the parts do not make up the file")
        if wrong:
            said += wrong
        else:
            write(path, blob)
            whole.append(name)
    return whole, said


def main(argv=None) -> int | None:
    p = argparse.ArgumentParser(description="Pack files into parts with checksums, and join them again.")
    commands = p.add_subparsers(dest="command", required=True)
    c = commands.add_parser("pack")
    c.add_argument("files", nargs="+")
    c.add_argument("--out", required=True)
    c.add_argument("--part", type=float, default=20.0, help="MiB of a part at most")
    c.add_argument("--load", type=float, default=40.0, help="MiB of one upload at most")
    c = commands.add_parser("join")
    c.add_argument("parts")
    c.add_argument("target")
    args = p.parse_args(argv)
    try:
        if args.command == "pack":
            manifest = pack(args.files, args.out, int(args.part * 2**20), int(args.load * 2**20))
            for i, load in enumerate(manifest["loads"]):
                print(f"upload {i + 1}: {MANIFEST} {' '.join(load)}")
            return 0
        whole, said = join(args.parts, args.target)
        print("\n".join([f"{name}: whole" for name in whole] + said))
        return 1 if said else 0
    except (OSError, ValueError) as error:
        print(f"parts: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
