"""Which plane of a file of many axes a reference means."""

from wellread.inputs.description import Description
from wellread.inputs.formats import BadField
from wellread.inputs.references import PROJECTIONS, Reference

KEYS = {"I": "item", "T": "t", "Z": "z", "C": "c"}  # of a reference, by the axis that they choose from
NAMES = {"I": "items", "T": "times", "Z": "z-planes", "C": "channels"}
CHOICES = {
    "I": "[item=0] or all axes, such as [axes=ZCYX, c=0, z=max]",
    "T": "[t=0]",
    "Z": "[z=0], [z=max] or [z=focus]",
    "C": "[c=0]",
}
UNNAMED = "[c=0], [z=max], [t=0] or [item=0], or all axes, such as [axes=ZCYX, c=0, z=max]"
GREY = "expected one grey image"


def choose(what: Description, wanted: Reference) -> tuple[str, tuple]:
    """The names of all axes of a file, and of every axis what is read: a slice, a number, or of Z a range of numbers.

    BadField if the reference leaves open which plane is meant, or there is none of that number.
    """
    axes = _named(what, wanted)
    if not {"Y", "X"} <= set(axes):
        raise BadField("shape", f"{wanted}: {GREY} (H, W), found shape {what.shape}")
    index = []
    for axis, size in zip(axes, what.shape, strict=True):
        number = getattr(wanted, KEYS[axis]) if axis in KEYS else None
        if axis in "YXS":
            index.append(slice(None))
        elif axis == "Z":
            index.append(_z_planes(number, size, what, wanted))
        else:
            index.append(_number(number, axis, size, what, wanted))
    return axes, tuple(index)


def _named(what: Description, wanted: Reference) -> str:
    """The axes of a file, by the reference if it names them; one without a name is what the reference chooses from."""
    axes = wanted.axes or what.axes
    if len(axes) != len(what.shape):
        raise BadField("shape", f"{wanted}: {len(axes)} axes named, the file has {len(what.shape)}: {_sizes(what)}")
    if "C" not in axes and wanted.c is not None:
        axes = axes.replace("S", "C")
    given = [axis for axis, key in KEYS.items() if getattr(wanted, key) is not None and axis not in axes]
    unnamed = [place for place, axis in enumerate(axes) if axis not in "TZCYXSI" and what.shape[place] > 1]
    if len(given) == len(unnamed) and len(set(given) - {"I"}) < 2:
        for place, axis in zip(unnamed, given, strict=True):
            axes = axes[:place] + axis + axes[place + 1 :]
    for axis in set(given) - set(axes):
        _number(getattr(wanted, KEYS[axis]), axis, 1, what, wanted)
    return axes


def _z_planes(number, size: int, what: Description, wanted: Reference):
    return range(size) if number in ("max", "focus") else (_number(number, "Z", size, what, wanted),)


def _number(number: int | None, axis: str, size: int, what: Description, wanted: Reference) -> int:
    if number is None and size == 1:
        return 0
    if number is None:
        found = f"{size} {NAMES.get(axis, 'planes')} ({_sizes(what)})"
        raise BadField("shape", f"{wanted}: {GREY}, found {found}: add {CHOICES.get(axis, UNNAMED)} to its path")
    if number not in PROJECTIONS and number >= size:
        raise BadField("shape", f"{wanted}: {KEYS[axis]} must be below {size}: {_sizes(what)}")
    return number


def _sizes(what: Description) -> str:
    return ", ".join(f"{axis} {size}" for axis, size in zip(what.axes, what.shape, strict=True))


def tile(wanted: Reference, width: int) -> tuple[int, int]:
    """The number of a picture among those side by side, and how many there are; 0 of 1 if not given."""
    number, _, n = (wanted.tile or "0/1").partition("/")
    if not (number.isdecimal() and n.isdecimal() and int(number) < int(n)) or width % int(n):
        raise BadField("shape", f"{wanted}: tile must be like 2/5, a number below that of equal parts of {width} px")
    return int(number), int(n)
