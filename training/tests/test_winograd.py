"""The 3 x 3 convolutions of winograd.c against PyTorch's in float64."""

import pytest
import torch
import torch.nn.functional as F
from conftest import tiny_net

from innate_training import winograd
from innate_training.plain_autograd import plain_autograd

pytestmark = pytest.mark.skipif(winograd._library() is None, reason="no C compiler")


def channels_last(*shape, seed) -> torch.Tensor:
    g = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=g).contiguous(memory_format=torch.channels_last)


def is_winograd(y) -> bool:
    return "Conv3x3" in y.grad_fn.name()


def off(a, b) -> float:
    return ((a.double() - b).norm() / b.norm()).item()


# tiles beyond whole blocks, one tile, more rows than columns, few and many channels
@pytest.mark.parametrize(
    "n, c, k, h, w",
    [(1, 32, 32, 4, 4), (3, 64, 32, 8, 20), (2, 32, 96, 28, 4), (5, 128, 64, 16, 16), (1, 256, 128, 8, 8)],
)
def test_result_and_gradients_are_those_of_float64(n, c, k, h, w) -> None:
    x, dy = channels_last(n, c, h, w, seed=1), channels_last(n, k, h, w, seed=2)
    weight, bias = channels_last(k, c, 3, 3, seed=3) * 0.1, torch.randn(k, generator=torch.Generator().manual_seed(4))
    ours = [t.clone().requires_grad_() for t in (x, weight, bias)]
    exact = [t.double().requires_grad_() for t in (x, weight, bias)]
    y = winograd.conv3x3(*ours)
    assert is_winograd(y)
    assert y.is_contiguous(memory_format=torch.channels_last)
    reference = F.conv2d(*exact, padding=1)
    y.backward(dy)
    reference.backward(dy.double())
    assert off(y.detach(), reference.detach()) < 5e-6
    for a, b in zip(ours, exact):
        assert off(a.grad, b.grad) < 5e-6


def test_memory_that_others_wrote_is_not_read() -> None:
    """A large result and NaN in the memory that the next call gets."""
    x, weight, bias = channels_last(2, 32, 16, 16, seed=1), channels_last(32, 32, 3, 3, seed=2), torch.zeros(32)
    weight.requires_grad_()
    first = winograd.conv3x3(x, weight, bias).detach()
    for _ in range(3):
        rubbish = [torch.full((n,), float("nan")) for n in (2 * 32 * 16 * 16, 36 * 32 * 32, 12 * 36 * 32)]
        del rubbish
        assert torch.equal(winograd.conv3x3(x, weight, bias), first)


def test_only_what_is_asked_for_is_differentiated() -> None:
    x, weight, bias = channels_last(1, 32, 8, 8, seed=1), channels_last(32, 32, 3, 3, seed=2), torch.zeros(32)
    frozen = winograd.conv3x3(x.clone().requires_grad_(), weight, bias)
    assert is_winograd(frozen)
    frozen.sum().backward()
    assert weight.grad is None
    lowest = winograd.conv3x3(x, weight.clone().requires_grad_(), bias)
    lowest.sum().backward()
    assert x.grad is None


@pytest.mark.parametrize(
    "c, h, dtype", [(32, 6, torch.float32), (32, 8, torch.bfloat16), (3, 8, torch.float32), (32, 8, torch.float64)]
)
def test_what_does_not_fit_is_pytorchs(c, h, dtype) -> None:
    x = torch.randn(1, c, h, 8, dtype=dtype)
    weight, bias = torch.randn(32, c, 3, 3, dtype=dtype).requires_grad_(), torch.randn(32, dtype=dtype)
    y = winograd.conv3x3(x, weight, bias)
    assert not is_winograd(y)
    assert torch.equal(y, F.conv2d(x, weight, bias, padding=1))


def test_inside_of_plain_autograd_it_can_be_differentiated_twice() -> None:
    x, weight = channels_last(1, 32, 8, 8, seed=1), channels_last(32, 32, 3, 3, seed=2).requires_grad_()
    x.requires_grad_()
    with plain_autograd():
        y = winograd.conv3x3(x, weight, torch.zeros(32))
        (g,) = torch.autograd.grad((y**2).sum(), x, create_graph=True)
        (g**2).sum().backward()
    assert weight.grad is not None


def test_a_network_and_its_gradients_are_those_without_it(monkeypatch) -> None:
    net = tiny_net(label_dim=0, model_channels=32)
    x, sigma = torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(1)), torch.tensor([0.3, 2.0])
    with torch.no_grad():
        for p in net.parameters():  # the last convolutions begin at zero
            p.add_(torch.randn(p.shape, generator=torch.Generator().manual_seed(p.numel())) * 0.02)

    def run() -> list[torch.Tensor]:
        net.zero_grad()
        y = net(x, sigma)
        (y**2).mean().backward()
        return [y.detach(), *(p.grad.clone() for p in net.parameters())]

    calls = []
    convolve = winograd._convolve
    monkeypatch.setattr(winograd, "_convolve", lambda *args: calls.append(1) or convolve(*args))
    fast = run()
    assert calls
    monkeypatch.setattr(winograd, "_fits", lambda x, w: False)
    plain = run()
    for a, b in zip(fast, plain):
        assert off(a, b.double()) < 2e-5 or b.norm() < 1e-7
