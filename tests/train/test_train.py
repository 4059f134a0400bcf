"""Training as a job: it resumes to the same bytes, learns what it should, and refuses what it must."""

import json
import os
import platform
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from paths import ROOT
from wellread.encoder.architecture import vit
from wellread.encoder.embed import embed
from wellread.encoder.readouts import trained
from wellread.encoder.weights import load_encoder
from wellread.runtime import table_files
from wellread.runtime.errors import InputError
from wellread.train import checkpoint, dataset, launch, lock, loop, train
from wellread.train.methods import dino
from wellread.train.methods.supervised import Classifier
from wellread.train.monitor import embedding_statistics
from wellread.train.optimise import clip_gradients
from wellread.train.schedules import one_cycle

pytestmark = pytest.mark.dag

CHANNELS = ["DNA", "Mito"]
VIT = {"dim": 32, "depth": 2, "heads": 2, "patch": 4, "image": 16, "layer_scale": 0.1}
DINO = {"local_views": 1, "local_image": 8, "prototypes": 32, "hidden": 32, "bottleneck": 16, "temperature_epochs": 1}
FIT = {"batch": 16, "epochs": 4, "warmup_epochs": 1, "checkpoint_every": 5}
OTHERS = {
    "simclr": {"hidden": 32, "dimension": 16},
    "mae": {"decoder_dim": 16, "decoder_depth": 1, "decoder_heads": 2},
    "supervised": {"label": "kind"},
    "attention_mlp": {"label": "kind"},
}


def textures(n, side=20, seed=0):
    """Two kinds of crop, by turns: stripes and grains, at any angle, place and brightness."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:side, :side]
    angle, phase = rng.uniform(0, np.pi, (n, 1, 1)), rng.uniform(0, 6, (n, 1, 1))
    stripes = np.sin((x * np.cos(angle) + y * np.sin(angle)) * 1.6 + phase)
    grains = rng.normal(0, 0.7, (n, side, side))
    kind = np.arange(n) % 2
    light = np.where(kind[:, None, None], stripes, grains)[:, None].repeat(2, axis=1)
    light = 110 + rng.uniform(20, 50, (n, 2, 1, 1)) * light + rng.normal(0, 10, light.shape)
    return light.clip(0, 255).astype(np.uint8), kind


@pytest.fixture
def plates(tmp_path):
    """Crops and tables of two plates."""
    paths = [], []
    for plate, n in enumerate((40, 24)):
        crops, cells = tmp_path / f"crops{plate}.npy", tmp_path / f"cells{plate}.parquet"
        np.save(crops, textures(n, seed=plate)[0])
        table_files.write(pd.DataFrame({"well": ["A01"] * n}), cells, "cells")
        paths[0].append(str(crops))
        paths[1].append(str(cells))
    return paths


def arguments(plates, folder, method="dino", encoder=(), views=(), fit=(), **options):
    """Arguments of `train`; `options` are the method's."""
    folder.mkdir(exist_ok=True)
    outputs = {"weights": "weights.safetensors", "model": "model.json", "training": "training.parquet"}
    outputs = {name: str(folder / file) for name, file in outputs.items()} | {"speed": f"{folder}.speed.tsv"}
    method = {method: (DINO if method == "dino" else OTHERS[method]) | options}
    how = {"encoder": VIT | dict(encoder), "method": method, "views": dict(views), "fit": FIT | dict(fit)}
    return plates, dict(channels=CHANNELS, **how, seed=3, device="cpu", threads=1, **outputs)


def run(plates, folder, *, also=(), **options):
    files, settings = arguments(plates, folder, **options)
    train.train(*files, **settings | dict(also))
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def start(plates, folder, **options):
    """The same in a process of its own."""
    files, settings = arguments(plates, folder, **options)
    code = f"from wellread.train.train import train; train(*{files!r}, **{settings!r})"
    return subprocess.Popen([sys.executable, "-c", code], env=alone(), stderr=subprocess.PIPE, text=True)


def alone() -> dict:
    """The environment of a process of its own."""
    return os.environ | {"PYTHONPATH": str(ROOT / "workflow"), "OMP_NUM_THREADS": "1"}


