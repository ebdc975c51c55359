"""What comes back from a GPU run, and how a new machine takes it up: one zip a pair, summary.json, run.log."""

import io
import json
import os
import zipfile

import parts

FILE_LIMIT = 16 * 2**20 - 2**16


class Results:
    """The part of run.py's Runner that packs and unpacks its state."""

    def collect(self) -> None:
        """One zip a pair, summary.json and run.log, from the state; each file whole at any moment."""
        out = self.args.out
        os.makedirs(out, exist_ok=True)
        summary = dict(
            steps=self.records,
            allotted={k: round(v, 2) for k, v in self.allotted.items()},
            models={},
            machine=self.machine,
            reader="unpack, or: innate-train publish PAIR.zip ... --weights public/models",
        )
        for pair in dict.fromkeys(s.pair for s in self.steps):
            files = []
            for step in [s for s in self.steps if s.pair == pair]:
                files += self.files_of(step, summary)
            if files:
                write_zip(os.path.join(out, f"{pair}.zip"), files, self.say)
        write_json(os.path.join(out, "summary.json"), summary)
        log = self.path("run.log")
        if os.path.isfile(log):
            with open(log, "rb") as f:
                parts.write(os.path.join(out, "run.log"), f.read()[-FILE_LIMIT:])

    def files_of(self, step, summary) -> list[tuple[str, bytes]]:
        """(name in the zip, bytes), the important first."""
        from innate_training.export import export

        files, run = [], self.path("runs", step.name)
        record = self.records.get(step.name)
        if record is None:
            return files
        files.append((f"{step.name}.step.json", json.dumps(record).encode()))
        ready, entry = self.ready(step.name), read_json(self.path("runs", "ready", f"{step.name}.json"))
        if record.get("done") and entry:
            path = ready
            if step.task == "student":  # as a difference to the teacher in the same zip
                path = self.path("delta", f"{step.name}.safetensors")
                export(ready, path, delta_of=step.recipe.teacher, teacher_path=self.ready(step.recipe.teacher))
            files += [(f"{step.name}.safetensors", read(path)), (f"{step.name}.json", json.dumps(entry).encode())]
            summary["models"][step.name] = dict(
                quality=entry["quality"], provenance=entry["provenance"], bytes=len(files[1][1])
            )
            files.append((f"{step.name}.webp", webp(self.path("runs", "ready", f"{step.name}.png"))))
        elif os.path.isfile(os.path.join(run, "ema.safetensors")):
            path = self.path("delta", f"{step.name}.part.safetensors")
            export(os.path.join(run, "ema.safetensors"), path)
            files.append((f"{step.name}.part", read(path)))
        if os.path.isfile(os.path.join(run, "log.jsonl")):
            files.append((f"{step.name}.log.jsonl", read(os.path.join(run, "log.jsonl"))[-(2**20) :]))
        return files

    def take_up(self, folder) -> None:
        """Results of an earlier machine, where this one knows nothing of the step yet."""
        from innate_training.export import export

        for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
            if not name.endswith(".zip"):
                continue
            with zipfile.ZipFile(os.path.join(folder, name)) as z:
                names = set(z.namelist())
                for step in self.steps:
                    if step.name in self.records or f"{step.name}.step.json" not in names:
                        continue
                    record = json.loads(z.read(f"{step.name}.step.json"))
                    if f"{step.name}.safetensors" in names and record.get("done"):
                        inside = self.path("delta", f"{step.name}.safetensors")
                        save(inside, z.read(f"{step.name}.safetensors"))
                        if step.task == "teacher":
                            save(self.ready(step.name), z.read(f"{step.name}.safetensors"))
                        else:
                            export(
                                inside,
                                self.ready(step.name),
                                teachers={step.recipe.teacher: self.ready(step.recipe.teacher)},
                            )
                        save(self.path("runs", "ready", f"{step.name}.json"), z.read(f"{step.name}.json"))
                        if f"{step.name}.webp" in names:
                            save(self.path("runs", "ready", f"{step.name}.png"), png(z.read(f"{step.name}.webp")))
                    elif f"{step.name}.part" in names:
                        save(self.path("runs", step.name, "ema.safetensors"), z.read(f"{step.name}.part"))
                        record.pop("done", None)
                    else:
                        continue
                    self.record(step.name, **record)
                    self.say(f"{step.name}: taken up from {name}{' (done)' if record.get('done') else ''}")


def read(path) -> bytes:
    with open(path, "rb") as f:
        return f.read()


def save(path, blob) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    parts.write(path, blob)


def read_json(path) -> dict | None:
    try:
        return json.loads(read(path))
    except FileNotFoundError:
        return None


def write_json(path, value) -> None:
    save(path, (json.dumps(value, indent=1) + "\n").encode())


def webp(path) -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    Image.open(path).save(buffer, "WEBP", quality=90)
    return buffer.getvalue()


def png(blob) -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    Image.open(io.BytesIO(blob)).save(buffer, "PNG")
    return buffer.getvalue()


def write_zip(path, files, say) -> None:
    total = 0
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as z:
        for name, blob in files:
            if total + len(blob) + 4096 > FILE_LIMIT:
                say(f"{os.path.basename(path)}: no room for {name}")
                continue
            z.writestr(name, blob)
            total += len(blob) + 512
    parts.write(path, buffer.getvalue())
