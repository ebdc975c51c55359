"""R1, the EMA, augmentation, what GDD-I freezes."""

import pytest
import torch
import torch.nn.functional as F
from conftest import ROOT, shapes, tiny_net

from innate_training import augment
from innate_training import discriminator as D
from innate_training.assemble import Setup, new_discriminator, open_run
from innate_training.checkpoint import read_safetensors, save_network
from innate_training.data import generator
from innate_training.distil import PRESETS, DistilConfig, DistilTrainer, check_share, preset
from innate_training.distributed import World
from innate_training.ema import EMA
from innate_training.errors import UserError
from innate_training.features import FrozenConv, TeacherEncoder, efficientnet_lite0, find_efficientnet, folded_norm
from innate_training.freezing import freeze, freeze_choice, frozen_by
from innate_training.layers import UNetBlock
from innate_training.plain_autograd import plain_autograd
from innate_training.recipe import parse
from innate_training.streams import PageDraws, Stream
from innate_training.student import StudentTrainer
from innate_training.teacher import TeacherConfig, TeacherTrainer, edm_loss


class Twice(torch.nn.Module):
    """A stand-in for a feature network: smooth, so that finite differences are sharp."""

    CHANNELS, STRIDES = (4, 4, 4, 4), (2, 4, 8, 16)

    def __init__(self) -> None:
        super().__init__()
        self.stem = torch.nn.Conv2d(3, 4, 3, 2, 1).double()

    def forward(self, x) -> list[torch.Tensor]:
        x = torch.tanh(self.stem(x))
        return [x, F.avg_pool2d(x, 2), F.avg_pool2d(x, 4), F.avg_pool2d(x, 8)]


def test_r1_equals_the_central_difference(monkeypatch) -> None:
    """Parameter gradient of |v|^2 / 2, v = d(sum D)/dx, is the difference of D's parameter gradients at x +- eps v."""
    monkeypatch.setattr(
        F, "leaky_relu", lambda x, _: F.softplus(x)
    )  # a kink between x +- eps v would spoil the difference
    torch.manual_seed(0)
    net = Twice()
    heads = torch.nn.ModuleList(D.SmallHead(4, s) for s in (16, 8, 4, 2)).double()
    x = torch.randn(4, 3, 32, 32, dtype=torch.float64)

    def logits(v) -> list[torch.Tensor]:
        return [h(m) for h, m in zip(heads, net(v))]

    for _ in range(20):  # the spectral vectors settle, then stay as they are
        logits(x)
    heads.eval()

    penalty, v = D.r1_penalty(logits, x)
    (penalty.sum() / 2).backward()
    exact = {k: p.grad.clone() for k, p in heads.named_parameters() if p.grad is not None}

    def parameter_gradients(at) -> dict[str, torch.Tensor]:
        heads.zero_grad()
        sum(found.sum() for found in logits(at)).backward()
        return {k: p.grad.clone() for k, p in heads.named_parameters()}

    eps = 1e-4 / v.abs().max().item()
    plus, minus = parameter_gradients(x + eps * v.detach()), parameter_gradients(x - eps * v.detach())
    for key, g in exact.items():
        difference = (plus[key] - minus[key]) / (2 * eps)
        assert (difference - g).abs().max() <= 1e-5 * g.abs().max() + 1e-8, key


def test_r1_through_the_teachers_encoder() -> None:
    encoder = TeacherEncoder(tiny_net())
    critic = D.Discriminator([D.Backbone(encoder, "small", mix=False)], "small", classes=2)
    x, k = torch.randn(4, 3, 16, 16), torch.tensor([0, 1, 0, 1])
    g = torch.Generator().manual_seed(0)
    with plain_autograd():
        penalty, _ = D.r1_penalty(lambda v: critic.heads(critic.features(v, k, g), k), x)
        penalty.mean().backward()
    assert penalty.shape == (4,) and all(p.grad is None or p.grad.isfinite().all() for p in critic.heads.parameters())


def test_ema_halflife_and_ramp() -> None:
    net = torch.nn.Linear(1, 1, bias=False)
    net.weight.data.fill_(0.0)
    ema = EMA(net, halflife=1000, rampup=0.05)
    assert ema.beta(0, 32) == 0.0 or ema.beta(0, 32) < 1e-12  # the first step copies
    assert abs(ema.beta(10_000, 32) - 0.5 ** (32 / 500)) < 1e-12
    assert abs(ema.beta(10**6, 32) - 0.5 ** (32 / 1000)) < 1e-12
    ema.net.weight.data.fill_(1.0)
    for _ in range(10):
        ema.update(net, 10**6, 100)
    assert abs(ema.net.weight.item() - 0.5) < 1e-6


