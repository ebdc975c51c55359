"""From a recipe to a trainer in its run folder: data, network, where the weights come from."""

import inspect
import os
from dataclasses import asdict, replace
from functools import partial

import torch

from . import discriminator as D
from .checkpoint import load_checkpoint, load_network, middle_sigma, read_metadata, start_sigma
from .data import Dataset, load_data
from .distil import DistilTrainer
from .errors import UserError
from .export import fingerprint
from .features import TeacherEncoder, efficientnet_lite0
from .frechet import Measure, best_features, load_features, split_real
from .freezing import METHODS
from .imitation import TRAINERS
from .instance_loss import instance_loss
from .large_features import KNOWN as LARGE
from .large_features import file_tensors, large_features
from .nets import NETS
from .official import pickled_tensors
from .precond import PRECONDS, SIGMA_MAX, EDMPrecond, build
from .recipe import Recipe
from .run_folder import RunFolder
from .streams import draw_discriminator
from .teacher import TeacherTrainer


def choose_dtype(name, device) -> torch.dtype:
    """bfloat16 where the hardware multiplies it, float32 elsewhere."""
    if name == "auto":
        if device.type == "cuda":
            return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
        amx = getattr(torch.cpu, "_is_amx_tile_supported", lambda: False)()
        avx = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)()
        return torch.bfloat16 if amx or avx else torch.float32
    table = {"bf16": torch.bfloat16, "f32": torch.float32}
    if name not in table:
        raise UserError(f"unknown dtype {name!r}; known: auto, bf16, f32")
    return table[name]


def find_weights(name, folders) -> str | None:
    """A catalogue id or a path to a file: ID/ema.safetensors of a run, or ID.safetensors among the weights."""
    if os.path.isfile(name):
        return name
    for folder in folders:
        for candidate in (
            os.path.join(folder, name, "best.safetensors"),
            os.path.join(folder, name, "ema.safetensors"),
            os.path.join(folder, f"{name}.safetensors"),
            os.path.join(folder, name),
        ):
            if os.path.isfile(candidate):
                return candidate
    return None


def numbers(metadata) -> tuple[int, float]:
    """(images, minutes) that a checkpoint's card tells."""

    def of(key) -> float:
        try:
            return float(metadata.get(key, 0))
        except ValueError:
            return 0.0

    return int(of("images_seen")), of("minutes")


class Setup:
    """What the command line gives to every run.

    measure: the feature network of Fréchet distances by name; None: ResNet-56 where its file is at hand, else
    EfficientNet-Lite0.
    """

    def __init__(
        self,
        world,
        data_dir=".",
        runs="runs",
        weights=(),
        features_dirs=(),
        dtype="auto",
        compile="auto",
        measure=None,
    ) -> None:
        self.world, self.data_dir, self.runs = world, data_dir, runs
        self.weights, self.features_dirs = list(weights), [*features_dirs, *weights]
        self.dtype = choose_dtype(dtype, world.device)
        self.teacher_places = [runs, *self.weights]  # where a student's teacher is looked up, in order
        self.compile = world.device.type == "cuda" if compile == "auto" else compile in (True, "on")
        self.measure = measure
        self.opened = dict(dtype=self.dtype, teachers=self.weights[0] if self.weights else None)  # of load_network
        self._data, self._measures = {}, {}

    def new_measure(self) -> Measure:
        """A measure without its real images yet."""
        if self.measure is None:
            name, features = best_features(self.features_dirs)
        else:
            name, features = self.measure, load_features(self.measure, self.features_dirs)
        return Measure(name, features, self.world.device)

    def measure_on(self, data, count) -> Measure:
        """A measure of `count` images against the first five times as many real ones."""
        key = (data.path, data.resolution, count)
        if key not in self._measures:
            real, _ = split_real(data, count, 5 * count)
            self._measures = {key: self.new_measure().refer_to(real, f"{data.name}[:{len(real)}]")}
        return self._measures[key]

    def lite0(self) -> torch.nn.Module:
        return efficientnet_lite0(folders=self.features_dirs).to(self.dtype)

    def data(self, recipe) -> Dataset:
        path = recipe.data if os.path.isfile(recipe.data) else os.path.join(self.data_dir, recipe.data)
        key = (path, recipe.resolution, recipe.channels)
        if key not in self._data:  # one set at a time: they are large
            self._data = {key: load_data(path, recipe.resolution or None, recipe.channels)}
        return self._data[key]


