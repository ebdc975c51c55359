"""One whole published iteration (G, D, R1, Adam, average) equals plain PyTorch (tests/fixtures/make_iteration.py)."""

import json
from collections.abc import Iterator

import pytest
import torch
from conftest import ROOT, tiny_net
from test_large_features import drawn

from innate_training import discriminator as D
from innate_training import streams
from innate_training.checkpoint import read_safetensors
from innate_training.distil import DistilTrainer, preset
from innate_training.distributed import World
from innate_training.large_features import NETWORKS

GOLDEN = ROOT / "tests" / "fixtures" / "method" / "iteration.golden.safetensors"
SIZE, BATCH, RATE = 64, 4, 1e-4


class Given:
    """A data set that gives one batch."""

    images = torch.zeros(1)

    def __len__(self) -> int:
        return BATCH

    def to(self, device) -> "Given":
        return self

    def batch(self, index) -> tuple[torch.Tensor, torch.Tensor]:
        values = torch.from_numpy(streams.Stream(77, "featureNoise", 0).uniforms(BATCH * 768))
        return 2 * values.view(BATCH, 3, 16, 16) - 1, torch.tensor([0, 1, 1, 0])


def sampled(t, count) -> torch.Tensor:
    flat = t.detach().reshape(-1)
    return flat[torch.arange(count) * len(flat) // count]


@pytest.fixture
def float64(monkeypatch) -> Iterator[None]:
    """All of the package in float64, as the golden values were computed. In float32 a ReLU that is met at 0 turns with
    the order of a sum, which every processor has its own of: gradients of the heads move by up to 4 %."""
    from_numpy = torch.from_numpy
    monkeypatch.setattr(torch, "from_numpy", lambda a: from_numpy(a.astype("float64") if a.dtype == "float32" else a))
    monkeypatch.setattr(torch.Tensor, "float", torch.Tensor.double)
    monkeypatch.setattr(torch, "float32", torch.float64)
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("case", range(2))
def test_equals_plain_pytorch(case) -> None:
    golden, metadata = read_safetensors(GOLDEN)
    shapes, case = json.loads(metadata["shapes"]), json.loads(metadata["cases"])[case]
    teacher = drawn(shapes["generator"])
    net = tiny_net(precond="GDDPrecond", dtype=torch.float64)
    net.load_state_dict(teacher, strict=False)
    backbones = [
        D.Backbone(NETWORKS[name](drawn(shapes[key])), "paper", SIZE)
        for name, key in (("vgg16-bn", "vgg16-bn"), ("deit-distilled", "deit"))
    ]
    critic = D.Discriminator(backbones, "paper", classes=2, part=2)
    streams.draw_discriminator(critic, 42)
    changes = dict(batch=BATCH, batch_gpu=2, freeze=case["freeze"], loss_type=case["loss"])
    trainer = DistilTrainer(net, critic, Given(), preset("paper-cifar10", random="page", **changes), World())
    trainer.iteration, trainer.images = case["iteration"], case["iteration"] * BATCH
    out = trainer.step()

    def value(name) -> torch.Tensor:
        return golden[f"{case['loss']}.{name}"]

    for ours, theirs in ((out["g"], "loss.g"), (out["d"], "loss.d")):
        assert float(ours) == pytest.approx(float(value(theirs)), rel=1e-6)
    trained = {n: p for n, p in trainer.net.named_parameters() if p.requires_grad}
    assert len(trained) == sum(k.startswith(f"{case['loss']}.g.") for k in golden)
    average = dict(trainer.ema.net.named_parameters())
    compared = 0
    for name, p in trained.items():
        square = value(f"g2.{name}")
        found = sampled(trainer.g_optimiser.state[p]["exp_avg_sq"], len(square))
        assert (found - square).abs().max() <= 1e-4 * square.max() + 1e-16, name
        told = (square >= 1e-3 * square.max()) & (square.max() > 1e-14)  # elsewhere the gradient's sign is noise
        compared += int(told.sum())
        for ours, theirs in ((p, "g"), (average[name], "ema")):
            assert ((sampled(ours, len(square)) - value(f"{theirs}.{name}")).abs() * told).max() <= 0.005 * RATE, name
        moved = (value(f"g.{name}") - sampled(teacher[name], len(square))).abs()[told]
        assert not len(moved) or moved.min() > 0.5 * RATE
    assert compared > 500
    compared = 0
    for name, p in trainer.heads.named_parameters():
        if f"{case['loss']}.d2.{name}" not in golden:
            continue
        square = value(f"d2.{name}")
        found = sampled(trainer.d_optimiser.state[p]["exp_avg_sq"], len(square))
        assert (found - square).abs().max() <= 1e-4 * square.max() + 1e-12, name
        told = (square >= 1e-3 * square.max()) & (square.max() > 1e-10)
        compared += int(told.sum())
        assert ((sampled(p, len(square)) - value(f"d.{name}")).abs() * told).max() <= 0.005 * RATE, name
    assert compared > 500
