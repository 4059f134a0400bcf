"""The vision transformer of Cell-DINO: any number of channels, any square view made of whole patches.

Parameter names are those of the published checkpoints (with block chunks removed), so weights load by name.
"""

from collections import OrderedDict
from functools import partial

import torch
from torch import nn
from torch.nn import functional as F

from wellread.encoder.attention import Attention


class ViT(nn.Module):
    """Self-normalised images (B, channels, S, S) to a CLS token (B, dim) and patch tokens (B, N, dim).

    `image`: side in pixels for which position embeddings are trained; they are interpolated for other sides. `patch`:
    side of a patch in pixels, N = (S / patch)². `dim`, `depth`, `heads`: of the tokens, blocks and attentions.
    `registers`: learned extra tokens without a position (Darcet et al. 2024). `ffn`: "mlp" or "swiglu". `layer_scale`:
    initial gamma of LayerScale. `drop_path`: share of the batch that skips a residual branch in training.
    `architecture` holds the arguments that define the weights, as model.json does.
    """

    def __init__(
        self, *, channels, image, patch, dim, depth, heads, registers=0, ffn="mlp", layer_scale=1e-5, drop_path=0.0
    ):
        super().__init__()
        size = {"dim": dim, "depth": depth, "heads": heads, "registers": registers, "ffn": ffn}
        self.architecture = {"channels": channels, "image": image, "patch": patch} | size
        self.patch, self.registers = patch, registers
        self.patch_embed = nn.ModuleDict({"proj": nn.Conv2d(channels, dim, patch, patch)})
        self.cls_token = nn.Parameter(torch.empty(1, 1, dim))
        self.pos_embed = nn.Parameter(torch.empty(1, 1 + (image // patch) ** 2, dim))
        self.mask_token = nn.Parameter(torch.zeros(1, dim))
        if registers:
            self.register_tokens = nn.Parameter(torch.empty(1, registers, dim))
            nn.init.normal_(self.register_tokens, std=1e-6)
        self.blocks = nn.ModuleList(Block(dim, heads, ffn, layer_scale, drop_path) for _ in range(depth))
        self.norm = nn.LayerNorm(dim, eps=1e-6)
        nn.init.normal_(self.cls_token, std=1e-6)
        nn.init.trunc_normal_(self.pos_embed, std=0.02)
        self.apply(init_linear)

    def forward(self, x, masks=None):  # (B, C, S, S), (B, N) bool
        """Normalised CLS token (B, dim) and patch tokens (B, N, dim); patches where `masks` is true are masked."""
        return self.intermediate_layers(x, 1, masks)[0]

    def tokens_at(self, x, at, masks=None):
        """Normalised tokens (n, dim) at the indices `at` (n,) of all images' tokens in a row.

        As those of `forward`, but the last block computes what comes after its attention for these tokens only.
        """
        x = self.input_tokens(x, masks)
        for block in self.blocks[:-1]:
            x = block(x)
        return self.norm(self.blocks[-1](x, at)).to(self.norm.weight.dtype)  # also under autocast

    def intermediate_layers(self, x, last, masks=None):
        """List of (CLS, patches) of the `last` blocks, in their order, each through the final normalisation."""
        x, outputs = self.input_tokens(x, masks), []
        for i, block in enumerate(self.blocks):
            x = block(x)
            if i >= len(self.blocks) - last:
                outputs.append(self.norm(x).to(self.norm.weight.dtype))  # also under autocast
        return [(x[:, 0], x[:, 1 + self.registers :]) for x in outputs]

    def input_tokens(self, x, masks=None):
        """Tokens (B, 1 + registers + N, dim) of CLS, registers and patches, with positions, before the first block."""
        rows, columns = x.shape[2] // self.patch, x.shape[3] // self.patch
        x = self.patch_embed.proj(x).flatten(2).transpose(1, 2)  # (B, N, D)
        if masks is not None:
            x = torch.where(masks[..., None], self.mask_token.to(x.dtype), x)
        x = torch.cat([self.cls_token.expand(len(x), -1, -1), x], dim=1)  # (B, 1 + N, D)
        x = x + interpolate_positions(self.pos_embed, rows, columns, antialias=self.registers > 0)
        if self.registers:
            x = torch.cat([x[:, :1], self.register_tokens.expand(len(x), -1, -1), x[:, 1:]], dim=1)
        return x


class Block(nn.Module):
    """Pre-norm transformer block: attention, then MLP, each a residual branch with LayerScale and stochastic depth."""

    def __init__(self, dim, heads, ffn="mlp", layer_scale=1e-5, drop_path=0.0):
        super().__init__()
        self.drop_path = drop_path
        self.norm1 = nn.LayerNorm(dim, eps=1e-6)
        self.attn = Attention(dim, heads)
        self.ls1 = LayerScale(dim, layer_scale)
        self.norm2 = nn.LayerNorm(dim, eps=1e-6)
        self.mlp = FFN[ffn](dim)
        self.ls2 = LayerScale(dim, layer_scale)

    def forward(self, x, at=None):  # (B, T, D), (n,) -> (B, T, D) or (n, D)
        """Tokens after this block: all of them, or those at the indices `at` of all images' tokens in a row."""
        drop = self.drop_path if self.training else 0.0
        if at is not None:
            return self.forward_at(x, at, drop)
        x = residual(x, lambda x: self.attn(self.norm1(x)), self.ls1, drop)
        return residual(x, lambda x: self.mlp(self.norm2(x)), self.ls2, drop)

    def forward_at(self, x, at, drop):  # (B, T, D), (n,) -> (n, D)
        images = at // x.shape[1]
        mixed = pick_tokens(self.attn.mix(self.norm1(x)), at)
        out = self.ls1(pick_tokens(x, at), self.attn.proj(mixed), token_scales(x, images, drop))
        return self.ls2(out, self.mlp(self.norm2(out)), token_scales(x, images, drop))


class MLP(nn.Sequential):
    """Two linear layers, four times as wide in between, with GELU."""

    def __init__(self, dim):
        layers = {"fc1": nn.Linear(dim, 4 * dim), "act": nn.GELU(), "fc2": nn.Linear(4 * dim, dim)}
        super().__init__(OrderedDict(layers))


class SwiGLU(nn.Module):
    """An MLP with gated hidden values (Shazeer 2020); two thirds as wide as MLP, so that it has as many weights."""

    def __init__(self, dim):
        super().__init__()
        inner = 8 * -(-dim // 3)
        self.w12 = nn.Linear(dim, 2 * inner)
        self.w3 = nn.Linear(inner, dim)

    def forward(self, x):
        gate, value = self.w12(x).chunk(2, dim=-1)
        return self.w3(F.silu(gate) * value)


FFN = {"mlp": MLP, "swiglu": SwiGLU}


class LayerScale(nn.Module):
    """Adds a residual branch scaled by a learned gamma per dimension: x + gamma * branch (Touvron et al. 2021)."""

    def __init__(self, dim, scale):
        super().__init__()
        self.gamma = nn.Parameter(torch.full((dim,), scale))

    def forward(self, x, branch, scale=None):  # (..., D), (..., D), (..., 1)
        """`x + gamma * branch`, or `x + scale * gamma * branch`."""
        return torch.addcmul(x, self.gamma if scale is None else scale * self.gamma, branch)


def residual(x, branch, layer_scale, drop=0.0):
    """`x` plus the scaled result of the function `branch`; with stochastic depth if `drop` > 0."""
    return stochastic_depth(x, branch, layer_scale, drop) if drop else layer_scale(x, branch(x))


def stochastic_depth(x, branch, layer_scale, drop):
    """A random share `drop` of the images skips the branch; for the others its result is scaled up (Huang et al. 2016).

    As in DINOv2, the branch is computed for the images that are kept only, which zeroing its result would not save.
    """
    rows = kept_images(x, drop)
    return x.index_add(0, rows, layer_scale.gamma * branch(x.index_select(0, rows)), alpha=len(x) / len(rows))


def kept_images(x, drop):  # (B, ...)
    """Indices of the images that do not skip a branch, at least one."""
    return torch.randperm(len(x), device=x.device)[: max(int(len(x) * (1 - drop)), 1)]


def pick_tokens(x, at):  # (B, T, D), (n,) -> (n, D)
    """The tokens at the indices `at` of all images' tokens in a row."""
    return x.flatten(0, 1).index_select(0, at)


def token_scales(x, images, drop):  # (B, T, D), (n,)
    """Factors (n, 1) of a branch for tokens of these `images`, as `stochastic_depth` has them; None for no `drop`.

    The branch of few tokens is cheap, so it is computed for those too that skip it: to find the others, a GPU would
    have to be waited for.
    """
    if not drop:
        return None
    rows = kept_images(x, drop)
    factors = torch.zeros(len(x), device=x.device, dtype=x.dtype).index_fill(0, rows, len(x) / len(rows))
    return factors[images, None]


def interpolate_positions(pos_embed, rows, columns, antialias=False):
    """Position embeddings (1, 1 + rows * columns, D) from those of a square grid (1, 1 + M², D); CLS keeps its own.

    Bicubic, the way the published weights were trained: with registers antialiased to the new size, without them by
    the factor (rows + 0.1) / M.
    """
    side = round((pos_embed.shape[1] - 1) ** 0.5)  # M
    if rows == columns == side:
        return pos_embed
    cls, grid = pos_embed.float().split([1, side * side], dim=1)
    grid = grid.unflatten(1, (side, side)).permute(0, 3, 1, 2)  # (1, D, M, M)
    if antialias:
        to = {"size": (rows, columns), "antialias": True}
    else:
        to = {"scale_factor": ((rows + 0.1) / side, (columns + 0.1) / side)}
    bicubic = by_products if torch.are_deterministic_algorithms_enabled() else partial(F.interpolate, mode="bicubic")
    return torch.cat([cls, bicubic(grid, **to).flatten(2).transpose(1, 2)], dim=1).to(pos_embed.dtype)


def by_products(grid, **to):  # (1, D, M, M) -> (1, D, rows, columns)
    """Bicubic interpolation as one matrix product per axis, whose gradient is the same bits every time on a GPU."""
    rows, columns = (axis_weights(grid, axis, **to) for axis in (0, 1))
    with torch.autocast(grid.device.type, enabled=False):
        return rows @ grid @ columns.T


def axis_weights(grid, axis, antialias=False, **to):
    """Weights (n, M) of M values in the n interpolated ones along an axis: the rows of an identity, interpolated."""
    identity = torch.eye(grid.shape[2], dtype=grid.dtype, device=grid.device)[None, None]
    ((name, pair),) = to.items()
    same = 1.0 if name == "scale_factor" else grid.shape[2]
    return F.interpolate(identity, mode="bicubic", antialias=antialias, **{name: (pair[axis], same)})[0, 0]


def init_linear(module):
    """Initialise a linear layer, for `Module.apply`; others keep PyTorch's weights (the patch embedding: Kaiming)."""
    if isinstance(module, nn.Linear):
        nn.init.trunc_normal_(module.weight, std=0.02)
        nn.init.zeros_(module.bias)
