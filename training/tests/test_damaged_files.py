"""What crashes leave behind, and files that are not what they say: a message that names the file, never a traceback."""

import json
import os
import struct

import pytest
import torch

from innate_training import checkpoint, json_lines
from innate_training.assemble import Setup
from innate_training.checkpoint import read_metadata, read_safetensors, write_safetensors
from innate_training.distributed import World
from innate_training.errors import UserError
from innate_training.queue import run_queue
from innate_training.run_folder import RunFolder

TORN = '{"step": "cifar10-32x32-teacher", "rou'


def test_the_queue_goes_on_after_a_line_cut_short(tmp_path, capsys) -> None:
    """What was whole counts; the next line does not become part of the torn one."""
    plan = tmp_path / "plan.toml"
    plan.write_text('steps = ["cifar10-32x32-teacher"]\nrounds = 1\n')
    setup = Setup(World(), tmp_path, tmp_path / "runs", dtype="f32")
    journal = tmp_path / "runs" / "queue.jsonl"
    line = dict(step="cifar10-32x32-teacher", round=1, ended=False, why="out of time", images=64, minutes=3.0)
    json_lines.append(journal, line)
    with open(journal, "a") as f:
        f.write(TORN)

    def planned() -> str:
        run_queue(setup, 10_000, plan, dry_run=True)
        return capsys.readouterr().out

    before = planned()
    assert "0 of" in before and "done" not in before
    json_lines.append(journal, {**line, "minutes": 4.0})
    assert [r["minutes"] for r in json_lines.read(journal)] == [3.0, 4.0]
    minutes = [int(said.split("up to ")[1].split(" ")[0]) for said in (before, planned())]
    assert minutes[0] - minutes[1] == 1  # of the step's minutes, three were spent, then four
    json_lines.append(journal, {**line, "ended": True})
    assert "done" in planned()


def test_a_log_goes_on_after_a_line_cut_short(tmp_path) -> None:
    folder = RunFolder(tmp_path / "run")
    assert folder.read_log() == []
    folder.log(dict(images=32))
    with open(folder.file("log.jsonl"), "ab") as f:
        f.write(b'{"images": 64, "why": "\xff')
    folder.log(dict(images=64))
    assert [r["images"] for r in folder.read_log()] == [32, 64]
    with open(folder.file("log.jsonl"), "a") as f:
        f.write("\n7\n[]\n\0\0\0\n")  # no records
    assert [r["images"] for r in folder.read_log()] == [32, 64]


def entry(begin, end, shape=(2,), dtype="F32") -> dict:
    return dict(dtype=dtype, shape=list(shape), data_offsets=[begin, end])


def without(key) -> dict:
    return {k: v for k, v in entry(0, 8).items() if k != key}


HOSTILE = {
    "no offsets": ({"a": without("data_offsets")}, 8, "tensor 'a': expected .*data_offsets"),
    "no shape": ({"a": without("shape")}, 8, "tensor 'a': expected .*shape"),
    "no dtype": ({"a": without("dtype")}, 8, "tensor 'a': expected a dtype"),
    "one offset": ({"a": {**entry(0, 8), "data_offsets": [0]}}, 8, "two data_offsets"),
    "offsets that are no numbers": ({"a": {**entry(0, 8), "data_offsets": ["0", 8]}}, 8, "two data_offsets"),
    "offsets with a fraction": ({"a": {**entry(0, 8), "data_offsets": [0, 8.0]}}, 8, "two data_offsets"),
    "offsets before the data": ({"a": entry(-8, 0)}, 8, "two data_offsets"),
    "an entry that is no object": ({"a": [1, 2]}, 8, r"two data_offsets, found \[1, 2\]"),
    "a shape of less than nothing": ({"a": entry(0, 8, [-1, -2])}, 8, "a shape"),
    "a shape beyond torch": ({"a": entry(0, 0, [0, 2**62, 2**62])}, 0, "a shape"),
    "an unknown dtype": ({"a": entry(0, 2, dtype="F8_E4M3")}, 2, "expected a dtype among .*found 'F8_E4M3'"),
    "a dtype that is no text": ({"a": {**entry(0, 8), "dtype": ["F32"]}}, 8, "expected a dtype"),
    "fewer bytes than the shape": ({"a": entry(0, 4)}, 4, r"expected 8 bytes of F32 \[2\], found 4"),
    "an end before the beginning": ({"a": entry(8, 0)}, 8, "expected 8 bytes .*found -8"),
    "tensors that overlap": ({"a": entry(0, 8), "b": entry(4, 12)}, 12, "'b' overlaps the one before"),
    "the same bytes twice": ({"a": entry(0, 8), "b": entry(0, 8)}, 8, "'b' overlaps the one before"),
    "a hole": ({"a": entry(0, 8), "b": entry(12, 20)}, 20, "'b' leaves a hole"),
    "an end beyond the file": ({"a": entry(0, 8)}, 7, "cut short: expected .* found"),
    "more than it says": ({"a": entry(0, 8)}, 9, "longer than its header says"),
    "a header that is no object": ([1, 2], 0, r"an object, found \[1, 2\]"),
    "metadata that are no object": ({"__metadata__": [1]}, 0, "metadata"),
    "metadata that are no texts": ({"__metadata__": {"sigma": 2.5}}, 0, "metadata"),
}


