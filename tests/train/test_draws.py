"""What methods draw for a step, against the same numbers drawn one image at a time from the formulas of the views."""

import math
import random

import numpy as np
import pytest
import together
import torch
from wellread.encoder import views
from wellread.train.methods.dino import Dino
from wellread.train.methods.mae import MAE
from wellread.train.methods.simclr import SimCLR
from wellread.train.patch_masks import patch_masks

CELLS, SIDE = 5, 20
VIEWS = {"drop_channel": 0.4, "kept_channels": ["RNA"], "rescale_channel": 0.6, "rescaled_channels": ["ER", "AGP"]}
VIEWS |= {"brightness": 0.3, "contrast": 0.5, "turn": True, "scale": (0.3, 0.9)}
DINO = {"local_views": 2, "local_image": 8, "local_scale": (0.05, 0.2), "prototypes": 8, "hidden": 8, "bottleneck": 4}


@pytest.fixture(scope="module")
def augmentation():
    return views.augmentation(together.CHANNELS, **VIEWS)


def slow_box(areas, aspects, corner, scale):
    """Top, left, height and width: the first of ten random boxes that fits, anywhere in the image."""
    height = width = SIDE
    for area, aspect in zip(areas, aspects, strict=True):
        pixels = SIDE**2 * (scale[0] + (scale[1] - scale[0]) * area)
        ratio = math.exp((2 * aspect - 1) * math.log(4 / 3))  # width / height, from 3/4 to 4/3
        tried = round(math.sqrt(pixels / ratio)), round(math.sqrt(pixels * ratio))
        if max(tried) <= SIDE:
            height, width = tried
            break
    top, left = (math.floor(u * (SIDE - extent + 1)) for u, extent in zip(corner, (height, width), strict=True))
    return [top, left, height, width]


def slow_view(generator, scale):
    """The numbers of `draw_view` for 4 channels, of which all but RNA may be dropped and ER and AGP are rescaled."""

    def rand(*shape):
        return torch.rand(shape, generator=generator).tolist()

    areas, aspects, corners = rand(CELLS, 10), rand(CELLS, 10), rand(CELLS, 2)
    drawn = {"box": [slow_box(*one, scale) for one in zip(areas, aspects, corners, strict=True)]}
    drawn["flip"] = [[u < 0.5 for u in pair] for pair in rand(CELLS, 2)]
    drawn["turn"] = [u < 0.5 for u in rand(CELLS)]
    which, chance = torch.randint(3, (CELLS,), generator=generator).tolist(), rand(CELLS)
    drawn["keep"] = [
        [0.0 if u < 0.4 and c == (0, 2, 3)[i] else 1.0 for c in range(4)] for i, u in zip(which, chance, strict=True)
    ]
    er, agp = (
        [2 * u if chance < 0.6 else 0.0 for u, chance in zip(*x, strict=True)]
        for x in ((rand(CELLS), rand(CELLS)) for _ in range(2))
    )
    drawn["rescale"] = [[0.0, 0.0, *new] for new in zip(er, agp, strict=True)]
    for name, deviation in (("brightness", 0.3), ("contrast", 0.5)):
        normal = torch.randn(CELLS, 4, generator=generator).tolist()
        drawn[name] = [[max(0.5, 1 + deviation * z) for z in row] for row in normal]
    return drawn


def equal(drawn, slow):
    for name, values in slow.items():
        np.testing.assert_allclose(drawn[name].float().numpy(), np.float32(values), rtol=1e-6, err_msg=name)


def test_dino_draws_two_global_views_then_local_ones_at_their_own_scale_and_masks(augmentation):
    learner = Dino(together.tiny(), augmentation, mask_probability=0.7, mask_ratio=(0.2, 0.6), **DINO)
    for seed in (7, 8):
        drawn, generator = learner.draw(seed, CELLS, SIDE), torch.Generator().manual_seed(seed)
        assert len(drawn["global_views"]) == len(drawn["local_views"]) == 2
        for view in drawn["global_views"]:
            equal(view, slow_view(generator, (0.3, 0.9)))
        for view in drawn["local_views"]:
            equal(view, slow_view(generator, (0.05, 0.2)))
        masks = patch_masks(random.Random(seed), 2 * CELLS, 16, 4, 0.7, (0.2, 0.6))
        assert torch.equal(drawn["masks"], torch.stack([masks[:CELLS], masks[CELLS:]], dim=1))


def test_masks_of_two_steps_differ(augmentation):
    learner = Dino(together.tiny(), augmentation, **DINO)
    assert not torch.equal(learner.draw(7, 8, SIDE)["masks"], learner.draw(8, 8, SIDE)["masks"])


def test_the_share_of_masked_images_and_patches():
    masks = patch_masks(random.Random(0), 40, 128, 8, 0.5, (0.1, 0.5))
    shares = masks.float().mean(1)
    assert (shares > 0).sum() == 20
    masked = shares[shares > 0].sort().values
    expected = torch.tensor([0.1 + 0.4 * (i + 0.5) / 20 for i in range(20)])  # one from each twentieth of the range
    assert (masked - expected).abs().max() < 0.03
    assert 4 < (shares[:20] > 0).sum() < 16  # in random order
    assert not torch.equal(shares[shares > 0], masked)


def test_simclr_draws_two_views(augmentation):
    learner, generator = SimCLR(together.tiny(), augmentation, hidden=8, dimension=4), torch.Generator().manual_seed(3)
    one, other = learner.draw(3, CELLS, SIDE)
    equal(one, slow_view(generator, (0.3, 0.9)))
    equal(other, slow_view(generator, (0.3, 0.9)))


def test_mae_draws_a_view_and_an_order_of_patches(augmentation):
    learner = MAE(together.tiny(), augmentation, decoder_dim=8, decoder_depth=1, decoder_heads=1, mask_ratio=0.75)
    assert learner.visible == 4
    drawn, generator = learner.draw(3, CELLS, SIDE), torch.Generator().manual_seed(3)
    equal(drawn["view"], slow_view(generator, (0.3, 0.9)))
    ranks = torch.rand(CELLS, 16, generator=generator).tolist()
    assert drawn["order"].tolist() == [sorted(range(16), key=row.__getitem__) for row in ranks]
