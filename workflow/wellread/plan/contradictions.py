"""Settings of one config that contradict each other: schedules longer than training, views that do not fit crops."""

from wellread.encoder.sizes import size_in
from wellread.plan import choosing, taught
from wellread.plan.leaks import JUDGING, leaks
from wellread.runtime.errors import InputError
from wellread.runtime.registry import chosen

SMALLEST_VIEW = 0.6  # of the side of a crop: less shows the middle of a cell only
APPENDED = ("intensity", "texture")  # options of `embed`: measures of crops beside the encoder's
RANGES = ("scale", "local_scale", "mask_ratio")  # smallest and largest share


def contradictions(config: dict, given: dict) -> list[InputError]:
    """Errors of a config with defaults filled in; `given` is the config as its user wrote it."""
    errors = [error for name, dataset in config["datasets"].items() for error in _of_dataset(name, dataset)]
    for name, model in config["models"].items():
        where = f"models.{name}"
        errors += _encoder(model["encoder"], model["embed"], where) + _views(config, model, where)
        errors += _capped(config["datasets"], model, where)
        if chosen("encoder", model["encoder"]).trained:
            errors += _schedules(model, (given["models"][name] or {}).get("train", {}), where)
            errors += _batches(model["fit"], model["processes"] * model["nodes"], where) + _method(model, where)
    return errors + choosing.errors(config) + leaks(config) + taught.errors(config)


def _of_dataset(name: str, dataset: dict) -> list[InputError]:
    """Percentiles and limits of flags whose lower end is not below the upper one; more cells than a well may have."""
    if dataset["object"] == "profile":
        return []
    ranges = {"calibrate.percentiles": dataset["calibrate"]["percentiles"]}
    for section in ("calibrate", "crops"):
        for measure, rule in dataset[section]["flags"].items():
            ranges |= {f"{section}.flags.{measure}.{kind}": bounds for kind, bounds in rule.items()}
    falling = {key: bounds for key, bounds in ranges.items() if _falls(bounds, equal=True)}
    return [_reversed(f"datasets.{name}.{key}", bounds) for key, bounds in falling.items()] + _too_few(name, dataset)


def _too_few(name: str, dataset: dict) -> list[InputError]:
    """Wells that need more cells for a profile than are taken of them."""
    most, least = dataset["crops"]["max_per_well"], dataset["aggregate"]["min_cells"]
    if not most or least <= most:
        return []
    edit, where = f"write {most} or less, or a larger crops.max_per_well", f"datasets.{name}.aggregate.min_cells"
    return [InputError(f"at most the {most} cells of a well (crops.max_per_well)", f"{least}", where, edit)]


def _capped(datasets: dict, model: dict, where: str) -> list[InputError]:
    """Numbers of cells that are to be compared where wells have no more cells than a given number."""
    capped = [name for name in model["embed_on"] if datasets.get(name, {}).get("crops", {}).get("max_per_well")]
    if "cell_count" not in model["encoder"]:
        return []
    expected, edit = (
        "crops.max_per_well: 0, as this model counts cells",
        "write 0, or leave the dataset out of embed_on",
    )
    return [
        InputError(expected, f"{datasets[name]['crops']['max_per_well']}", f"datasets.{name}, {where}", edit)
        for name in capped
    ]


def _falls(bounds, equal: bool = False) -> bool:
    low, high = bounds
    return None not in (low, high) and (low >= high if equal else low > high)


def _reversed(where: str, bounds) -> InputError:
    return InputError("the smaller number first", f"{list(bounds)}", where, f"write {sorted(bounds)}")


def _schedules(model: dict, given: dict, where: str) -> list[InputError]:
    """Warm-ups that training does not outlast; those of the method only if they were asked for."""
    epochs, (method,) = model["fit"]["epochs"], model["train"]
    told = (given.get(method) or {}) if given else {}
    lengths = {f"fit.{key}": model["fit"].get(key) for key in ("warmup_epochs", "freeze_backbone_epochs")}
    lengths |= {f"train.{method}.{key}": told.get(key) for key in ("temperature_epochs", "freeze_epochs")}
    lengths = {key: n for key, n in lengths.items() if n is not None}  # else a share of the training
    too_long = {key: n for key, n in lengths.items() if n > epochs or (n == epochs and "temperature" not in key)}
    edit = f"write {epochs // 5} or another number below {epochs}, or train for more epochs"
    return [
        InputError(f"fewer epochs than the {epochs} of the training", f"{length}", f"{where}.{key}", edit)
        for key, length in too_long.items()
    ]


def spent(config: dict) -> list[str]:
    """Notes on corrections that leave no negative control to judge by, beside tasks that compare with controls."""
    judged = [name for name, task in config["tasks"].items() if JUDGING & set(chosen("measure", task["measure"]).needs)]
    return [
        f"corrections.{name}: {step} is fitted on all negative controls, so with it {', '.join(judged)} looks too good"
        for name, steps in choosing.chains(config).items()
        for step in (one.name for one in (chosen("correction", step) for step in steps) if one.spends_controls)
        if judged
    ]


