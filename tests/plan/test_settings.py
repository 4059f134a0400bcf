"""The schema is the manual: it agrees with every function's signature, fills every default, and names every slip."""

import inspect
import re
from copy import deepcopy

import pytest
import yaml
from paths import ROOT
from snakemake.utils import update_config
from wellread.calibrate.calibrate import survey
from wellread.crops.crops import crops
from wellread.encoder.embed import embed
from wellread.encoder.views import augmentation
from wellread.painted import atlas_layout
from wellread.painted.layout import images
from wellread.plan import manual, settings
from wellread.profiles.aggregate import aggregate
from wellread.profiles.consensus import consensus
from wellread.profiles.pool import pool_plate
from wellread.runtime.errors import InputError
from wellread.runtime.registry import choices, functions
from wellread.train.checkpoint import Checkpoint
from wellread.train.loop import fit

DEMO = yaml.safe_load((ROOT / "config" / "config.yaml").read_text())
DEFS = settings.schema()["$defs"]
SECTIONS = ("images", "illumination", "segment", "encoder", "train", "correction", "measure", "draw", "look")
REGISTRIES = {section: functions(section) for section in SECTIONS}  # section of the schema: the functions it offers
REGISTRIES["images"] |= {"painted": images, "painted_atlas": atlas_layout.images}  # with the options of the layout
MACHINE = ("device", "threads", "deterministic")
PLAIN = {  # sections that are the options of one function (aggregate: of two), and what the function takes besides
    "calibrate": (survey, set()),
    "crops": (crops, set()),
    "aggregate": (aggregate, {"seed"}),
    "consensus": (consensus, set()),
    "views": (augmentation, set()),
    "fit": (fit, {"seed", "device"}),
    "embed": (
        embed,
        {"channels", "device", "threads", "encoder", "weights", "model", "seed", "outlines", "deterministic"},
    ),
}


def options(function) -> dict:
    """Keyword-only parameters and their defaults, as YAML would have them (no default: ...)."""
    parameters = inspect.signature(function).parameters.values()
    return {p.name: plain(p.default) for p in parameters if p.kind == p.KEYWORD_ONLY}


def plain(value):
    if value is inspect.Parameter.empty:
        return ...
    return [plain(item) for item in value] if isinstance(value, list | tuple) else value


def described(section: dict) -> dict:
    """The properties of a section and their defaults, as the schema has them."""
    required = section.get("required", [])
    return {key: ... if key in required else rule.get("default") for key, rule in section["properties"].items()}


OFFERED = [(section, name) for section, registry in REGISTRIES.items() for name in registry]


@pytest.mark.parametrize(("section", "name"), OFFERED)
def test_schema_and_signature_agree(section, name):
    assert name in DEFS[section]["properties"], (
        f"workflow/schemas/config.schema.yaml does not describe {section}: {name}"
    )
    expected = {k: v or None for k, v in options(REGISTRIES[section][name]).items()}
    assert {k: v or None for k, v in described(DEFS[section]["properties"][name]).items()} == expected


@pytest.mark.parametrize("section", PLAIN)
def test_schema_and_signature_agree_where_there_is_one_function(section):
    function, besides = PLAIN[section]
    of_steps = {"aggregate": options(pool_plate), "fit": options(Checkpoint.__init__) | {"balance": []}}.get(
        section, {}
    )
    expected = of_steps | {key: value for key, value in options(function).items() if key not in besides}
    assert described(DEFS[section]) == expected


@pytest.mark.parametrize("section", REGISTRIES)
def test_the_schema_offers_what_the_registry_has(section):
    assert set(DEFS[section]["properties"]) == set(REGISTRIES[section])


@pytest.mark.parametrize(("section", "name"), OFFERED)
def test_what_is_declared_of_options_is_about_options_there_are(section, name):
    one = choices(section)[name]
    declared = {*one.channels, *one.columns, *one.files, *one.micrometres, *one.patterns, *one.views}
    assert declared <= set(options(REGISTRIES[section][name]))


def keys(rule, path="config"):
    for key, sub in rule.get("properties", {}).items():
        yield f"{path}.{key}", sub
        yield from keys(settings.resolve(sub), f"{path}.{key}")


ALL_KEYS = [pair for name, rule in DEFS.items() for pair in keys(rule, name)]