def trainer(method="gdd-i", **changes) -> DistilTrainer:
    net = tiny_net()
    critic = D.Discriminator([D.Backbone(TeacherEncoder(tiny_net()), "small", mix=False)], "small", classes=2, group=4)
    return DistilTrainer(
        net, critic, shapes(), DistilConfig(method=method, batch=8, features=["encoder"], warmup=0, **changes), World()
    )


def test_gdd_i_leaves_the_frozen_bitwise_alone() -> None:
    t = trainer(r1_gamma=1e-2, r1_every=2, share_fake=False, loss="all", augment=True)
    before = {k: v.clone() for k, v in t.net.state_dict().items()}
    for _ in range(4):
        t.step()
    moved = {k for k, v in t.net.state_dict().items() if not torch.equal(v, before[k])}
    frozen = {k for k, p in t.net.named_parameters() if not p.requires_grad}
    assert frozen and not moved & frozen
    assert any("norm0" in k for k in moved) and "model.enc.16x16_conv.weight" in moved


def test_heads_without_batch_norm_see_a_collapse() -> None:
    head = D.SmallHead(4, 8)
    alike, varied = torch.randn(1, 4, 8, 8).expand(8, -1, -1, -1), torch.randn(8, 4, 8, 8)
    assert head.deviation(alike).mean() < 0.01 < 0.5 < head.deviation(varied).mean()


def test_edm_loss_weight_is_one_over_c_out_squared() -> None:
    net, x = tiny_net(), torch.randn(2, 3, 16, 16)
    sigma = torch.tensor([0.1, 3.0])
    loss = edm_loss(net, x, torch.tensor([0, 1]), sigma, torch.zeros_like(x))
    _, out, _, _ = net.coefficients(sigma)
    d = net(x, sigma, torch.tensor([0, 1]))
    assert torch.allclose(loss, (d - x) ** 2 / out.view(-1, 1, 1, 1) ** 2, rtol=1e-4)


@pytest.mark.parametrize("case", ["colour", "grey", "wide"])
def test_diff_augment_is_the_golden(case) -> None:
    """Numbers as the page draws them, values and gradients: tests/fixtures/make_augment.py of the app."""
    golden = read_safetensors(ROOT / "tests/fixtures/method/augment.golden.safetensors")[0]
    n, c, h, w = golden[f"{case}.images"].shape
    numbers = PageDraws(DistilConfig(seed=5), 1).augmentation((n, c, h, w), 2, 0)
    assert torch.equal(torch.stack([v.flatten().float() for v in numbers]), golden[f"{case}.numbers"])

    def images(seed) -> torch.Tensor:
        u = torch.from_numpy(Stream(seed, "featureNoise", 0).uniforms(n * c * h * w))
        return (2 * u - 1).view(n, h, w, c).permute(0, 3, 1, 2).contiguous()

    x = images(77).requires_grad_(True)
    y = augment.diff_augment(x, numbers)
    (y * images(78)).sum().backward()
    assert torch.allclose(y, golden[f"{case}.images"], atol=2e-6)
    assert torch.allclose(x.grad, golden[f"{case}.gradient"], atol=2e-6)


def test_augmentation_tells_what_it_did() -> None:
    x = torch.rand(16, 3, 16, 16) * 2 - 1
    y, labels = augment.edm_augment(x, 0.0, generator("cpu", 0, "t", 0))
    assert labels.shape == (16, augment.LABELS) and labels[:, 1:].abs().max() == 0
    for a, b, told in zip(x, y, labels[:, 0]):
        assert torch.equal(b, a.flip(2) if told else a)
    y, labels = augment.edm_augment(x, 1.0, generator("cpu", 0, "t", 0))
    assert y.shape == x.shape and y.isfinite().all() and labels.abs().amax(0).min() > 0


def test_a_warp_by_nothing_changes_nothing() -> None:
    x = F.interpolate(torch.rand(2, 3, 8, 8), 32, mode="bicubic").clamp(0, 1)
    eye = torch.eye(3).repeat(2, 1, 1)
    # two passes of an orthogonal wavelet filter reconstruct smooth images
    assert (augment._warp(x, eye) - x).abs().mean() < 0.02


