"""What of a network keeps its teacher's values: a level of the public code, or globs over parameter names."""

import re

import torch

from .errors import UserError
from .precond import FREEZE_LEVELS, frozen_at

METHODS = ("gdd", "gdd-i", "imitation", "cd")


def freeze(net, method, choice=None) -> list[torch.nn.Parameter]:
    """Trainable parameters by method, by level or by globs. The layer of training-time augmentation gets no gradient.
    Autograd's graph begins at the lowest parameter that trains: a wholly frozen encoder has no backward pass."""
    if method not in METHODS:
        raise UserError(f"unknown method {method!r}; known: {', '.join(METHODS)}")
    frozen = set(frozen_by(net, freeze_choice(method, choice)))
    if frozen.issuperset(trainable_names(net)):
        raise UserError(f"freeze is {choice!r}: everything is frozen, nothing would train")
    for name, p in net.named_parameters():
        p.requires_grad_(name not in frozen)
    return [p for p in net.parameters() if p.requires_grad]


def freeze_choice(method, choice) -> int | list[str]:
    """A level, or globs; the method's own level where nothing is chosen."""
    if choice is None:
        return int(method == "gdd-i")
    globs = choice.split(",") if isinstance(choice, str) else choice
    if isinstance(globs, list) and all(isinstance(glob, str) and glob.strip() for glob in globs):
        globs = [glob.strip() for glob in globs]
        if len(globs) == 1 and globs[0].isdigit():
            globs = int(globs[0])
        elif globs and not any(re.fullmatch(r"[-+.\d]+", glob) for glob in globs):
            return globs
    if isinstance(globs, int) and not isinstance(globs, bool) and globs in range(len(FREEZE_LEVELS)):
        return globs
    raise UserError(
        f"freeze is {choice!r}; it must be a level from 0 to {len(FREEZE_LEVELS) - 1}, "
        "or globs over parameter names such as 'enc.*,map_*'"
    )


def freeze_card(net, method, choice) -> dict[str, str]:
    """What of a network trains, as the text fields of a student's file."""
    choice = freeze_choice(method, choice)
    frozen = set(frozen_by(net, choice))
    counts = {name: net.get_parameter(name).numel() for name in trainable_names(net)}
    trained = sum(n for name, n in counts.items() if name not in frozen)
    total = sum(counts.values())
    return {
        "freeze": str(choice) if isinstance(choice, int) else ",".join(choice),
        "trained_parameters": f"{trained / total:.4f}",  # the share
        "trained_count": str(trained),
        "frozen_count": str(total - trained),
    }


def frozen_by(net, choice) -> list[str]:
    """Parameters that a level freezes, or globs over names, inside blocks and outside."""
    if isinstance(choice, int):
        return frozen_at(net, choice)
    return match_globs(choice, trainable_names(net))


def trainable_names(net) -> list[str]:
    """Parameters that distillation may train: all but the layer of training-time augmentation."""
    return [name for name, _ in net.named_parameters() if "map_augment" not in name]


def match_globs(globs, names) -> list[str]:
    """Names that at least one glob matches: * stands for any characters, dots too, ? for one; "model." may be left out.
    A glob that matches none is an error: mistyped, it would freeze nothing and nobody would notice."""
    matched = set()
    for glob in globs:
        body = re.escape(glob).replace(r"\*", ".*").replace(r"\?", ".")
        found = [name for name in names if re.fullmatch(rf"(?:model\.)?{body}", name)]
        if not found:
            near = ", ".join(near_names(glob, names))
            raise UserError(f"freeze: no parameter has a name like {glob!r}; there are names such as {near}")
        matched.update(found)
    return [name for name in names if name in matched]


def near_names(glob, names, count=3) -> list[str]:
    """The names that share most with a glob, by pairs of characters; each layer once."""

    def pairs(text) -> set[str]:
        return {a + b for a, b in zip(text, text[1:]) if " " not in a + b}

    wanted, layers = pairs(re.sub(r"[*?]+", " ", glob).lower()), {}
    for name in (name.removeprefix("model.") for name in names):
        own = pairs(name.lower())
        score = 2 * len(wanted & own) / max(1, len(wanted) + len(own))
        layer = name.rpartition(".")[0]
        if layer not in layers or score > layers[layer][0]:
            layers[layer] = (score, name)
    best = sorted(layers.values(), key=lambda of: -of[0])
    return [name for _, name in best[:count]]