def test_every_key_is_described():
    assert not [path for path, rule in ALL_KEYS if not {"description"} & {*rule, *settings.resolve(rule)}]


@pytest.mark.parametrize("path", sorted(ROOT.glob("config/*.yaml")), ids=lambda path: path.stem)
def test_every_shipped_config_is_valid_and_full_of_defaults(path):
    config = settings.load(yaml.safe_load(path.read_text()))
    for dataset in config["datasets"].values():
        assert {*dataset, "corrections"} == set(DEFS["dataset"]["properties"])  # which without a default means all
        assert all(options for options in dataset["segment"].values())


@pytest.mark.dag
@pytest.mark.parametrize("path", ["config.yaml", "datasets/bbbc013.yaml"])
def test_every_method_of_the_benchmark_is_trained_on_three_seeds(path):
    names = (f"config/{path}", "tests/benchmarks/methods.yaml")
    config, methods = (yaml.safe_load((ROOT / name).read_text()) for name in names)
    update_config(config, methods)
    models = settings.load(config)["models"]
    for names in methods["tables"]["methods"]["together"].values():
        assert [models[name].get("seed") for name in names] == [None, 1, 2]
        first, *others = ({**models[name], "seed": None} for name in names)
        assert others == [first, first]


HPA = {"datasets": {"hpa": {"images": {"painted": {}}, "wells": "x", "channels": ["tubulin", "protein", "DNA", "ER"]}}}


@pytest.mark.parametrize("path", sorted(ROOT.glob("config/presets/*.yaml")), ids=lambda path: path.stem)
def test_every_preset_adds_one_model_to_a_config(path):
    base = HPA if "hpa" in path.stem else DEMO
    preset = yaml.safe_load(path.read_text())
    assert set(preset) == {"models"}
    (given,) = preset["models"].values()
    base = deepcopy(base)
    for dataset in base["datasets"].values():
        dataset["crops"] = {"size": given.get("embed", {}).get("view") or given["encoder"]["vit"]["image"]}
    config = settings.load(base | preset)
    (model,) = config["models"].values()
    vit = model["encoder"]["vit"]
    assert vit["image"] % vit["patch"] == 0
    assert model["fit"]["batch"] % (model["fit"]["accumulate"] * model["processes"]) == 0


def test_a_given_encoder_takes_no_training():
    config = deepcopy(DEMO)
    config["models"]["tiny"] = {"encoder": {"random": {}}, "fit": {"epochs": 3}, "train": {"mae": {}}}
    with pytest.raises(InputError, match="train, fit"):
        settings.load(config)
    config["models"]["tiny"] = {"encoder": {"random": {"image": 48}}}
    model = settings.load(config)["models"]["tiny"]
    assert (model["train_on"], model["embed_on"]) == ([], ["demo"])


def test_views_name_channels_of_the_dataset():
    config = deepcopy(DEMO)
    config["models"]["tiny"]["views"] = {"kept_channels": ["DAN"]}
    with pytest.raises(InputError, match="DNA"):
        settings.load(config)


def test_views_of_single_channels_name_none():
    config = deepcopy(DEMO)
    model = config["models"]["tiny"]
    model["encoder"]["vit"] |= {"each_channel": True}
    settings.load(config)
    model["views"] = {"rescaled_channels": ["DNA"]}
    with pytest.raises(InputError, match=r"(?s)none.*each_channel.*DNA.*models.tiny.views.rescaled_channels"):
        settings.load(config)


def test_the_manual_is_written_from_the_schema():
    prose = (ROOT / "config" / "README.md").read_text()
    assert prose.split(manual.MARK)[1].strip() == manual.manual().strip()
    written = {path.stem: path.read_text() for path in (ROOT / "config" / "reference").glob("*.md")}
    assert written == manual.pages()
    told = re.findall(r"^(?: *- `|### )(\w+)", "\n".join([prose, *written.values()]), re.M)
    assert {path.rsplit(".", 1)[1] for path, _ in ALL_KEYS} <= set(told)


def anchors(text):
    """Of every heading of a page its anchor, as GitHub makes it: {anchor: heading}."""
    found = {}
    for heading in re.findall(r"^#+ (.*)$", text, re.M):
        anchor = re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
        again = sum(other == heading for other in found.values())
        found[anchor + (f"-{again}" if again else "")] = heading
    return found