PAPER_TABLE = {  # G lr, D lr, batch, EMA half-life, images; of the published commands
    "paper-cifar10": (1e-4, 1e-4, 256, 500_000, 5_000_000),
    "paper-faces": (2e-5, 4e-5, 256, 500_000, 10_000_000),
    "paper-imagenet": (8e-6, 4e-5, 512, 50_000_000, 10_000_000),
}


def test_paper_presets_are_the_published_numbers() -> None:
    assert {n for n in PRESETS if n.startswith("paper")} == set(PAPER_TABLE)
    for name, (g_lr, d_lr, batch, halflife, images) in PAPER_TABLE.items():
        c = preset(name)
        assert (c.g_lr, c.d_lr, c.batch, c.ema_halflife, c.images) == (g_lr, d_lr, batch, halflife, images)
        assert (c.r1_gamma, c.r1_every, tuple(c.betas), c.ema_rampup) == (1e-4, 16, (0.0, 0.99), 0.05)
        assert c.sigma == 80.0
        assert (c.heads, c.feature_size, c.loss) == ("paper", 224, "all")
        assert (
            not c.augment
            and not c.xflip
            and not c.share_fake
            and c.warmup == 0
            and c.decay_from == 1.0
            and c.dropout == 0.0
        )
        assert c.features == ["efficientnet-lite0"] and c.method == "gdd-i"
        assert (c.batch_gpu, c.loss_type, c.seed, c.snapshot_every) == (batch // 4, "ns", 42, 250_000)
    t = trainer(r1_gamma=1e-4, r1_every=16, g_lr=1e-4, d_lr=1e-4)  # lazy regularisation: 16/17, for the critic alone
    g, d = t.g_optimiser.param_groups[0], t.d_optimiser.param_groups[0]
    assert g["lr"] == 1e-4 and tuple(g["betas"]) == (0.0, 0.99) and g["eps"] == d["eps"] == 1e-8
    assert (
        abs(d["lr"] - 1e-4 * 16 / 17) < 1e-12 and d["betas"][0] == 0 and abs(d["betas"][1] - 0.99 ** (16 / 17)) < 1e-12
    )


def test_a_process_holds_whole_parts_of_the_batch() -> None:
    """Batch norm and the sum of the loss are of batch_gpu images, 64 of 256; a GPU that holds 32 would see 32."""

    def start(processes, **changes) -> None:
        config = preset("paper-cifar10", features=["encoder"], **changes)
        DistilTrainer(tiny_net(), None, shapes(), config, World(0, processes))

    with pytest.raises(UserError) as told:
        start(8)
    assert str(told.value) == (
        "a process's share of the batch is 32 images (distil.batch 256 over 8 processes), but distil.batch_gpu, the "
        "images that batch norm and the sum of the loss take together, is 64: start a number of processes that divides "
        "4, or give --set distil.batch_gpu=32, as the published code does on that many GPUs"
    )
    for processes, changes in (
        (4, {}),
        (2, {}),
        (1, {}),
        (8, dict(batch_gpu=32)),
        (8, dict(batch_gpu=0)),
        (1, dict(batch=48)),
    ):
        check_share(preset("paper-cifar10", **changes), processes)
    with pytest.raises(UserError, match="share of the batch is 4 images .* distil.deviation_group=0, the whole batch"):
        check_share(preset("small", deviation_group=8), 8)
    with pytest.raises(UserError, match="a divisor of 32"):
        check_share(preset("small", deviation_group=5), 1)
    check_share(preset("small", deviation_group=8), 4)


@pytest.mark.parametrize(
    "size, layers, kernel",  # as tests/distil/heads.test.ts of the app has them
    [
        (224, [4, 3, 2, 1], 4),
        (128, [3, 2, 1, 0], 4),
        (112, [4, 3, 2, 0], 2),  # the smallest nominal size is 6, which counts as 4
        (96, [3, 2, 1, 0], 2),
        (64, [3, 2, 1, 0], 2),
        (48, [3, 2, 1, 0], 1),
    ],
)
def test_papers_heads_end_where_their_smallest_map_does(size, layers, kernel) -> None:
    backbone = D.Backbone(Twice(), "paper", size)
    heads = D.Discriminator([backbone], "paper").heads.mini_discs.values()
    assert [sum(isinstance(part, D.Block) for part in head.main) for head in heads] == layers
    assert {head.main[-1].weight_orig.shape[-1] for head in heads} == {kernel}


@pytest.mark.parametrize("heads, classes, found", [("small", 2, "of 2 classes"), ("paper", 0, "without classes")])
def test_class_embeddings_are_for_the_papers_conditional_heads(tmp_path, heads, classes, found) -> None:
    """Whatever the file is: it is not looked at."""
    save_network(tmp_path / "teacher.safetensors", tiny_net(label_dim=classes))
    config = preset("small", features=["encoder"], heads=heads, class_embeddings=str(tmp_path / "table.pkl"))
    setup = Setup(World(), tmp_path, tmp_path, dtype="f32")
    with pytest.raises(
        UserError, match=f"small heads have unit embeddings of their own; .* {heads} heads on .* {found}"
    ):
        new_discriminator(config, tmp_path / "teacher.safetensors", setup, classes)


def test_rates_fall_with_images_or_with_the_planned_time() -> None:
    t = trainer(images=1000, decay_from=0.5, decay_to=0.1, g_lr=1.0)
    for images, progress, expected in (
        (0, 0.0, 1.0),
        (500, 0.0, 1.0),
        (750, 0.0, 0.55),
        (0, 0.75, 0.55),
        (0, 2.0, 0.1),
    ):
        t.images, t.progress = images, progress
        t.set_rates()
        assert abs(t.g_optimiser.param_groups[0]["lr"] - expected) < 1e-9
    teacher = TeacherTrainer(
        tiny_net(), shapes(), TeacherConfig(images=10**9, lr=1.0, warmup=0, decay_from=0.8, decay_to=0.0), World()
    )
    rates = []
    for teacher.progress in (0.0, 0.8, 0.9, 1.0):
        rates.append(teacher.rate())
    assert rates[0] == 1.0 and all(abs(a - b) < 1e-9 for a, b in zip(rates[1:], (1.0, 0.5, 0.0)))


def test_feature_networks_from_the_pages_folded_files(tmp_path) -> None:
    def folded(conv, norm) -> tuple[torch.Tensor, torch.Tensor]:
        scale = norm.weight / (norm.running_var + norm.eps).sqrt()
        return conv.weight * scale.view(-1, 1, 1, 1), norm.bias - norm.running_mean * scale

    torch.manual_seed(0)
    conv, norm = torch.nn.Conv2d(3, 8, 3, bias=False), torch.nn.BatchNorm2d(8)
    for t in (norm.weight.data, norm.bias.data, norm.running_mean):
        t.normal_()
    norm.running_var.uniform_(0.5, 2)
    weight, bias = folded(conv, norm)
    a = FrozenConv(
        conv.weight.detach(), (norm.weight.detach(), norm.bias.detach(), norm.running_mean, norm.running_var, norm.eps)
    )
    b = FrozenConv(weight.detach(), folded_norm(bias.detach()))
    x = torch.randn(2, 3, 8, 8)
    assert torch.allclose(a(x), b(x), atol=1e-5)
    page, plain = ROOT / "public" / "features" / "efficientnet-lite0.safetensors", find_efficientnet()
    if page.is_file() and plain and not plain.endswith(".safetensors"):
        x = torch.rand(1, 3, 64, 64)
        for ours, theirs in zip(efficientnet_lite0(page)(x), efficientnet_lite0(plain)(x)):
            assert (ours - theirs).abs().max() < 0.02 * theirs.abs().max()  # float16 weights


def test_lite0_sees_images_in_its_own_range() -> None:
    """[-1, 1] as it is: mean and std 0.5, not ImageNet's (the published feature_networks/constants.py)."""
    from innate_training.discriminator import Backbone

    net = efficientnet_lite0(ROOT / "public" / "features" / "efficientnet-lite0.safetensors")
    x = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1
    maps = Backbone(net, "small", size=64, mix=False)(x, None, None)
    for ours, theirs in zip(maps, net(x)):
        assert torch.allclose(ours, theirs, atol=1e-4)


def test_small_presets_start_at_2_5_and_average_long() -> None:
    for name in ("small", "small-encoder", "encoder"):
        c = preset(name)
        assert (c.sigma, c.ema_rampup, c.ema_halflife, c.images) == (2.5, 0.25, 8_000, 10_000)


def test_the_generator_runs_at_the_recipes_sigma() -> None:
    t = trainer(sigma=2.5)
    seen, forward = [], t.net.forward
    t.net.forward = lambda x, sigma, labels=None: (
        seen.append((float(x.std()), float(sigma))),
        forward(x, sigma, labels),
    )[1]
    t.run_g = t.net
    t.step()
    ((std, sigma),) = seen
    assert sigma == 2.5 and 2.3 < std < 2.7
    assert t.net.start_sigma == t.ema.net.start_sigma == 2.5


def test_papers_students_are_sampled_in_float32_and_see_every_label() -> None:
    net = tiny_net()
    net.dtype, net.model.label_dropout = torch.bfloat16, 0.1
    for heads, sampled in (("paper", torch.float32), ("small", torch.bfloat16)):
        t = StudentTrainer(net, shapes(), DistilConfig(batch=8, heads=heads), World())
        assert (t.net.dtype, t.ema.net.dtype, t.net.model.label_dropout) == (torch.bfloat16, sampled, 0.0)
        assert t.ema.net(torch.zeros(1, 3, 16, 16), 2.5, torch.tensor([0])).dtype == torch.float32


def test_papers_heads_see_features_in_float32_without_tf32(tmp_path, shapes_zip) -> None:
    save_network(tmp_path / "teacher.safetensors", tiny_net())
    teacher = str(tmp_path / "teacher.safetensors")
    precision, cudnn = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    try:
        for heads, dtype, kept in (("small", torch.bfloat16, True), ("paper", torch.float32, False)):
            torch.set_float32_matmul_precision("high")  # as training/gpu/run.py begins
            torch.backends.cudnn.allow_tf32 = True
            values = dict(features=["encoder"], heads=heads, batch=8, measure_images=0)
            recipe = parse(dict(name=heads, task="student", data="shapes.zip", teacher=teacher, distil=values))
            t, _ = open_run(Setup(World(), tmp_path, tmp_path / "runs", dtype="bf16"), recipe)
            assert (t.net.dtype, t.discriminator.backbones[0].net.net.dtype) == (torch.bfloat16, dtype)
            assert (torch.get_float32_matmul_precision() == "high", torch.backends.cudnn.allow_tf32) == (kept, kept)
    finally:
        torch.set_float32_matmul_precision(precision)
        torch.backends.cudnn.allow_tf32 = cudnn


def test_globs_freeze_by_name() -> None:
    net = tiny_net()
    names = [n for n, _ in net.named_parameters()]
    assert frozen_by(net, ["enc.*", "map_layer?.*"]) == [
        n for n in names if n.startswith("model.enc.") or "map_layer" in n
    ]
    assert frozen_by(net, ["*.conv0.*"]) == [n for n in names if ".conv0." in n]
    assert freeze_choice("gdd", "enc.*, map_*") == ["enc.*", "map_*"] == freeze_choice("gdd", ["enc.*", "map_*"])
    assert (freeze_choice("gdd-i", None), freeze_choice("gdd", None), freeze_choice("gdd", "2")) == (1, 0, 2)
    with pytest.raises(UserError, match=r"like '\*\.conv2\.\*'.*\.conv[01]\."):
        frozen_by(net, ["enc.*", "*.conv2.*"])
    with pytest.raises(UserError, match="nothing would train"):
        freeze(net, "gdd", ["*"])
    for wrong in (4, -1, True, "", "enc.*,", "7", "1,2", [], [1]):
        with pytest.raises(UserError, match="a level from 0 to 3"):
            freeze_choice("gdd", wrong)


def test_the_card_says_what_trains() -> None:
    t = trainer("gdd", freeze="enc.*,map_*")
    decoder = sum(p.numel() for n, p in t.net.named_parameters() if n.startswith("model.dec."))
    total = sum(p.numel() for n, p in t.net.named_parameters() if "map_augment" not in n)
    card = t.card()
    assert (card["freeze"], card["trained_count"]) == ("enc.*,map_*", str(decoder))
    assert int(card["frozen_count"]) == total - decoder
    assert float(card["trained_parameters"]) == pytest.approx(decoder / total, abs=1e-4)


def test_a_frozen_encoder_has_no_backward_pass() -> None:
    t = trainer("gdd", freeze=["enc.*", "map_*"])
    seen, grads = {}, []

    def watch(name, out) -> None:
        seen[name] = out.requires_grad
        if out.requires_grad:
            out.register_hook(lambda _: grads.append(name))

    for name, block in t.net.model.named_modules():
        if isinstance(block, UNetBlock):
            block.register_forward_hook(lambda _, __, out, name=name: watch(name, out))
    before = {k: v.clone() for k, v in t.net.state_dict().items()}
    t.step()
    assert {name for name, needs in seen.items() if needs} == {name for name in seen if name.startswith("dec.")}
    assert grads and all(name.startswith("dec.") for name in grads)
    moved = {k for k, v in t.net.state_dict().items() if not torch.equal(v, before[k])}
    assert moved and all(k.startswith("model.dec.") for k in moved)
