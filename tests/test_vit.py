"""The vision transformer, against the reference's outputs and against attention written as a loop."""

import golden
import pytest
import torch
from torch.nn import functional as F
from wellread import weights
from wellread.vit import SIZES, Attention, ViT, positions, residual


@pytest.fixture(scope="module")
def arrays():
    return golden.Arrays()


@pytest.fixture(scope="module")
def vit():
    state = torch.load(golden.path("tiny_vit_c5_p8_img64_chunks2.pth"), weights_only=True)
    encoder = ViT(channels=5, image=64, patch=8, dim=32, depth=4, heads=2).eval()
    weights.fill(encoder, state, "golden")  # chunked names
    return encoder.requires_grad_(False)


def same(ours, theirs):
    torch.testing.assert_close(ours, theirs, rtol=0, atol=5e-7)


def test_forward_is_the_references(vit, arrays):
    cls, patches = vit(arrays["vit_x"])
    same(cls, arrays["vit_cls"])
    same(patches, arrays["vit_patch"])


def test_masked_patches_are_replaced(vit, arrays):
    cls, patches = vit(arrays["vit_x"], arrays["vit_mask"])
    same(cls, arrays["vit_cls_masked"])
    same(patches, arrays["vit_patch_masked"])


@pytest.mark.parametrize("side", [40, 96])
def test_other_sides_interpolate_positions(vit, arrays, side):
    same(vit(arrays[f"vit_x{side}"])[0], arrays[f"vit_cls{side}"])
    grid = side // 8
    same(positions(vit.pos_embed, grid, grid), arrays[f"posembed_{grid}x{grid}"])


def test_layers_are_the_references(vit, arrays):
    for i, (cls, patches) in enumerate(vit.layers(arrays["vit_x"], 4)):
        same(cls, arrays[f"inter{i}_cls"])
        same(patches.mean(1), arrays[f"inter{i}_patch_mean"])


def test_attention_is_a_weighted_mean():
    attention = Attention(8, 2).double()
    x = torch.randn(1, 5, 8, dtype=torch.float64)
    q, k, v = attention.qkv(x)[0].split(8, dim=1)
    out = torch.zeros(5, 8, dtype=torch.float64)
    for head in (slice(0, 4), slice(4, 8)):
        for i in range(5):
            weight = F.softmax(k[:, head] @ q[i, head] / 4**0.5, dim=0)
            out[i, head] = sum(w * value for w, value in zip(weight, v[:, head], strict=True))
    torch.testing.assert_close(attention(x)[0], attention.proj(out))


def test_stochastic_depth_runs_the_branch_on_a_part_and_scales_it_up():
    x, seen = torch.zeros(10, 3, 4), []
    out = residual(x, lambda part: seen.append(len(part)) or torch.ones_like(part), 0.35)
    assert seen == [6]
    assert sorted(out[:, 0, 0].tolist()) == pytest.approx([0] * 4 + [10 / 6] * 6)


def test_evaluation_drops_nothing():
    vit = ViT(channels=1, image=16, patch=8, dim=8, depth=2, heads=2, layer_scale=1.0, drop_path=0.5).eval()
    x = torch.randn(4, 1, 16, 16)
    torch.testing.assert_close(vit(x)[0], vit(x)[0], rtol=0, atol=0)


def test_small_has_the_published_number_of_parameters():
    dim, depth, heads = SIZES["small"]
    vit = ViT(channels=5, image=224, patch=16, dim=dim, depth=depth, heads=heads)
    assert sum(p.numel() for p in vit.parameters()) == pytest.approx(21.8e6, rel=0.01)