@pytest.mark.parametrize("page", ["README.md", *(f"reference/{page}.md" for page in manual.PAGES)])
def test_what_the_manual_lists_as_its_contents_is_there_and_once(page):
    path = ROOT / "config" / page
    links = re.findall(r"\[([^\]]+)\]\(([^)#:]*)#([^)]+)\)", path.read_text())
    for _, target, anchor in links:
        assert anchor in anchors((path.parent / target if target else path).read_text())
    if page != "README.md":
        assert [anchor for _, _, anchor in links] == list(anchors(path.read_text()))[1:]
        assert [word for word, _, anchor in links] == list(anchors(path.read_text()).values())[1:]


OURS = (
    "config/datasets/*",
    "config/presets/*",
    "config/config",
    "config/painted_atlas",
    "config/template",
    "tests/benchmarks/*",
)
CONFIGS = [path.relative_to(ROOT) for name in OURS for path in ROOT.glob(f"{name}.yaml")]


@pytest.mark.parametrize("config", CONFIGS, ids=str)
def test_every_config_names_its_schema_for_editors(config):
    (schema,) = re.findall(r"^# yaml-language-server: \$schema=(.*)$", (ROOT / config).read_text(), re.M)
    assert (ROOT / config.parent / schema).resolve() == settings.SCHEMA.resolve()


WORDS = {"$schema", "$ref", "$defs", "title", "type", "description", "default", "enum", "const", "oneOf", "pattern"}
WORDS |= {"reruns", "properties", "additionalProperties", "required", "propertyNames", "minProperties", "maxProperties"}
WORDS |= {"items", "minItems", "maxItems", "uniqueItems", "minLength", "if", "else"}
WORDS |= {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}


def strange_words(rule, names=False):
    """Words of a schema that are none, such as what follows an unquoted comma."""
    if isinstance(rule, dict):
        for key, value in rule.items():
            if not names and key not in WORDS:
                yield key
            if names or key not in ("default", "enum", "const", "required"):
                yield from strange_words(value, not names and key in ("properties", "$defs"))


def test_the_schema_is_free_of_slips_of_yaml():
    assert not list(strange_words(settings.schema()))


def minimal(**changes):
    dataset = {"images": {"table": {"path": "i.csv"}}, "wells": "w.csv", "channels": ["DNA"]}
    return {"datasets": {"a": dataset}, "models": {"m": {}}} | changes


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (minimal(modles={}), ["modles -> models", "the top level"]),
        (minimal(seed="1"), ["type integer", "'1'", "seed"]),
        (minimal(tasks=None), ["type object", "None", "{}"]),
        (minimal(seed=-1), ["at least 0", "-1"]),
        (minimal(seed=2**32), ["at most 4294967295", "seed"]),
        (minimal(device="gpu"), ["one of auto, cpu, cuda", "'gpu'"]),
        (minimal(models={"my_model": {}}), ["text that matches", "'my_model'", "models"]),
        (minimal(models={61 * "m": {}}), ["text that matches", "{0,59}", "models"]),
        (minimal(corrections={"a": []}), ["none", "corrections"]),
        (minimal(models={"m": {}, "M": {}}), ["M and m", "models", "case"]),
        (
            minimal(tasks={name: {"measure": {"knn": {}}} for name in ("by_moa", "by_MoA")}),
            ["by_MoA and by_moa", "tasks"],
        ),
        ({"models": {"m": {}}}, ["the key datasets"]),
        (minimal(tasks={"t": {"measure": {"knn": {}, "average_precision": {}}}}), ["exactly one of"]),
    ],
)
def test_every_slip_is_named(config, words):
    with pytest.raises(InputError) as error:
        settings.load(config)
    assert all(word in str(error.value) for word in words), error.value


def test_all_slips_are_told_at_once():
    with pytest.raises(InputError) as error:
        settings.load(minimal(seed="x", device="gpu", extra=1))
    assert len(re.findall("expected", str(error.value))) == 3


@pytest.mark.parametrize(("text", "words"), [("1e-3", r"write 1\.0e-3"), (".5", "of --config: write it in a file")])
def test_numbers_that_yaml_takes_for_text_are_explained(text, words):
    config = minimal()
    config["datasets"]["a"]["calibrate"] = {"max_failed_fields": text}
    with pytest.raises(InputError, match=words):
        settings.load(config)