def open_run(
    setup, recipe, init=None, folder_name=None, fresh=False, teacher=None, compile=None
) -> tuple[TeacherTrainer | DistilTrainer, RunFolder]:
    """(trainer, folder), continued from the folder's state, its weights, `init`, or the committed weights.

    compile: whether torch.compile is used, where this run differs from the setup.
    """
    folder = RunFolder(os.path.join(setup.runs, folder_name or recipe.name))
    if setup.world.first:
        folder.lock()
    recipe = as_begun(folder, recipe)
    data = setup.data(recipe)
    torch.manual_seed((recipe.train or recipe.distil).seed)
    compile = setup.compile if compile is None else compile
    if recipe.task == "teacher":
        trainer = new_teacher(setup, recipe, data, compile)
    else:
        trainer = new_student(setup, recipe, data, compile, teacher)
    config = dict(
        recipe=recipe.name,
        data=recipe.data,
        architecture=trainer.net.architecture(),
        **asdict(recipe.train or recipe.distil),
    )
    check_config(folder, config)
    if setup.world.first:
        folder.write_json("config.json", config)
    state = folder.load_state(setup.world.device)
    own = folder.file("ema.safetensors")
    if state is not None:
        trainer.restore(state)
        if os.path.isfile(own):
            card = read_metadata(own)
            keep_origin(trainer, card)
            if card.get("begun_from"):
                trainer.provenance["begun_from"] = card["begun_from"]
        if setup.world.first:
            folder.cut_log(trainer.images)
    else:
        source = own if os.path.isfile(own) else init or (None if fresh else find_weights(recipe.name, setup.weights))
        if source:
            begin(trainer, recipe, source, setup, own=source == own)
            if setup.world.first:
                print(f"{recipe.name}: begins from {source}, {trainer.images:,} images seen", flush=True)
    setup.world.barrier()
    return trainer, folder


def as_begun(folder, recipe) -> Recipe:
    """The recipe as the folder's run began: one from before the encoder's maps were mixed goes on without."""
    before = folder.read_json("config.json")
    if not before or recipe.task != "student" or "features" not in before or "mix_encoder" in before:
        return recipe
    return replace(recipe, distil=replace(recipe.distil, mix_encoder=False))


def begin(trainer, recipe, source, setup, own=False) -> None:
    """From a file's weights. Its images count on where they are of the same task and data set; a teacher that begins
    from another set's teacher begins at zero, names its origin in the card, and keeps its own new label layer."""
    tensors, architecture, metadata = load_checkpoint(source, teachers=setup.weights[0] if setup.weights else None)
    student_file = metadata.get("method") in METHODS
    origin = data_set_of(metadata, source)
    foreign = (
        recipe.task == "teacher"
        and not (own or student_file)
        and origin not in (None, recipe.data.removesuffix(".zip"))
    )
    ours = trainer.net.architecture()
    if foreign and architecture["label_dim"] != ours["label_dim"]:
        tensors = {k: v for k, v in tensors.items() if not k.startswith("model.map_label.")}
        architecture = {**architecture, "label_dim": ours["label_dim"]}
    same_architecture(architecture, ours, source)
    if student_file:
        same_start(start_sigma(metadata, source), trainer.net.start_sigma, source)
        same_steps(middle_sigma(metadata, source), trainer.net.sigma_mid, source)
        keep_origin(trainer, metadata)
    if foreign:
        trainer.provenance["begun_from"] = f"{origin}, {numbers(metadata)[0]:,} images"
    elif metadata.get("begun_from"):
        trainer.provenance["begun_from"] = metadata["begun_from"]
    counts = student_file == (recipe.task == "student") and not foreign
    trainer.begin_from(tensors, *(numbers(metadata) if counts else ()))


def data_set_of(metadata, path) -> str | None:
    """The data set that a teacher learned: from its card, else from a file name (afhq-cat-64x64-teacher), else None."""
    if metadata.get("dataset"):
        return metadata["dataset"].removesuffix(".zip")
    name = os.path.basename(os.fspath(path)).removesuffix(".safetensors")
    return name.removesuffix("-teacher") if name.endswith("-teacher") else None


def keep_origin(trainer, metadata) -> None:
    """A student that goes on keeps the teacher it began with, though a better one may lie there by now."""
    for key in ("teacher_sha256", "teacher_images"):
        if key in trainer.provenance:
            trainer.provenance.pop(key)
            if metadata.get(key):
                trainer.provenance[key] = metadata[key]


