"""The vision transformer, against the reference's outputs and against attention written as a loop."""

import math

import golden
import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional as F
from wellread.encoder import attention, weights
from wellread.encoder.attention import Attention
from wellread.encoder.sizes import SIZES
from wellread.encoder.vit import LayerScale, SwiGLU, ViT, interpolate_positions, stochastic_depth


@pytest.fixture(scope="module")
def arrays():
    return golden.Arrays()


@pytest.fixture(scope="module")
def vit():
    state = torch.load(golden.path("tiny_vit_c5_p8_img64_chunks2.pth"), weights_only=True)
    encoder = ViT(channels=5, image=64, patch=8, dim=32, depth=4, heads=2).eval()
    weights.set_weights(encoder, state, "golden")  # chunked names
    return encoder.requires_grad_(False).double()


def same(ours, theirs):
    """In float64, so that no machine's rounding counts but that of the references, which are float32."""
    torch.testing.assert_close(ours, theirs.double(), rtol=0, atol=2e-6)


def test_forward_is_the_references(vit, arrays):
    cls, patches = vit(arrays["vit_x"].double())
    same(cls, arrays["vit_cls"])
    same(patches, arrays["vit_patch"])


def test_masked_patches_are_replaced(vit, arrays):
    cls, patches = vit(arrays["vit_x"].double(), arrays["vit_mask"])
    same(cls, arrays["vit_cls_masked"])
    same(patches, arrays["vit_patch_masked"])


@pytest.mark.parametrize("side", [40, 96])
def test_other_sides_interpolate_positions(vit, arrays, side):
    same(vit(arrays[f"vit_x{side}"].double())[0], arrays[f"vit_cls{side}"])
    grid = side // 8
    same(interpolate_positions(vit.pos_embed, grid, grid), arrays[f"posembed_{grid}x{grid}"])


def test_layers_are_the_references(vit, arrays):
    for i, (cls, patches) in enumerate(vit.intermediate_layers(arrays["vit_x"].double(), 4)):
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


def test_swiglu_is_a_gated_mlp():
    ffn = SwiGLU(32).double()
    x = torch.randn(3, 32, dtype=torch.float64)
    gate, value = ffn.w12.weight.chunk(2)
    (gate_bias, value_bias), a = ffn.w12.bias.chunk(2), x @ gate.T
    a = a + gate_bias
    hidden = a / (1 + (-a).exp()) * (x @ value.T + value_bias)
    torch.testing.assert_close(ffn(x), hidden @ ffn.w3.weight.T + ffn.w3.bias)


@pytest.mark.parametrize(("dim", "inner"), [(32, 88), (384, 1024), (1536, 4096)])
def test_swiglu_has_the_published_width(dim, inner):
    with torch.device("meta"):
        ffn = SwiGLU(dim)
    assert ffn.w12.weight.shape == (2 * inner, dim)
    assert ffn.w3.weight.shape == (dim, inner)


def small(**options):
    return ViT(channels=2, image=16, patch=4, dim=8, depth=2, heads=2, **options)


def test_registers_have_no_position_and_are_not_shown():
    torch.manual_seed(0)
    vit, x = small(registers=3), torch.randn(5, 2, 16, 16)
    assert vit.state_dict()["register_tokens"].shape == (1, 3, 8)
    vit.register_tokens.data.normal_()
    tokens = vit.input_tokens(x)  # (5, 1 + 3 + 16, 8)
    patches = vit.patch_embed.proj(x).flatten(2).mT
    torch.testing.assert_close(tokens[:, :1], (vit.cls_token + vit.pos_embed[:, :1]).expand(5, 1, 8))
    torch.testing.assert_close(tokens[:, 1:4], vit.register_tokens.expand(5, 3, 8))
    torch.testing.assert_close(tokens[:, 4:], patches + vit.pos_embed[:, 1:])
    for block in vit.blocks:
        tokens = block(tokens)
    cls, shown = vit(x)
    torch.testing.assert_close(cls, vit.norm(tokens)[:, 0])
    torch.testing.assert_close(shown, vit.norm(tokens)[:, 4:])
    assert not torch.equal(vit(torch.randn(1, 2, 24, 24))[0], cls[:1])  # another side