def safetensors_file(path, header, data) -> None:
    head = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(head)) + head + bytes(data))


@pytest.mark.parametrize("what", HOSTILE)
def test_a_header_is_checked_before_it_is_believed(tmp_path, what) -> None:
    header, data, why = HOSTILE[what]
    path = tmp_path / "x.safetensors"
    safetensors_file(path, header, data)
    for read in (read_safetensors, read_metadata):
        with pytest.raises(UserError, match=why) as caught:
            read(path)
        assert str(caught.value).startswith(f"{path}: ")


@pytest.mark.parametrize(
    "blob",
    [
        b"",
        b"1234567",
        struct.pack("<Q", 3) + b"{}",
        struct.pack("<Q", 2**63) + b"{}",
        struct.pack("<Q", 4) + b'{"a"',
        struct.pack("<Q", 2) + b"\xff\xfe",
        struct.pack("<Q", 200_000) + b"[" * 200_000,
    ],
    ids=["empty", "no length", "too long", "absurdly long", "half a header", "no text", "nested without end"],
)
def test_what_has_no_header_is_no_safetensors_file(tmp_path, blob) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes(blob)
    with pytest.raises(UserError, match="x.safetensors: not a safetensors file"):
        read_safetensors(path)


def test_what_the_format_allows_is_read(tmp_path) -> None:
    path = tmp_path / "x.safetensors"
    header = {
        "b": entry(8, 12, [], "I32"),
        "none": entry(8, 8, [0, 2**40], "F64"),
        "a": entry(0, 8),
        "__metadata__": None,
    }
    safetensors_file(path, header, struct.pack("<ffi", 1.5, -2, 7))
    tensors, metadata = read_safetensors(path)
    assert list(tensors) == ["b", "none", "a"] and metadata == {}
    assert tensors["a"].tolist() == [1.5, -2.0] and tensors["b"].item() == 7 and tensors["none"].shape == (0, 2**40)
    with pytest.raises(UserError, match="directory"):
        read_safetensors(tmp_path)
    with pytest.raises(UserError, match="No such file"):
        read_metadata(tmp_path / "none.safetensors")


def test_metadata_alone_costs_no_tensors(tmp_path) -> None:
    """A file of 1 TiB, all of it a hole: whoever read it would not come back."""
    path = tmp_path / "large.safetensors"
    safetensors_file(path, {"a": entry(0, 2**40, [2**38]), "__metadata__": {"images_seen": "7"}}, b"")
    try:
        os.truncate(path, path.stat().st_size + 2**40)
    except OSError:
        pytest.skip("this disk has no files with holes")
    assert read_metadata(path) == {"images_seen": "7"}


def test_a_file_that_shrinks_while_it_is_read(tmp_path) -> None:
    path = tmp_path / "x.safetensors"
    write_safetensors(path, {"a": torch.zeros(4096)})
    with open(path, "rb") as f:
        [a], _ = checkpoint.read_header(f, path)
        os.truncate(path, a.end - 1)
        with pytest.raises(UserError, match="became shorter"):
            checkpoint._read_tensor(f, a, path)