def same_architecture(theirs, ours, where) -> None:
    """Equal up to dropout, with the defaults filled in."""

    def essence(a) -> dict:
        kwargs = dict(a["model_kwargs"])
        signature = inspect.signature(NETS[kwargs["model_type"]].__init__).parameters
        full = {k: p.default for k, p in signature.items() if p.default is not inspect.Parameter.empty}
        full.update(PRECONDS[a["precond"]].NUMBERS if a.get("precond") in PRECONDS else {})
        full.update(kwargs, label_dim=a["label_dim"], size=a["img_resolution"], channels=a["img_channels"])
        return {k: list(v) if isinstance(v, tuple) else v for k, v in full.items() if "dropout" not in k}

    a, b = essence(theirs), essence(ours)
    differ = [f"{k} {a.get(k)} against {b.get(k)}" for k in sorted(a.keys() | b.keys()) if a.get(k) != b.get(k)]
    if differ:
        raise UserError(f"{where} holds another architecture than the recipe's: {', '.join(differ)}")


def check_config(folder, config) -> None:
    before = folder.read_json("config.json")
    if before and "architecture" in before:
        same_architecture(before["architecture"], config["architecture"], folder.path)
    if before and "sigma" in config:  # a student's run from before the key began at 80
        same_start(before.get("sigma", SIGMA_MAX), config["sigma"], folder.path)
        theirs, ours = (c["sigma_mid"] if c.get("nfe") == 2 else None for c in (before, config))
        same_steps(theirs, ours, folder.path)


def same_start(theirs, ours, where) -> None:
    """A student is a generator from the sigma where it began, and from no other."""
    if theirs != ours:
        raise UserError(
            f"{where} starts at sigma {theirs:g}, the recipe at {ours:g}: go on with --set distil.sigma={theirs:g}, "
            "or begin anew under another --name"
        )


def same_steps(theirs, ours, where) -> None:
    """A student has its one or two steps for good. theirs, ours: the sigma of the second; None: there is one step."""
    if theirs != ours:
        words = ["nfe = 1" if mid is None else f"nfe = 2 and sigma_mid = {mid:g}" for mid in (theirs, ours)]
        raise UserError(f"{where} has {words[0]}, the recipe {words[1]}: change the recipe, or begin anew")


def new_teacher(setup, recipe, data, compile) -> TeacherTrainer:
    kwargs = dict(recipe.net)
    precond, conditional = kwargs.pop("precond", "EDMPrecond"), kwargs.pop("conditional", False)
    if conditional and not data.classes:
        raise UserError(f"{recipe.name}: the recipe is conditional, {data.name} has no labels")
    if recipe.train.augment and not kwargs.get("augment_dim"):
        kwargs["augment_dim"] = 9
    net = build(
        dict(
            precond=precond,
            img_resolution=data.resolution,
            img_channels=data.channels,
            label_dim=data.classes if conditional else 0,
            model_kwargs=kwargs,
        ),
        setup.dtype,
    )
    provenance = dict(common_card(setup, recipe, data), batch=str(recipe.train.batch))
    return TeacherTrainer(net, data, recipe.train, setup.world, provenance, compile)


def new_student(setup, recipe, data, compile, teacher=None) -> DistilTrainer:
    path = teacher or find_weights(recipe.teacher, setup.teacher_places)
    if path is None:
        raise UserError(
            f"{recipe.name}: its teacher {recipe.teacher} is neither a file, nor a run in {setup.runs}, "
            "nor among the weights"
        )
    net, metadata = load_network(path, **setup.opened)
    if recipe.distil.method == "cd":
        net = consistent(net)
    if (net.img_resolution, net.img_channels) != (data.resolution, data.channels):
        raise UserError(
            f"{recipe.name}: the teacher makes {net.img_resolution}x{net.img_resolution}x{net.img_channels} images, "
            f"{data.name} holds {data.resolution}x{data.resolution}x{data.channels}"
        )
    if net.label_dim and net.label_dim != data.classes:
        raise UserError(f"{recipe.name}: the teacher knows {net.label_dim} classes, {data.name} has {data.classes}")
    config, origin = recipe.distil, fingerprint(net.state_dict())
    if config.heads == "paper":  # without TF32, as published
        torch.backends.cudnn.allow_tf32 = False
        torch.set_float32_matmul_precision("highest")
    measured = config.measure_images and setup.world.first
    measure = setup.measure_on(data, config.measure_images) if measured else None
    provenance = dict(
        common_card(setup, recipe, data),
        batch=str(config.batch),
        teacher_images=str(numbers(metadata)[0]),
        teacher=recipe.teacher if not os.path.isfile(recipe.teacher) else os.path.basename(recipe.teacher),
        teacher_sha256=origin,
    )
    rest = (data, config, setup.world, provenance, measure, compile)
    if config.method in TRAINERS:
        loss = instance_loss(config.instance_loss, setup.lite0, config.feature_size)
        provenance["features"] = loss.words
        return TRAINERS[config.method](net, load_network(path, **setup.opened)[0], loss, *rest)
    provenance["features"] = " and ".join(feature_words(f, config.feature_size) for f in config.features)
    return DistilTrainer(net, new_discriminator(config, path, setup, net.label_dim), *rest)