class Forks:
    """Trains in forks of a process that has imported what training needs, one after the other."""

    LOOP = """
import os, sys
from wellread.encoder import views_cpu
from wellread.train.train import train
for _ in sys.stdin:
    process = os.fork()
    if not process:
        train(*{files!r}, **{settings!r})
        os._exit(0)
    print(process, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), flush=True)
"""

    def __init__(self, plates, folder, **options):
        files, settings = arguments(plates, folder, **options)
        code = self.LOOP.format(files=files, settings=settings)
        self.server = subprocess.Popen([sys.executable, "-c", code], env=alone(), stdin=-1, stdout=-1, text=True)

    def start(self) -> int:
        """Begin to train; returns the number of the process."""
        self.server.stdin.write("\n")
        self.server.stdin.flush()
        return int(self.server.stdout.readline())

    def ended(self) -> int:
        """Its exit code, when it has ended."""
        return int(self.server.stdout.readline())

    def close(self):
        self.server.communicate()


def wait_for(path):
    for _ in range(6000):
        if path.exists():
            return
        time.sleep(0.05)
    raise TimeoutError(path)


@pytest.mark.dag
@pytest.mark.parametrize(("keep", "more"), [(True, {"checkpoint.pt"}), (False, set())])
def test_outputs_and_the_last_state_if_it_is_to_stay(plates, tmp_path, keep, more):
    files = run(plates, tmp_path / "model", fit={"keep_last": keep})
    assert files.keys() == {"weights.safetensors", "model.json", "training.parquet", *more}
    facts = json.loads(files["model.json"])
    assert facts["channels"] == CHANNELS
    size = {"dim": 32, "depth": 2, "heads": 2, "registers": 0, "ffn": "mlp"}
    assert facts["encoder"] == {"channels": 2, "image": 16, "patch": 4} | size
    rows = pd.read_parquet(tmp_path / "model" / "training.parquet")
    assert rows["step"].tolist() == [0, 3, 7, 10, 11, 15]
    ends = rows["step"] % 4 == 3  # of epochs
    assert np.isfinite(rows[ends]).all(axis=None)
    assert rows.columns[rows[~ends].isna().any()].tolist() == ["effective_rank"]
    losses = rows[["global", "local", "koleo", "ibot"]].sum(axis=1)
    np.testing.assert_allclose(losses, rows["loss"], rtol=1e-5)