@pytest.mark.parametrize("grid", [3, 7])
def test_positions_of_networks_with_registers_are_resized_as_pictures_are(grid):
    pos_embed = torch.randn(1, 26, 2)
    ours = interpolate_positions(pos_embed, grid, grid, antialias=True)[0]
    torch.testing.assert_close(ours[0], pos_embed[0, 0])
    for d in range(2):
        picture = Image.fromarray(pos_embed[0, 1:, d].reshape(5, 5).numpy())
        resized = torch.from_numpy(np.array(picture.resize((grid, grid), Image.Resampling.BICUBIC))).flatten()
        torch.testing.assert_close(ours[1:, d], resized, rtol=0, atol=1e-5)


def test_an_encoder_is_made_again_from_its_architecture():
    vit = small(registers=1, ffn="swiglu")
    again = ViT(**vit.architecture)
    again.load_state_dict(vit.state_dict())
    assert {"mlp.w12.weight", "mlp.w3.bias"} <= set(vit.blocks[0].state_dict())


def test_layer_scale_adds_the_scaled_branch():
    scale, x = LayerScale(4, 0.1), torch.randn(10, 3, 4)
    torch.testing.assert_close(scale(x, x.sin()), x + 0.1 * x.sin())


def test_stochastic_depth_runs_the_branch_on_some_images_and_scales_it_up():
    x, sizes, scale = torch.zeros(10, 3, 4), [], LayerScale(4, 0.1)
    out = stochastic_depth(x, lambda kept: sizes.append(len(kept)) or torch.ones_like(kept), scale, 0.35)
    assert sizes == [6]
    assert sorted(out[:, 0, 0].tolist()) == pytest.approx([0] * 4 + [1 / 6] * 6)


@pytest.mark.parametrize("drop_path", [0.0, 0.5])
def test_some_tokens_are_those_of_all(drop_path):
    vit = small(registers=3, layer_scale=1.0, drop_path=drop_path).double()
    x, masks = torch.randn(6, 2, 16, 16, dtype=torch.float64), torch.rand(6, 16) < 0.3
    at = torch.tensor([0, 119, 20, 4, 57, 57])  # of 6 x 20 tokens
    torch.manual_seed(0)
    tokens = vit.input_tokens(x, masks)
    for block in vit.blocks:
        tokens = block(tokens)
    torch.manual_seed(0)  # the same blocks are dropped
    torch.testing.assert_close(vit.tokens_at(x, at, masks), vit.norm(tokens).flatten(0, 1)[at])


def test_few_tokens_of_a_cpu_train_in_bf16_by_plain_products(monkeypatch):
    calls, plain = [], attention.plain_attention
    monkeypatch.setattr(attention, "plain_attention", lambda q, *kv: calls.append(q.shape[2]) or plain(q, *kv))
    layer = Attention(8, 2)
    for tokens in (3, attention.PLAIN_TOKENS, attention.PLAIN_TOKENS + 1):
        layer(torch.randn(1, tokens, 8))
        with torch.autocast("cpu", torch.bfloat16):
            mixed = layer(torch.randn(1, tokens, 8))
            with torch.no_grad():
                layer(torch.randn(1, tokens, 8))
        mixed.sum().backward()
    assert calls == [3, attention.PLAIN_TOKENS]


def test_plain_attention_is_pytorchs():
    q, k, v = torch.randn(3, 2, 4, 5, 8, dtype=torch.bfloat16)
    exact = F.scaled_dot_product_attention(q.double(), k.double(), v.double())
    ours = attention.plain_attention(q, k, v)
    assert ours.dtype == torch.bfloat16
    torch.testing.assert_close(ours.double(), exact, rtol=0, atol=0.03)


