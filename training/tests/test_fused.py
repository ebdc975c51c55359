"""Group norm + SiLU of norm_act.c against the definition in float64."""

import pytest
import torch
import torch.nn.functional as F

from innate_training import fused

pytestmark = pytest.mark.skipif(fused._library() is None, reason="no C compiler")


def definition(x, e, w, b, groups, act) -> torch.Tensor:
    if e is not None:
        x = x + e[:, :, None, None]
    y = F.group_norm(x, groups, w, b, 1e-5)
    return F.silu(y) if act else y


@pytest.mark.parametrize("act", [False, True])
@pytest.mark.parametrize("shifted", [False, True])
@pytest.mark.parametrize(
    "n, c, groups, h, w", [(3, 32, 8, 64, 64), (2, 48, 12, 5, 7), (1, 256, 32, 1, 1), (2, 64, 16, 8, 16)]
)
def test_result_and_gradients_are_those_of_float64(n, c, groups, h, w, shifted, act) -> None:
    g = torch.Generator().manual_seed(7)

    def random(*shape) -> torch.Tensor:
        return torch.randn(*shape, generator=g)

    x = (3 * random(n, c, h, w) + 2).contiguous(memory_format=torch.channels_last)
    e, weight, bias, dy = random(n, c) if shifted else None, random(c), random(c), random(n, c, h, w)
    given = [x, e, weight, bias]
    ours = [None if t is None else t.clone().requires_grad_() for t in given]
    exact = [None if t is None else t.double().requires_grad_() for t in given]
    assert fused.use_fused(ours[0])
    y = fused.fused_norm_act(*ours, groups, 1e-5, act)
    reference = definition(*exact, groups, act)
    y.backward(dy)
    reference.backward(dy.double())
    assert (y - reference).norm() < 2e-6 * reference.norm()
    for a, b in zip(ours, exact):
        if a is not None:
            assert (a.grad - b.grad).norm() < 1e-5 * b.grad.norm() + 1e-6


def test_far_from_zero_silu_is_its_limits() -> None:
    """Where e^-z would overflow the result is 0, and for large z it is z; the derivative is 0 and 1."""
    x = torch.tensor([-1e4, -200.0, -88.0, 88.0, 200.0, 1e4]).view(1, 1, 6, 1).expand(1, 32, 6, 1)
    x = x.contiguous(memory_format=torch.channels_last)
    unit, y, d = torch.ones(1, 32), torch.empty_like(x), torch.empty_like(x)
    call, library = fused.native.call, fused._library()
    call(library.norm_apply, x, unit, 0 * unit, y, 1, 6, 32, True)
    torch.testing.assert_close(y, F.silu(x), rtol=1e-6, atol=1e-30)
    s0, s1 = torch.empty(1, 32), torch.empty(1, 32)
    call(library.norm_backward_sums, torch.ones_like(x), x, unit, 0 * unit, d, s0, s1, 1, 6, 32, True)
    assert d[0, 0, :, 0].tolist() == pytest.approx([0, 0, 0, 1, 1, 1], abs=1e-6)
