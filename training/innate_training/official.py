"""The published .pkl checkpoints, read as data.

They are pickles of modules that carry their own source, which the official loader executes. Here a restricted
unpickler turns each persistent object into a plain record of its state and resolves nothing else: no code of
the file runs. Tensors sit in nested legacy torch blobs, which `torch.load(weights_only=True)` reads.
"""

import collections
import io
import pickle
from typing import Self

import torch

from .errors import UserError
from .precond import PRECONDS

# Of all published preconditioning classes, beside the image's size, channels and classes.
PRECOND_ARGUMENTS = ["use_fp16", "sigma_min", "sigma_max", "sigma_data", "beta_d", "beta_min"]
PRECOND_ARGUMENTS += ["M", "epsilon_t", "C_1", "C_2"]


class Record:
    """A persistent object: class name, arguments, state."""

    def __init__(self, meta) -> None:
        self.class_name, self.state = meta["class_name"], meta["state"]

    def get(self, key) -> dict:
        return self.state.get(key) or {}


class Container(Record):
    """torch's own ModuleDict and the like: no meta data, state by __setstate__."""

    def __init__(self) -> None:
        self.class_name, self.state = "container", {}

    def __setstate__(self, state) -> None:
        self.state = state


def _storage(blob) -> torch.UntypedStorage | torch.TypedStorage:
    return torch.load(io.BytesIO(blob), weights_only=True)


def _rebuild_tensor(storage, offset, size, stride, *_) -> torch.Tensor:
    raw = getattr(storage, "_untyped_storage", storage)  # `untyped()` warns about the deprecated wrapper
    return torch.tensor([], dtype=storage.dtype if raw is not storage else torch.float32).set_(
        raw, offset, size, stride
    )


class _Unpickler(pickle.Unpickler):
    ALLOWED = {
        ("torch_utils.persistence", "_reconstruct_persistent_obj"): Record,
        ("collections", "OrderedDict"): collections.OrderedDict,
        ("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor,
        ("torch._utils", "_rebuild_parameter"): lambda data, *_: data,
        ("torch.storage", "_load_from_bytes"): _storage,
        ("dnnlib.util", "EasyDict"): dict,
    }
    ALLOWED["dill._dill", "_load_type"] = lambda name: _Unpickler.PLAIN.get(name) or _placeholder("dill", name)
    PLAIN = {"set": set, "frozenset": frozenset, "dict": dict, "list": list, "tuple": tuple, "slice": slice}

    def find_class(self, module, name) -> object:
        if (module, name) in self.ALLOWED:
            return self.ALLOWED[module, name]
        if module in ("builtins", "__builtin__") and name in self.PLAIN:
            return self.PLAIN[name]
        if module == "torch" and name in ("float32", "float16", "float64", "device"):
            return getattr(torch, name)
        if module in ("torch.nn.modules.container", "torch.nn.modules.sparse"):
            return Container
        return _placeholder(module, name)


def _placeholder(module, name) -> type:
    """Something this reader has no use for (optimisers, augmentation pipes): built, never run."""

    class Ignored(dict):
        def __new__(cls, *_args, **_kw) -> Self:
            return dict.__new__(cls)

        def __init__(self, *_args, **_kw) -> None:
            super().__init__()

        def __setstate__(self, _state) -> None:
            pass

    Ignored.__name__ = f"{module}.{name}"
    return Ignored


def is_pickle(path) -> bool:
    """Whether the file is a pickle of protocol 2 to 5. A safetensors file whose header is 128 bytes modulo 256 long
    begins with a pickle's first byte too, but its ninth is the header's brace."""
    with open(path, "rb") as f:
        head = f.read(9)
    return head[:1] == b"\x80" and head[1:2] <= b"\x05" and head[6:9] != b"\0\0{"


def _collect(record, prefix, out) -> None:
    for group in ("_parameters", "_buffers"):
        for name, value in record.get(group).items():
            if isinstance(value, torch.Tensor):
                out[prefix + name] = value.detach()
    for name, child in record.get("_modules").items():
        if isinstance(child, Record):
            _collect(child, f"{prefix}{name}.", out)
        elif child is not None:
            raise UserError(f"published checkpoint: module {prefix}{name} is not understood")


def _load(path, what) -> object:
    try:
        with open(path, "rb") as f:
            return _Unpickler(f).load()
    except (pickle.UnpicklingError, EOFError, KeyError, RuntimeError) as error:
        raise UserError(f"{path}: not {what} ({error})") from None


def pickled_tensors(path) -> list[torch.Tensor]:
    """Every tensor of a pickle's dicts and modules, in order."""
    found = []

    def visit(value) -> None:
        if isinstance(value, torch.Tensor):
            found.append(value.detach())
        elif isinstance(value, Record):
            own = {}
            _collect(value, "", own)
            found.extend(own.values())
        elif isinstance(value, dict):
            for inner in value.values():
                visit(inner)

    visit(_load(path, "a pickle of tensors"))
    return found


def load_official(path) -> tuple[dict[str, torch.Tensor], dict]:
    """(tensors, architecture) of `ema` in a published checkpoint."""
    data = _load(path, "a published checkpoint")
    net = data.get("ema") if isinstance(data, dict) else None
    if not isinstance(net, Record):
        raise UserError(f"{path}: no `ema` network inside")
    kwargs = dict(net.state.get("_init_kwargs", {}))
    # Attributes of the module, or arguments: those that its formula reads. The others are ranges, and how it ran.
    known = PRECONDS.get(net.class_name)
    numbers = {k: net.state.get(k, kwargs.get(k, v)) for k, v in (known.NUMBERS if known else {}).items()}
    for name in PRECOND_ARGUMENTS:
        kwargs.pop(name, None)
    architecture = {k: kwargs.pop(k) for k in ("img_resolution", "img_channels", "label_dim") if k in kwargs}
    architecture.setdefault("label_dim", 0)
    architecture["precond"] = known.__name__ if known else net.class_name
    kwargs.update({k: v for k, v in numbers.items() if v != known.NUMBERS[k]})
    architecture["model_kwargs"] = {k: list(v) if isinstance(v, tuple) else v for k, v in kwargs.items()}
    tensors = {}
    _collect(net, "", tensors)
    return tensors, architecture