def test_autocast_gives_float32_near_float32():
    vit, x = small(registers=1, ffn="swiglu", layer_scale=1.0), torch.randn(2, 2, 16, 16)
    with torch.autocast("cpu", torch.bfloat16):
        tokens = vit(x)
    tokens[0].sum().backward()
    for half, whole in zip(tokens, vit(x), strict=True):
        assert half.dtype == torch.float32
        torch.testing.assert_close(half, whole, rtol=0, atol=0.05)


def test_evaluation_drops_nothing():
    vit = ViT(channels=1, image=16, patch=8, dim=8, depth=2, heads=2, layer_scale=1.0, drop_path=0.5).eval()
    x = torch.randn(4, 1, 16, 16)
    torch.testing.assert_close(vit(x)[0], vit(x)[0], rtol=0, atol=0)


@pytest.mark.dag
@pytest.mark.parametrize(
    ("size", "options", "published"),
    [
        ("small", {"channels": 5, "image": 224, "patch": 16}, 21.8e6),
        ("large", {"channels": 5, "image": 224, "patch": 16}, 303.9e6),
        ("giant", {"channels": 3, "image": 518, "patch": 14, "ffn": "swiglu", "registers": 4}, 1136.5e6),
    ],
)
def test_networks_have_the_published_number_of_parameters(size, options, published):
    dim, depth, heads = SIZES[size]
    with torch.device("meta"):
        vit = ViT(dim=dim, depth=depth, heads=heads, **options)
    assert sum(p.numel() for p in vit.parameters()) == pytest.approx(published, rel=0.005)


@pytest.fixture
def deterministic():
    torch.use_deterministic_algorithms(True)
    yield
    torch.use_deterministic_algorithms(False)


@pytest.mark.parametrize("antialias", [False, True])
@pytest.mark.parametrize(("rows", "columns"), [(3, 3), (5, 2), (11, 8)])
def test_deterministic_positions_are_the_interpolated_ones(request, antialias, rows, columns):
    positions = torch.randn(1, 1 + 49, 6, requires_grad=True)
    found = []
    for _ in range(2):
        output = interpolate_positions(positions, rows, columns, antialias)
        found.append((output, torch.autograd.grad((output * torch.arange(6)).sum(), positions)[0]))
        if len(found) == 1:
            request.getfixturevalue("deterministic")
    names = set(graph(found[1][0].grad_fn))
    assert not any("Upsample" in name for name in names), names  # whose gradient on a GPU depends on the order of sums
    for plain, products in zip(*found, strict=True):
        torch.testing.assert_close(products, plain, rtol=1e-5, atol=1e-5)


def graph(node):
    """The names of all steps of a gradient."""
    yield node.name()
    for before, _ in node.next_functions:
        if before is not None:
            yield from graph(before)


def cubic_weights(n, side):
    """Matrix (n, side) of cubic convolution (a = -0.75) at the places (i + 0.5) side / (n + 0.1) - 0.5."""
    weights = torch.zeros(n, side)
    for i in range(n):
        place = (i + 0.5) * side / (n + 0.1) - 0.5
        for k in range(math.floor(place) - 1, math.floor(place) + 3):
            x = abs(place - k)
            near, far = 1.25 * x**3 - 2.25 * x**2 + 1, -0.75 * (x**3 - 5 * x**2 + 8 * x - 4)
            weights[i, min(max(k, 0), side - 1)] += near if x <= 1 else far
    return weights


@pytest.mark.parametrize("grid", [(10, 16), (16, 10), (5, 5)])
def test_positions_are_interpolated_along_rows_and_columns(grid):
    torch.manual_seed(0)
    old = torch.randn(1, 1 + 9 * 9, 4)
    found = interpolate_positions(old, *grid)
    assert torch.equal(found[:, 0], old[:, 0])
    rows, columns = (cubic_weights(n, 9) for n in grid)
    expected = torch.einsum("ik,jl,kld->ijd", rows, columns, old[0, 1:].unflatten(0, (9, 9)))
    torch.testing.assert_close(found[0, 1:].unflatten(0, grid), expected, rtol=1e-4, atol=1e-4)
