"""A dry run is summed up in a page, however many plates there are."""

from wellread.plan.summary import summary


def test_steps_are_counted_and_their_plates_named():
    jobs = [("segment", {"dataset": "d", "plate": plate}) for plate in ("P2", "P1")]
    jobs += [("train", {"model": "tiny"}), ("all", {})]
    assert summary(jobs).splitlines() == [
        "What would run, for d:",
        "  segment     2  plate P1, P2",
        "  train       1  model tiny",
    ]


def test_many_plates_stay_one_line():
    lines = summary([("segment", {"dataset": "d", "plate": f"P{i:04d}"}) for i in range(1000)]).splitlines()
    assert lines[1].endswith("P0005 and 994 more")
    assert len(lines) == 2


def test_nothing_to_do_is_said():
    assert "Nothing" in summary([("all", {})])


def test_notes_are_below():
    assert summary([("train", {"model": "m"})], ["one", "two"]).splitlines()[-2:] == ["note: one", "note: two"]
