"""Contact sheets: seeds 0, 1, 2, ... in order, nothing picked. Seeds are the page's seeds."""

import io

import torch

from . import rng
from .checkpoint import atomic_write
from .samplers import sample


def to_bytes(x) -> torch.Tensor:
    """[-1, 1] to uint8, truncating as the published generate script does."""
    return (x.float() * 127.5 + 128).clip(0, 255).to(torch.uint8)


def contact_sheet(images, columns=8) -> torch.Tensor:
    """[N, C, H, W] to one [C, rows*H, columns*W]."""
    n, c, h, w = images.shape
    rows = -(-n // columns)
    images = torch.cat([images, images.new_zeros(rows * columns - n, c, h, w)])
    return images.view(rows, columns, c, h, w).permute(2, 0, 3, 1, 4).reshape(c, rows * h, columns * w)


def write_png(path, image, enlarge=1) -> None:
    from PIL import Image

    array = image.cpu().permute(1, 2, 0).numpy()
    picture = Image.fromarray(array if array.shape[2] == 3 else array[:, :, 0])
    if enlarge > 1:
        picture = picture.resize((picture.width * enlarge, picture.height * enlarge), Image.NEAREST)
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    atomic_write(path, buffer.getvalue())


def seed_inputs(net, seeds, label=None, by_column=False) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Latents and class indices of seeds. Classes: the given one, the column's, or the seed's own."""
    z = rng.latents(seeds, (net.img_channels, net.img_resolution, net.img_resolution))
    if not net.label_dim:
        return z, None
    if label is not None:
        classes = [label] * len(seeds)
    elif by_column:
        classes = [i % net.label_dim for i in range(len(seeds))]
    else:
        classes = [rng.class_of_seed(s, net.label_dim) for s in seeds]
    return z, torch.tensor(classes)


@torch.no_grad()
def images_of_seeds(net, seeds, nfe=None, label=None, by_column=False, batch=32) -> torch.Tensor:
    device = next(net.parameters()).device
    z, labels = seed_inputs(net, seeds, label, by_column)
    out = []
    for i in range(0, len(seeds), batch):
        part = None if labels is None else labels[i : i + batch].to(device)
        out.append(to_bytes(sample(net, z[i : i + batch].to(device), part, nfe)).cpu())
    return torch.cat(out)


def columns_of(net) -> int:
    """One column per class when they fit."""
    return net.label_dim if 2 <= net.label_dim <= 20 else 8


def write_sheet(path, net, count=64, nfe=None, label=None, first_seed=0) -> torch.Tensor:
    columns = columns_of(net) if label is None else 8
    count = -(-count // columns) * columns
    seeds = list(range(first_seed, first_seed + count))
    images = images_of_seeds(net, seeds, nfe, label, by_column=columns == net.label_dim)
    write_png(path, contact_sheet(images, columns), 2 if net.img_resolution <= 64 else 1)
    return images


def teacher_sheet(path, net, steps, rows=3) -> None:
    """Rows of Heun samples, and below them the same seeds in one step: the blur that a student turns into images."""
    columns = columns_of(net)
    seeds = list(range(rows * columns))
    many = images_of_seeds(net, seeds, 2 * steps - 1, by_column=columns == net.label_dim)
    one = images_of_seeds(net, seeds[:columns], 1, by_column=columns == net.label_dim)
    write_png(path, contact_sheet(torch.cat([many, one]), columns), 2 if net.img_resolution <= 64 else 1)