def _batches(fit: dict, processes: int, where: str) -> list[InputError]:
    """Batches that cannot be divided into micro-batches of two cells."""
    parts, batch = fit["accumulate"] * processes, fit["batch"]
    if batch % parts == 0 and batch >= 2 * parts:
        return []
    expected = f"a multiple of {parts} (fit.accumulate x processes x nodes), at least {2 * parts}"
    return [InputError(expected, f"{batch}", f"{where}.fit.batch", f"write {max(2, round(batch / parts)) * parts}")]


def _encoder(encoder: dict, embed: dict, where: str) -> list[InputError]:
    """Numbers of a transformer of ours that do not divide one another; measures beside vectors of no dimensions."""
    ((kind, options),) = encoder.items()
    if chosen("encoder", encoder).blind and (appended := [name for name in APPENDED if embed[name]]):
        return [_appended_to_nothing(name, kind, f"{where}.embed.{name}") for name in appended]
    if "patch" not in options:
        return []
    size = size_in(options)
    where_it_is = f"{where}.encoder.{kind}"
    errors = _multiple(options["image"], options["patch"], f"{where_it_is}.image", "patches")
    errors += _multiple(size["dim"], size["heads"], f"{where_it_is}.dim", "heads")
    errors += _multiple(embed.get("view") or 0, options["patch"], f"{where}.embed.view", "patches")
    if embed["blocks"] > size["depth"]:
        found, edit = f"{embed['blocks']}", f"write {size['depth']} or fewer"
        errors.append(InputError(f"at most the {size['depth']} blocks there are", found, f"{where}.embed.blocks", edit))
    return errors


def _appended_to_nothing(name: str, kind: str, where: str) -> InputError:
    """A measure of crops beside an encoder, `kind`, that looks at no pixels."""
    edit = f"remove {where}, or make it a model of its own by encoder: {{{name}: {{}}}}"
    return InputError(f"{name} beside an encoder of pixels", kind, where, edit)


def _multiple(number, of: int, where: str, what: str) -> list[InputError]:
    if number == "auto" or number % of == 0:
        return []
    near = [n for n in (number // of * of, -(-number // of) * of) if n]
    edit = f"write {' or '.join(map(str, near))}"
    return [InputError(f"a multiple of {of} (whole {what})", f"{number}", where, edit)]


def _method(model: dict, where: str) -> list[InputError]:
    """Views and heads of a training method that do not fit its encoder; ranges that fall."""
    ((method, options),) = model["train"].items()
    vit, where_it_is, errors = model["encoder"]["vit"], f"{where}.train.{method}", []
    ranges = {f"{where}.views.scale": model["views"]["scale"]}
    ranges |= {f"{where_it_is}.{key}": options[key] for key in RANGES if isinstance(options.get(key), list)}
    errors += [_reversed(key, bounds) for key, bounds in ranges.items() if _falls(bounds)]
    if options.get("local_views"):
        side, image = options["local_image"], vit["image"]
        errors += _multiple(side, vit["patch"], f"{where_it_is}.local_image", "patches")
        if image != "auto" and side > image:
            edit = f"write {image // 2 // vit['patch'] * vit['patch'] or vit['patch']}"
            where_local = f"{where_it_is}.local_image"
            errors.append(InputError(f"local views of at most the image of {image} px", f"{side}", where_local, edit))
    if "decoder_heads" in options:
        errors += _multiple(options["decoder_dim"], options["decoder_heads"], f"{where_it_is}.decoder_dim", "heads")
    return errors


def _views(config: dict, model: dict, where: str) -> list[InputError]:
    """Views that are larger than the crop, or, without `embed.view`, show little of it."""
    ((kind, options),) = model["encoder"].items()
    choice, view = chosen("encoder", model["encoder"]), model["embed"].get("view")
    if not choice.views or options.get("fit") == "resize":
        return []
    sides = {f"{where}.encoder.{kind}.{key}": options[key] for key in choice.views if options[key] != "auto"}
    sides |= {f"{where}.embed.view": view} if view else {}
    names = dict.fromkeys([*model["train_on"], *model["embed_on"]])
    crops = {name: config["datasets"][name]["crops"]["size"] for name in names if name in config["datasets"]}
    return [
        InputError(
            f"a view of {SMALLEST_VIEW:g} to 1 times the side of a crop ({size} px, datasets.{name}.crops.size)",
            f"{side} px, " + ("larger than the crop" if side > size else "the middle of the crop only"),
            key,
            ("write fit: resize" if "fit" in options else f"write a multiple of the patch up to {size}")
            + ", or another crops.size"
            + ("" if side > size or "fit" in options else ", or say with embed.view that you mean it"),
        )
        for name, size in crops.items()
        if isinstance(size, int)
        for key, side in sides.items()
        if side > size or (side < SMALLEST_VIEW * size and not view)
    ]