@pytest.mark.dag
def test_the_precision_that_was_taken_is_written_down(plates, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(train, "training_precision", lambda *_: "bf16")
    with caplog.at_level("INFO", logger="wellread"):
        files = run(plates, tmp_path / "model")
    assert "precision auto is bf16 here" in caplog.text
    assert json.loads(files["model.json"])["precision"] == "bf16"
    loss = pd.read_parquet(tmp_path / "model" / "training.parquet")["loss"]
    run(plates, tmp_path / "bf16", fit={"precision": "bf16"})
    assert (pd.read_parquet(tmp_path / "bf16" / "training.parquet")["loss"] == loss).all()


@pytest.mark.dag
def test_same_seed_same_bytes_and_another_seed_others(plates, tmp_path):
    first, second = run(plates, tmp_path / "a"), run(plates, tmp_path / "b")
    assert first == second
    files, settings = arguments(plates, tmp_path / "c")
    train.train(*files, **settings | {"seed": 4})
    assert (tmp_path / "c" / "weights.safetensors").read_bytes() != first["weights.safetensors"]


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_run_ends_like_an_unbroken_one(plates, tmp_path, how):
    options = {"fit": {"epochs": 20, "keep_last": False}, "encoder": {"drop_path": 0.2}}
    unbroken = run(plates, tmp_path / "unbroken", **options)
    process = start(plates, tmp_path / "killed", **options)
    wait_for(tmp_path / "killed" / "checkpoint.pt")
    process.send_signal(how)
    signalled = time.monotonic()
    errors = process.communicate()[1]
    assert time.monotonic() - signalled < 60  # it does not go on to its end, however busy the machine is
    assert process.returncode == (1 if how == signal.SIGTERM else -how)
    assert "Traceback" not in errors
    done = torch.load(tmp_path / "killed" / "checkpoint.pt", weights_only=True)["step"]
    assert 0 < done < 80
    assert run(plates, tmp_path / "killed", **options) == unbroken


@pytest.mark.slow
def test_a_run_killed_twenty_times_ends_like_an_unbroken_one(plates, tmp_path):
    options = {"fit": {"epochs": 100, "keep_last": False}, "encoder": {"drop_path": 0.2}}
    unbroken = run(plates, tmp_path / "unbroken", **options)
    rng, saved, steps = np.random.default_rng(0), tmp_path / "killed" / "checkpoint.pt", []
    with closing(Forks(plates, tmp_path / "killed", **options)) as forks:
        for _ in range(20):
            was = saved.stat().st_mtime_ns if saved.exists() else 0
            process = forks.start()
            while not saved.exists() or saved.stat().st_mtime_ns == was:
                time.sleep(0.01)
            time.sleep(rng.uniform(0, 0.1))
            os.kill(process, signal.SIGKILL)
            assert forks.ended() == -signal.SIGKILL
            steps.append(torch.load(saved, weights_only=True)["step"])
    assert steps == sorted(set(steps))
    assert steps[-1] < 400
    assert run(plates, tmp_path / "killed", **options) == unbroken


@pytest.mark.slow
def test_training_tells_textures_apart_that_an_untrained_network_confuses(tmp_path):
    crops, kind = textures(256)
    np.save(tmp_path / "crops.npy", crops)
    table_files.write(pd.DataFrame({"well": ["A01"] * 256}), tmp_path / "cells.parquet", "cells")
    plates = [str(tmp_path / "crops.npy")], [str(tmp_path / "cells.parquet")]
    scores = {}
    for name, fit in {"untrained": {"epochs": 1, "epoch_length": 1}, "trained": {"epochs": 20}}.items():
        folder, fit = tmp_path / name, fit | {"base_lr": 2e-2}
        dino = {"momentum": 0.98, "koleo": 0.5, "temperature": (0.04, 0.04)}
        run(plates, folder, encoder={"layer_scale": 1.0}, views={"scale": (0.4, 1.0)}, fit=fit, **dino)
        model = {"weights": folder / "weights.safetensors", "model": folder / "model.json"}
        embed(plates[0][0], folder / "out.npy", channels=CHANNELS, encoder={"vit": {}}, **model, device="cpu")
        scores[name] = neighbours_agree(np.load(folder / "out.npy"), kind)
    assert scores["trained"] > 0.8
    assert scores["trained"] > scores["untrained"] + 0.1


def neighbours_agree(vectors, kind):
    """Share of cells whose five nearest others are mostly of their kind."""
    distance = np.linalg.norm(vectors[:, None] - vectors, axis=2)
    np.fill_diagonal(distance, np.inf)
    votes = kind[np.argsort(distance, axis=1)[:, :5]].mean(axis=1) > 0.5
    return np.mean(votes == kind)


@pytest.mark.dag
def test_a_checkpoint_of_other_settings_is_set_aside_with_what_differs(plates, tmp_path, caplog):
    unbroken = run(plates, tmp_path / "unbroken")
    before = run(plates, tmp_path / "model", fit={"base_lr": 1e-3, "clip": 1.0}, koleo=0.5)
    after = run(plates, tmp_path / "model")
    assert after == unbroken | {"checkpoint.1.pt": before["checkpoint.pt"]}
    for words in ("fit.clip: 1.0 -> None", "fit.base_lr: 0.001 -> None", "method.dino.koleo: 0.5 -> None"):
        assert words in caplog.text
    Path(plates[0][0]).touch()
    assert run(plates, tmp_path / "model").keys() == {*after, "checkpoint.2.pt"}
    assert f"files.0 {plates[0][0]}" in caplog.text


def test_processes_that_share_a_machine_share_the_memory_of_a_checkpoint(tmp_path, monkeypatch):
    network, load, how = torch.nn.Linear(2, 2), torch.load, []
    monkeypatch.setattr(torch, "load", lambda path, **options: (how.append(options), load(path, **options))[1])
    checkpoint.Checkpoint(tmp_path / "c.pt", {"a": 1}).save(3, 7, [], network=network)
    other = torch.nn.Linear(2, 2)
    assert checkpoint.Checkpoint(tmp_path / "c.pt", {"a": 1}).restore(network=other) == (3, [])
    assert torch.equal(other.weight, network.weight)
    assert how == [{"map_location": "cpu", "weights_only": True, "mmap": True}]


@pytest.mark.parametrize("content", [b"torn", *(pytest.param(c, marks=pytest.mark.slow) for c in (b"", None))])
def test_a_checkpoint_that_cannot_be_read_is_set_aside(plates, tmp_path, caplog, content):
    unbroken = run(plates, tmp_path / "model")
    path = tmp_path / "model" / "checkpoint.pt"
    torn = unbroken["checkpoint.pt"][:-1000] if content is None else content
    path.write_bytes(torn)
    assert run(plates, tmp_path / "model") == unbroken | {"checkpoint.1.pt": torn}
    assert "cannot be read" in caplog.text


@pytest.mark.slow
def test_what_changes_no_weight_does_not_begin_anew(plates, tmp_path, monkeypatch):
    """A state that is there already is not trained again, whatever is logged and however batches are divided."""
    options = {"koleo": 0.0, "encoder": {"drop_path": 0.0}}
    first = run(plates, tmp_path / "model", **options)
    monkeypatch.setattr(loop, "clip_gradients", None)
    for fit in ({"log_every": 3}, {"accumulate": 4}, {"compile": True}, {"checkpoint_every": 2}, {"extend": True}):
        again = run(plates, tmp_path / "model", **options, fit=fit)
        assert again["weights.safetensors"] == first["weights.safetensors"]
    for more in ({"koleo": 0.1}, {"centring": "sinkhorn_knopp"}, {"encoder": {"drop_path": 0.1}}):  # then it matters
        monkeypatch.setattr(loop, "clip_gradients", clip_gradients)
        run(plates, tmp_path / "model", **options | more)
        monkeypatch.setattr(loop, "clip_gradients", None)
        with pytest.raises(TypeError):
            run(plates, tmp_path / "model", **options | more, fit={"accumulate": 4})
        (tmp_path / "model" / "checkpoint.pt").unlink(missing_ok=True)


@pytest.mark.slow
def test_a_training_is_extended_if_asked(plates, tmp_path, caplog):
    short, whole = run(plates, tmp_path / "short"), run(plates, tmp_path / "whole", fit={"epochs": 6})
    assert run(plates, tmp_path / "model") == short
    longer = run(plates, tmp_path / "model", fit={"epochs": 6, "extend": True})
    assert "4 epochs becomes one of 6" in caplog.text
    assert json.loads(longer["model.json"])["extended"] == [16]
    assert longer["weights.safetensors"] not in (short["weights.safetensors"], whole["weights.safetensors"])
    rows, others = (pd.read_parquet(tmp_path / name / "training.parquet") for name in ("model", "whole"))
    assert rows["step"].tolist() == others["step"].tolist()
    assert (rows["lr"] == others["lr"]).tolist() == [True] * 2 + [False] * 4 + [True] * 3  # warm-up, 4 epochs, then 6
    assert run(plates, tmp_path / "model", fit={"epochs": 6})["weights.safetensors"] == longer["weights.safetensors"]
    assert run(plates, tmp_path / "model", fit={"epochs": 7}).keys() == {*longer, "checkpoint.1.pt"}
    assert "`extend: true` goes on from it" in caplog.text


@pytest.mark.slow
def test_snapshots_are_kept_and_can_be_gone_on_from(plates, tmp_path):
    fit = {"snapshot_epochs": 2, "checkpoint_every": 100}
    run(plates, tmp_path / "plain"), start_model(plates, tmp_path / "model", fit=fit)
    kept = sorted(tmp_path.glob("model/snapshots/*"))
    assert [path.name for path in kept] == ["epoch-00002.pt", "epoch-00004.pt"]
    assert [torch.load(path, weights_only=True)["step"] for path in kept] == [8, 16]
    for name in ("checkpoint.pt", "weights.safetensors"):
        (tmp_path / "model" / name).unlink()
    kept[0].rename(tmp_path / "model" / "checkpoint.pt")
    start_model(plates, tmp_path / "model", fit=fit)
    weights = [(tmp_path / name / "weights.safetensors").read_bytes() for name in ("plain", "model")]
    assert weights[0] == weights[1]


def start_model(plates, folder, **options):
    """`run`, in a folder that also holds folders."""
    files, settings = arguments(plates, folder, **options)
    train.train(*files, **settings)


def test_states_are_saved_by_the_clock(monkeypatch, tmp_path):
    seconds = [0.0]
    monkeypatch.setattr(checkpoint.time, "monotonic", lambda: seconds[0])
    saving = checkpoint.Checkpoint(tmp_path / "c.pt", {}, checkpoint_every=1000, checkpoint_minutes=2.0)
    assert saving.due(1000, 7)
    for now, due in ((119, False), (121, True)):
        seconds[0] = now
        assert saving.due(999, 7) == due
    monkeypatch.setattr(torch, "save", lambda *_: seconds.__setitem__(0, seconds[0] + 30))  # half a minute
    saving.save(999, 7, [])
    for now, due in ((121 + 30 + 599, False), (121 + 30 + 601, True)):  # of every 10 minutes
        seconds[0] = now
        assert saving.due(999, 7) == due


@pytest.mark.slow
def test_two_runs_never_train_one_model_at_once(plates, tmp_path):
    options = {"fit": {"epochs": 400}}
    process = start(plates, tmp_path / "model", **options)
    wait_for(tmp_path / "model" / "checkpoint.pt")
    for _ in range(2):
        with pytest.raises(InputError, match=f"process {process.pid} on {platform.node()} is training it"):
            run(plates, tmp_path / "model", **options)
    process.kill()
    process.communicate()
    files = run(plates, tmp_path / "model", fit={"epochs": 1, "warmup_epochs": 0})
    assert "checkpoint.lock" not in files


def test_a_disk_without_locks_is_warned_of(tmp_path, monkeypatch, caplog):
    def no_locks(*_):
        raise OSError("Function not implemented")

    monkeypatch.setattr(lock.fcntl, "flock", no_locks)
    with lock.locked(tmp_path / "x.lock"):
        assert "cannot be locked" in caplog.text


def test_a_lock_file_that_was_deleted_meanwhile_is_none(tmp_path, monkeypatch):
    path, first = tmp_path / "x.lock", lock.locked(tmp_path / "x.lock")
    first.__enter__()
    flock = lock.fcntl.flock

    def late(*how):
        monkeypatch.setattr(lock.fcntl, "flock", flock)
        first.__exit__(None, None, None)  # between opening and locking
        return flock(*how)

    monkeypatch.setattr(lock.fcntl, "flock", late)
    with lock.locked(path), pytest.raises(InputError), lock.locked(path):
        pass
    assert not path.exists()


def test_what_is_not_finite_stops_and_keeps_the_last_good_checkpoint(plates, tmp_path, monkeypatch):
    calls = []

    def break_down(student, norm):
        calls.append(norm)
        if len(calls) == 10:  # of the step after which a checkpoint is due: its loss is still good, its weights are not
            next(student.parameters()).grad.fill_(torch.nan)
        return clip_gradients(student, norm)

    monkeypatch.setattr(loop, "clip_gradients", break_down)
    with pytest.raises(InputError, match="training step 9"):
        run(plates, tmp_path / "model")
    assert torch.load(tmp_path / "model" / "checkpoint.pt", weights_only=True)["step"] == 5
    assert not (tmp_path / "model" / "weights.safetensors").exists()


def test_what_is_not_finite_in_a_logged_step_is_told_before_its_statistics_fail(plates, tmp_path, monkeypatch):
    plain, steps = dino.losses.dino_global, []

    def break_down(*predictions):
        steps.append(len(steps))
        return plain(*predictions) * (torch.nan if steps[-1] == 7 else 1)  # in the last step of an epoch

    def no_statistics(tokens, rank):
        assert steps[-1] != 7
        return embedding_statistics(tokens, rank)

    monkeypatch.setattr(dino.losses, "dino_global", break_down)
    monkeypatch.setattr(loop, "embedding_statistics", no_statistics)
    with pytest.raises(InputError, match="training step 7"):
        run(plates, tmp_path / "model")


@pytest.mark.parametrize(("warmup", "steps"), [(None, 4), (2, 8), (0, 0)])
def test_the_learning_rate_rises_for_a_fifth_of_the_training_unless_said_otherwise(plates, tmp_path, warmup, steps):
    run(plates, tmp_path / "model", fit={"epochs": 5, "warmup_epochs": warmup, "log_every": 1})
    lr = pd.read_parquet(tmp_path / "model" / "training.parquet")["lr"]
    assert lr.idxmax() == max(steps - 1, 0)
    assert lr[steps] == lr.max()


@pytest.mark.dag
@pytest.mark.parametrize(
    "options",
    [
        {"local_views": 0},
        {"fit": {"batch": 1000}},
        {"fit": {"epoch_length": 3, "precision": "bf16"}, "centring": "sinkhorn_knopp"},
        {"encoder": {"each_channel": True}},
        {"encoder": {"registers": 2, "ffn": "swiglu", "drop_path": 0.3}},
        pytest.param({"fit": {"accumulate": 4, "freeze_backbone_epochs": 1}}, marks=pytest.mark.slow),
    ],
)
def test_variants_train(plates, tmp_path, options):
    run(plates, tmp_path / "model", **options)
    rows = pd.read_parquet(tmp_path / "model" / "training.parquet").drop(columns="effective_rank")
    assert np.isfinite(rows).all(axis=None)


@pytest.mark.dag
@pytest.mark.parametrize("method", [pytest.param("simclr", marks=pytest.mark.slow), "supervised"])
def test_other_methods_learn(labelled, tmp_path, method):
    plates, wells = labelled
    encoder, fit = {"layer_scale": 1.0, "drop_path": 0.0}, {"epochs": 30, "base_lr": 4e-2, "layer_decay": 1.0}
    files = run(plates, tmp_path / "model", method=method, encoder=encoder, fit=fit, also={"wells": wells})
    rows = pd.read_parquet(tmp_path / "model" / "training.parquet")
    assert rows["loss"].iloc[-3:].mean() < 0.96 * rows["loss"].iloc[0]
    assert json.loads(files["model.json"])["classes"] == (["grains", "stripes"] if method == "supervised" else None)
    if method == "supervised":
        assert rows["accuracy"].iloc[-3:].mean() > 0.9


def test_dropout_before_the_classes():
    network = Classifier(vit(CHANNELS, **VIT), 3, dropout=0.5)
    network.head = torch.nn.Identity()
    dropped = network.classify(torch.ones(40, 32))
    assert set(dropped.unique().tolist()) == {0.0, 2.0}
    assert 0.4 < (dropped == 0).float().mean() < 0.6
    assert (network.eval().classify(torch.ones(40, 32)) == 1).all()


def test_the_optimiser_gets_its_betas_and_the_course_of_its_rates(plates, tmp_path, monkeypatch):
    made, rates = [], []

    class Recorded(torch.optim.AdamW):
        def __init__(self, groups, **options):
            made.append(options)
            super().__init__(groups, **options)

        def step(self):
            rates.append(max(group["lr"] for group in self.param_groups))

    monkeypatch.setattr(loop.torch.optim, "AdamW", Recorded)
    run(plates, tmp_path / "model", fit={"betas": (0.8, 0.95), "schedule": "one_cycle", "min_lr": 0.0, "epochs": 2})
    assert made[0]["betas"] == (0.8, 0.95)
    np.testing.assert_allclose(rates, one_cycle(5e-4 / 8, 0.0, 8, warmup=4))


@pytest.mark.slow
def test_several_labels_of_a_cell_are_learned_each(labelled, tmp_path):
    plates, wells = labelled
    table = Path(wells[0]).read_text().replace(",stripes", ",stripes|lines")
    Path(wells[0]).write_text(table)
    encoder, fit = {"layer_scale": 1.0, "drop_path": 0.0}, {"epochs": 30, "base_lr": 4e-2, "layer_decay": 1.0}
    files = run(plates, tmp_path / "model", method="supervised", encoder=encoder, fit=fit, also={"wells": wells})
    assert json.loads(files["model.json"])["classes"] == ["grains", "lines", "stripes"]
    assert pd.read_parquet(tmp_path / "model" / "training.parquet")["accuracy"].iloc[-3:].mean() > 0.9


@pytest.mark.slow
def test_mae_reconstructs_masked_patches(plates, tmp_path):
    """Ramps of brightness in any direction: a quarter of the patches determines the rest."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[-1:1:20j, -1:1:20j]
    angle = rng.uniform(0, 2 * np.pi, (64, 2, 1, 1))
    ramps = 128 + 90 * (x * np.cos(angle) + y * np.sin(angle))
    np.save(plates[0][0], ramps[:40].astype(np.uint8))
    np.save(plates[0][1], ramps[40:].astype(np.uint8))
    fit = {"epochs": 60, "warmup_epochs": 2, "base_lr": 2e-2, "layer_decay": 1.0, "patch_lr": 1.0}
    encoder = {"layer_scale": 1.0, "drop_path": 0.0}
    run(plates, tmp_path / "model", method="mae", encoder=encoder, fit=fit, normalise=False, decoder_dim=32)
    loss = pd.read_parquet(tmp_path / "model" / "training.parquet")["loss"]
    assert loss.iloc[0] > 0.9  # the variance of self-normalised views
    assert loss.iloc[-3:].mean() < 0.3


@pytest.fixture
def labelled(plates, tmp_path):
    """The two plates, as one well for each kind of crop, and their wells tables."""
    wells = tmp_path / "wells.csv"
    wells.write_text("plate,well,treatment,control,kind\n" + "P1,A01,x,,stripes\nP1,A02,y,,grains\n")
    for path, n in zip(plates[1], (40, 24), strict=True):
        cells = pd.DataFrame({"plate": "P1", "well": np.where(np.arange(n) % 2 == 0, "A01", "A02")})
        table_files.write(cells, path, "cells")
    return plates, [str(wells)] * 2


@pytest.mark.dag
def test_probes_are_run_after_every_epoch(labelled, tmp_path):
    plates, wells = labelled
    run(plates, tmp_path / "model", also={"wells": wells, "probe": "kind", "agreement": True})
    rows = pd.read_parquet(tmp_path / "model" / "training.parquet")
    for probe in ("probe", "agreement"):
        assert rows[probe].notna().tolist() == [False, True, True, False, True, True]


def test_cells_are_balanced_by_columns_of_the_wells(labelled, tmp_path, monkeypatch):
    """Of one cell in eight (3 of 24, 5 of 40) the well is A02, and half of what is drawn is of it."""
    (crops, paths), wells = labelled
    for path, n in zip(paths, (40, 24), strict=True):
        rare = pd.DataFrame({"plate": "P1", "well": np.where(np.arange(n) % 8 == 0, "A02", "A01")})
        table_files.write(rare, path, "cells")
    drawn = []

    def note(_method, dataset, *_args, seed, **_how):
        drawn.extend(next(dataset.batches(64, seed, step)) for step in range(20))
        raise InterruptedError

    monkeypatch.setattr(loop, "fit", note)
    monkeypatch.setattr(train, "log_memory", lambda *_: None)
    files, settings = arguments((crops, paths), tmp_path / "model", fit={"balance": ["plate", "kind"]})
    with pytest.raises(InterruptedError):
        train.train(*files, **settings, wells=wells)
    assert (np.concatenate(drawn) % 8 == 0).mean() == pytest.approx(0.5, abs=0.05)


@pytest.mark.slow
def test_training_on_balanced_cells_ends(labelled, tmp_path):
    plates, wells = labelled
    files = run(plates, tmp_path / "model", fit={"balance": ["kind"]}, also={"wells": wells})
    assert files["weights.safetensors"] != run(plates, tmp_path / "plain", also={"wells": wells})["weights.safetensors"]


@pytest.mark.slow
def test_a_job_in_two_processes(plates, tmp_path, caplog):
    options = {"encoder": {"drop_path": 0.0}}
    run(plates, tmp_path / "one", **options)
    files, settings = arguments(plates, tmp_path / "two", **options)
    with caplog.at_level("WARNING"):
        launch.train_distributed(1, *files, nodes=2, **settings)
    assert "all processes are on this machine" in caplog.text
    assert {path.name for path in (tmp_path / "two").iterdir()} == {path.name for path in (tmp_path / "one").iterdir()}
    one, two = (pd.read_parquet(tmp_path / name / "training.parquet") for name in ("one", "two"))
    np.testing.assert_allclose(two["loss"], one["loss"], rtol=1e-3)


@pytest.mark.slow
def test_micro_batches_add_up_to_the_whole(plates, tmp_path):
    """Softmax centring and no KoLeo: nothing compares the cells of a batch with each other."""
    options = {"koleo": 0.0, "encoder": {"drop_path": 0.0}}
    run(plates, tmp_path / "whole", **options)
    run(plates, tmp_path / "divided", **options, fit={"accumulate": 4})
    names = ("whole", "divided")
    whole, divided = (pd.read_parquet(tmp_path / name / "training.parquet") for name in names)
    np.testing.assert_allclose(divided[["global", "local", "ibot"]], whole[["global", "local", "ibot"]], rtol=1e-3)


def test_batches_cover_a_pass_and_do_not_depend_on_where_one_starts():
    batches = dataset.shuffled_batches(cells=23, batch=5, seed=0, first=0)
    whole = [next(batches) for _ in range(12)]
    for turn in range(3):
        assert len(np.unique(np.concatenate(whole[4 * turn : 4 * turn + 4]))) == 20
    for first in (1, 4, 7):
        later = dataset.shuffled_batches(cells=23, batch=5, seed=0, first=first)
        np.testing.assert_array_equal([next(later) for _ in range(12 - first)], whole[first:])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"channels": ["DNA"]}, "1 channels"),
        ({"views": {"kept_channels": ["Protein"]}}, "Protein"),
        ({"encoder": VIT | {"image": 18}}, "whole patches"),
        ({"method": {"dino": DINO | {"local_image": 9}}}, "whole patches"),
        ({"fit": FIT | {"accumulate": 5}}, "multiple of 5"),
    ],
)
def test_wrong_settings_are_refused(plates, tmp_path, change, words):
    files, settings = arguments(plates, tmp_path / "model")
    with pytest.raises(InputError, match=words):
        train.train(*files, **settings | change)


def test_too_few_cells_and_unequal_tables_are_refused(plates, tmp_path):
    (crops, cells), settings = arguments(plates, tmp_path / "model")
    with pytest.raises(InputError, match="tables of cells"):
        train.train(crops, cells[::-1][:1], **settings)
    np.save(tmp_path / "one.npy", textures(1)[0])
    table_files.write(pd.DataFrame({"well": ["A01"]}), tmp_path / "one.parquet", "cells")
    with pytest.raises(InputError, match="at least 2 cells"):
        train.train([tmp_path / "one.npy"], [tmp_path / "one.parquet"], **settings)


def test_cuda_that_is_not_there_is_refused(plates, tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    files, settings = arguments(plates, tmp_path / "model")
    with pytest.raises(InputError, match="CUDA"):
        train.train(*files, **settings | {"device": "cuda"})


def test_a_checkpoint_belongs_to_its_labels_and_its_start(labelled, tmp_path, monkeypatch):
    (crops, cells), wells = labelled
    keys = []

    def note(_path, key, **_how):
        keys.append(key)
        raise InterruptedError

    def key(**encoder):
        files, settings = arguments((crops, cells), tmp_path / "m", method="supervised", encoder=encoder)
        with pytest.raises(InterruptedError):
            train.train(*files, **settings, wells=wells)
        return keys[-1]

    monkeypatch.setattr(train, "Checkpoint", note)
    plain = key()
    assert key() == plain
    monkeypatch.setattr("wellread.encoder.architecture.weights.initialise", lambda *_, **__: None)
    assert checkpoint.difference(plain, key(start=crops[0])).keys() == {"encoder.start", f"files.2 {crops[0]}"}
    Path(wells[0]).write_text(Path(wells[0]).read_text().replace("grains", "other"))
    assert checkpoint.difference(plain, key()).keys() == {"labels"}


@pytest.mark.dag
def test_attention_on_a_frozen_encoder_learns_and_leaves_it_as_it_was(plates, tmp_path):
    table = pd.DataFrame({"plate": "P1", "well": ["A01", "A02", "A03", "A04"], "treatment": "x", "control": ""})
    table.assign(kind=["stripes", "grains"] * 2).to_csv(tmp_path / "wells.csv", index=False)
    for path, n in zip(plates[1], (40, 24), strict=True):
        cells = pd.DataFrame({"plate": "P1", "well": table["well"].to_numpy()[np.arange(n) % 4]})
        table_files.write(cells, path, "cells")
    wells = [str(tmp_path / "wells.csv")] * 2
    encoder = {"layer_scale": 1.0, "drop_path": 0.0}
    run(plates, tmp_path / "start", encoder=encoder, fit={"epochs": 1})
    encoder |= {"start": str(tmp_path / "start" / "weights.safetensors")}
    fit = {"epochs": 20, "base_lr": 4e-2}
    options = {"method": "attention_mlp", "folds": 2, "width": 16, "labels": {"held_out": ""}}
    run(plates, tmp_path / "model", encoder=encoder, fit=fit, also={"wells": wells}, **options)
    rows = pd.read_parquet(tmp_path / "model" / "training.parquet")
    assert rows["classify"].iloc[-3:].mean() < 0.9 * rows["classify"].iloc[0]
    files = [(tmp_path / name / "weights.safetensors", tmp_path / name / "model.json") for name in ("start", "model")]
    before, after = (load_encoder(*pair, channels=CHANNELS).state_dict() for pair in files)
    assert all(torch.equal(before[name], after[name]) for name in before)
    scores = trained(*files[1], CHANNELS, features="head")(torch.from_numpy(np.load(plates[0][0])))
    right = scores.argmax(1).numpy() == 1 - np.arange(40) % 2  # grains come before stripes
    assert right.mean() > 0.8
