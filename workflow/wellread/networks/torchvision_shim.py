"""torchvision beside a torch of another build.

PyPI's torchvision links against the CUDA build of torch. Next to a CPU build its library of operators does not load,
and `import torchvision` fails over an operator (`torchvision::nms`) that only detection networks ever call.
"""

import importlib.util
import sys
from functools import cache
from pathlib import Path

OPERATORS = ("nms", "qnms")  # those that `import torchvision` registers shapes for
SIGNATURE = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"


@cache
def mend_torchvision():
    """Make `import torchvision` work where its library does not load, with those operators declared but not usable.

    Call it just before what imports torchvision. Returns the torch library that declares them, which must be kept
    alive, or None if torchvision needs nothing.
    """
    spec = importlib.util.find_spec("torchvision")
    if spec is None or spec.origin is None or "torchvision" in sys.modules:
        return None
    import torch

    try:
        for library in sorted(Path(spec.origin).parent.glob("_C.*")):
            torch.ops.load_library(str(library))
    except OSError:
        stand_in = torch.library.Library("torchvision", "FRAGMENT")
        for name in OPERATORS:
            stand_in.define(name + SIGNATURE)
        return stand_in
    return None