def consistent(teacher) -> EDMPrecond:
    """The network that consistency distillation begins from: D(x, sigma) = x holds at its lowest level, which is GDD's
    form and ECT's (Song et al. 2023, section 3). EDM's differs from GDD's only there."""
    precond = type(teacher).__name__
    if precond in ("GDDPrecond", "ECMPrecond"):
        return teacher
    if precond != "EDMPrecond":
        raise UserError(
            f"cd needs a teacher in EDMPrecond, GDDPrecond or ECMPrecond, this one is in {precond}: take another method"
        )
    net = build({**teacher.architecture(), "precond": "GDDPrecond"}, teacher.dtype)
    net.load_state_dict(teacher.state_dict())
    return net


def common_card(setup, recipe, data) -> dict[str, str]:
    """What a model's card tells of its training, whoever trains it."""
    side = f"{data.resolution}x{data.resolution}"
    return dict(
        dataset=data.name,
        recipe=recipe.name,
        data=f"{recipe.source or data.name}, {len(data):,} images at {side}",
        hardware=hardware(setup.world),
    )


def hardware(world) -> str:
    if world.device.type == "cuda":
        return f"{world.size} {torch.cuda.get_device_name(world.device)}"
    return f"{torch.get_num_threads() * world.size} CPU cores"


def feature_words(name, size) -> str:
    if name == "encoder":
        return "the teacher's own encoder"
    known = {"efficientnet-lite0": "EfficientNet-Lite0", "vgg16-bn": "VGG16-BN", "deit-distilled": "DeiT-B distilled"}
    return f"{known.get(name, name)} at {size}x{size}"


def new_discriminator(config, teacher_path, setup, classes) -> D.Discriminator:
    """With the paper's heads, feature networks run in float32, as published."""
    dtype, backbones = torch.float32 if config.heads == "paper" else setup.dtype, []
    for name in config.features:
        if name == "efficientnet-lite0" or name in LARGE:
            load = efficientnet_lite0 if name == "efficientnet-lite0" else partial(large_features, name)
            backbones.append(D.Backbone(load(folders=setup.features_dirs).to(dtype), config.heads, config.feature_size))
        elif name == "encoder":
            encoder = TeacherEncoder(load_network(teacher_path, **{**setup.opened, "dtype": dtype})[0])
            backbones.append(D.Backbone(encoder, config.heads, mix=config.mix_encoder))
        else:
            raise UserError(
                f"unknown discriminator features {name!r}; known: efficientnet-lite0, encoder, {', '.join(LARGE)}"
            )
    table = class_table(config.class_embeddings, config.heads, classes) if config.class_embeddings else None
    critic = D.Discriminator(
        backbones,
        config.heads,
        classes,
        embedding_dim=320 if table is None else table.shape[1],
        width=config.head_width,
        group=config.deviation_group,
        part=config.batch_gpu,
    )
    if config.random == "page":
        draw_discriminator(critic, config.seed)
    if table is not None:
        critic.heads.begin_embeddings(table)
    return critic


def class_table(path, heads, classes) -> torch.Tensor:
    """The one matrix [rows, dim] of a file, a class a row: in_embeddings/tf_efficientnet_lite0.pkl of Zyriix/D2O."""
    if heads != "paper" or not classes:
        found = f"{heads} heads on {f'a network of {classes} classes' if classes else 'a network without classes'}"
        raise UserError(
            f"class_embeddings {path}: the small heads have unit embeddings of their own; class embeddings are for the "
            f"paper's heads of a conditional network, and these are {found}: leave class_embeddings out, or take a "
            "paper-* preset and a teacher with classes"
        )
    matrices = [t.float() for t in pickled_or_saved(path) if t.ndim == 2]
    if len(matrices) != 1:
        raise UserError(f"{path}: {len(matrices)} matrices; a table of class embeddings is one")
    if len(matrices[0]) < classes:
        raise UserError(f"{path}: {len(matrices[0])} class embeddings, the teacher knows {classes} classes")
    return matrices[0]


def pickled_or_saved(path) -> list[torch.Tensor]:
    if not os.path.isfile(path):
        raise UserError(f"{path}: no such file")
    return pickled_tensors(path) if os.fspath(path).endswith(".pkl") else list(file_tensors(path).values())