def test_models_share_their_channels():
    config = minimal()
    config["datasets"]["b"] = config["datasets"]["a"] | {"channels": ["DNA", "ER"]}
    with pytest.raises(InputError, match="the channels of a, in their order: DNA"):
        settings.load(config)
    config["models"] = {"m": {"train_on": ["a"]}, "n": {"train_on": ["b"]}}
    assert settings.load(config)["models"]["m"]["embed_on"] == ["a"]


def test_what_changes_no_result_is_left_out_of_what_re_runs():
    config = minimal(models={"m": {"embed": {"batch": 7, "turn": True}, "fit": {"checkpoint_every": 3}}})
    counted = settings.that_change_results(settings.load(config))
    assert "device" not in counted
    assert "batch" not in counted["models"]["m"]["embed"]
    assert counted["models"]["m"]["embed"]["turn"] is True
    assert "checkpoint_every" not in counted["models"]["m"]["fit"]
    assert counted["models"]["m"]["fit"]["batch"] == 256
    assert counted["datasets"]["a"]["segment"] == settings.load(config)["datasets"]["a"]["segment"]


def test_loading_leaves_the_given_config_alone():
    config = minimal()
    settings.load(config)
    assert config == minimal()


def names_in(config):
    loaded = settings.load(config)
    (dataset,), (model,) = loaded["datasets"], loaded["models"]
    return dataset, model, loaded["models"][model]["embed_on"]


def test_names_that_are_whole_numbers_are_text():
    config = minimal(models={7: {"encoder": {"random": {}}}})
    config["datasets"] = {20240115: config["datasets"]["a"]}
    pattern = {"folder": "x", "regex": "y", "names": {1: "DNA", "2": "RNA"}}
    config["datasets"][20240115]["images"] = {"pattern": pattern}
    assert names_in(config) == ("20240115", "7", ["20240115"])
    images = settings.load(config)["datasets"]["20240115"]["images"]
    assert images["pattern"]["names"] == {"1": "DNA", "2": "RNA"}
    assert 7 in config["models"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("tasks: {NO: {measure: {knn: {}}}}", ["False", "true or false to YAML", "tasks", "write quotes"]),
        ("tasks: {on: {measure: {knn: {}}}}", ["True", "true or false to YAML", "tasks", "write quotes"]),
        ("figures: {1.50: {draw: {umap: {}}}}", ["1.5", "figures", "write quotes around the name: '1.5'"]),
        ("figures: {2024-01-15: {draw: {umap: {}}}}", ["figures", "write quotes around the name: '2024-01-15'"]),
        ("figures: {~: {draw: {umap: {}}}}", ["None", "figures", "write quotes"]),
        ("tasks: {t: {measure: {knn: {label: no}}}}", ["False", "tasks.t.measure.knn.label", "write quotes"]),
        ("tasks: {t: {measure: {knn: {label: 7}}}}", ["tasks.t.measure.knn.label", "write quotes around it, '7'"]),
        ("tasks: {t: {measure: {knn: {diffby: [1]}}}}", ["knn.diffby.0", "write quotes around it, '1'"]),
    ],
)
def test_what_yaml_makes_of_names_is_told(text, words):
    with pytest.raises(InputError) as error:
        settings.load(minimal() | yaml.safe_load(text))
    assert all(word in str(error.value) for word in words), error.value


@pytest.mark.parametrize(
    ("object_", "given", "expected"),
    [("cell", {}, True), ("field", {}, True), ("crop", {}, False), ("crop", {"incomplete": True}, True)],
)
def test_gaps_of_crops_are_padding_unless_the_config_says_otherwise(object_, given, expected):
    config = deepcopy(DEMO)
    config["datasets"]["demo"] |= {"object": object_, "calibrate": given}
    for noun in ("tasks", "figures"):
        config[noun] = {}
    assert settings.load(config)["datasets"]["demo"]["calibrate"]["incomplete"] == expected


def test_whole_numbers_with_a_point_are_whole_numbers():
    filled = settings.load(deepcopy(DEMO) | {"seed": 1.0e3})
    assert filled["seed"] == 1000
    assert type(filled["seed"]) is int


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_what_is_no_number_is_refused(number):
    config = deepcopy(DEMO)
    config["models"]["tiny"]["fit"]["base_lr"] = number
    with pytest.raises(InputError, match=r"models\.tiny\.fit\.base_lr"):
        settings.load(config)
