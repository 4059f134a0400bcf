"""Nuclei by a small U-Net that comes with its weights; cells grow from them as those of `otsu_watershed`."""

import logging
from functools import partial

import numpy as np
from scipy import ndimage
from skimage import measure, segmentation
from skimage.transform import resize

from wellread.runtime.registry import choice
from wellread.segment.bodies import grow_bodies
from wellread.segment.nuclei import nuclei_alone, smoothed, without_background, without_small
from wellread.segment.reject import Masks, Rejected, rejected
from wellread.segment.size import NucleusSize

log = logging.getLogger("wellread")


@choice("segment", channels=("nucleus", "cell"), micrometres=("diameter",), network=True)
def unet(scene, *, nucleus: str = "DNA", cell: str = "", diameter: float = 0, reach: float = 1.5):
    """Nuclei in channel `nucleus` by a network that looks at fields scaled to one size of nuclei; cells in `cell`.

    It learnt from half of the fluorescence fields of BBBC038 (CC0), and from painted ones. `diameter` and how cells
    grow, up to `reach` diameters from their nucleus: as in `otsu_watershed`, which also finds the size of nuclei.
    InputError if a diameter is given and the pixel size is not known.
    """
    from wellread.networks.device import choose_device
    from wellread.segment.unet_net import trained

    size = NucleusSize.of(scene, nucleus, diameter, "segment.unet.diameter")
    log.info("unet: nuclei of %.1f px", size.diameter)
    network = trained(choose_device(scene.device, scene.threads))
    return partial(_unet, nucleus=nucleus, cell=cell, size=size, reach=reach, network=network)


def _unet(field: dict[str, np.ndarray], metadata: dict, nucleus: str, cell: str, size, reach: float, network) -> Masks:
    labels, reasons, diameter = size.find(field[nucleus], partial(find_objects, network=network))
    nuclei = nuclei_alone(labels, reasons)
    bodies, grown = grow_bodies(field.get(cell), nuclei, diameter, reach)
    return Masks(nuclei, bodies, Rejected(labels, reasons), grown)


def find_objects(plane: np.ndarray, diameter: float, network) -> tuple[np.ndarray, dict[int, str]]:
    """As `nuclei.find_objects`: labels (H, W) int32 in a plane (H, W) in 0..1, and {label: why it is no nucleus}.

    A watershed from the inner parts of nuclei, down to where a pixel is as likely as not within one. Most of what is no
    nucleus the network passes over; debris and haze that it does not are rejected as by `otsu_watershed`.
    """
    from wellread.segment.unet_net import DIAMETER, log_odds

    zoom = DIAMETER / diameter
    scaled = resize(plane, [max(round(side * zoom), 8) for side in plane.shape], order=1, anti_aliasing=zoom < 1)
    inside, inner = (resize(odds, plane.shape, order=1) for odds in log_odds(network, scaled))
    inner = ndimage.gaussian_filter(inner, 1 / zoom)
    found = inside > 0
    labels = segmentation.watershed(-inner, measure.label(found & (inner > 0)), mask=found)
    rest = measure.label(found & (labels == 0))
    labels = without_small(np.where(rest > 0, rest + labels.max(), labels), diameter)
    return labels, rejected(labels, without_background(smoothed(plane, diameter), diameter), diameter)
