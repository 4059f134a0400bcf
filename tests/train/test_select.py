"""Of a grid the best on wells that validate is kept, whole, and the scores of all are told."""

import json

import pandas as pd
import pytest
from wellread.runtime import table_files
from wellread.runtime.errors import InputError
from wellread.train.select import select
from wellread.train.validation import SCORE

CELLS = [{"fit.base_lr": lr, "fit.weight_decay": [0.04, wd]} for lr in (1e-3, 4e-3) for wd in (0.1, 0.4)]


@pytest.fixture
def grid(tmp_path):
    """A function from scores of four trainings to what `select` writes: the folder of the files."""

    def chosen(scores):
        given = {"weights": [], "model": [], "training": []}
        for number, score in enumerate(scores):
            for name, paths in given.items():
                paths.append(tmp_path / f"{number}.{name}")
            given["weights"][-1].write_bytes(bytes([number]) * 9)
            given["model"][-1].write_text(json.dumps({"classes": [str(number)]}))
            frame = pd.DataFrame({"step": [1, 2], "loss": number} | ({SCORE: [1.0, score]} if score else {}))
            table_files.write(frame, given["training"][-1], "training")
        select(CELLS, given, **{name: tmp_path / name for name in ("weights", "model", "training", "table")})
        return tmp_path

    return chosen


@pytest.mark.parametrize(("scores", "best"), [([0.5, 0.7, 0.9, 0.6], 2), ([0.5, 0.8, 0.1, 0.8], 1)])
def test_the_best_at_the_end_of_training_is_kept_and_of_equals_the_first(grid, scores, best):
    folder = grid(scores)
    assert (folder / "weights").read_bytes() == bytes([best]) * 9
    facts = json.loads((folder / "model").read_text())
    assert facts == {"classes": [str(best)], "grid": {"chosen": CELLS[best], "of": 4}}
    assert table_files.read(folder / "training", "training")["loss"].eq(best).all()
    table = pd.read_csv(folder / "table")
    assert table[SCORE].tolist() == scores
    assert table["chosen"].tolist() == [number == best for number in range(4)]
    assert table["fit.base_lr"].tolist() == [1e-3, 1e-3, 4e-3, 4e-3]
    assert table["fit.weight_decay"].tolist() == ["[0.04, 0.1]", "[0.04, 0.4]"] * 2


def test_a_training_that_nothing_judged_is_refused(grid):
    with pytest.raises(InputError, match=SCORE):
        grid([0.5, 0.7, None, 0.6])
