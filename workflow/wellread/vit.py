"""The vision transformer of Cell-DINO: any number of channels, any square view made of whole patches.

Parameter names are those of the published checkpoints (with block chunks removed), so weights load by name.
"""

from collections import OrderedDict

import torch
from torch import nn
from torch.nn import functional as F

SIZES = {  # dim, depth, heads
    "tiny": (192, 12, 3),
    "small": (384, 12, 6),
    "base": (768, 12, 12),
    "large": (1024, 24, 16),
}


class ViT(nn.Module):
    """Images (B, channels, S, S), self-normalised, to a CLS token (B, dim) and patch tokens (B, N, dim).

    `image` is the side in pixels for which position embeddings are trained; other sides are interpolated.
    """

    def __init__(self, *, channels, image, patch, dim, depth, heads, layer_scale=1e-5, drop_path=0.0):
        super().__init__()
        size = {"dim": dim, "depth": depth, "heads": heads}
        self.architecture = {"channels": channels, "image": image, "patch": patch} | size
        self.patch = patch
        self.patch_embed = nn.ModuleDict({"proj": nn.Conv2d(channels, dim, patch, patch)})
        self.cls_token = nn.Parameter(torch.empty(1, 1, dim))
        self.pos_embed = nn.Parameter(torch.empty(1, 1 + (image // patch) ** 2, dim))
        self.mask_token = nn.Parameter(torch.zeros(1, dim))
        self.blocks = nn.ModuleList(Block(dim, heads, layer_scale, drop_path) for _ in range(depth))
        self.norm = nn.LayerNorm(dim, eps=1e-6)
        nn.init.normal_(self.cls_token, std=1e-6)
        nn.init.trunc_normal_(self.pos_embed, std=0.02)
        self.apply(start)

    def forward(self, x, masks=None):  # (B, C, S, S), (B, N) bool
        """Normalised CLS token (B, dim) and patch tokens (B, N, dim)."""
        return self.layers(x, 1, masks)[0]

    def layers(self, x, last, masks=None):
        """(CLS, patches) of the `last` blocks, oldest first, each through the final normalisation."""
        x, outputs = self.embed(x, masks), []
        for below, block in enumerate(self.blocks):
            x = block(x)
            if below >= len(self.blocks) - last:
                outputs.append(self.norm(x).to(self.norm.weight.dtype))  # also under autocast
        return [(x[:, 0], x[:, 1:]) for x in outputs]

    def embed(self, x, masks):
        rows, columns = x.shape[2] // self.patch, x.shape[3] // self.patch
        x = self.patch_embed.proj(x).flatten(2).transpose(1, 2)  # (B, N, D)
        if masks is not None:
            x = torch.where(masks[..., None], self.mask_token.to(x.dtype), x)
        x = torch.cat([self.cls_token.expand(len(x), -1, -1), x], dim=1)  # (B, 1 + N, D)
        return x + positions(self.pos_embed, rows, columns)


class Block(nn.Module):
    """Attention, then MLP, each normalised before and scaled (from near zero) after."""

    def __init__(self, dim, heads, layer_scale, drop_path):
        super().__init__()
        self.drop_path = drop_path
        self.norm1 = nn.LayerNorm(dim, eps=1e-6)
        self.attn = Attention(dim, heads)
        self.ls1 = LayerScale(dim, layer_scale)
        self.norm2 = nn.LayerNorm(dim, eps=1e-6)
        layers = [("fc1", nn.Linear(dim, 4 * dim)), ("act", nn.GELU()), ("fc2", nn.Linear(4 * dim, dim))]
        self.mlp = nn.Sequential(OrderedDict(layers))
        self.ls2 = LayerScale(dim, layer_scale)

    def forward(self, x):  # (B, T, D)
        drop = self.drop_path if self.training else 0.0
        x = residual(x, lambda x: self.ls1(self.attn(self.norm1(x))), drop)
        return residual(x, lambda x: self.ls2(self.mlp(self.norm2(x))), drop)


class Attention(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(dim, 3 * dim)
        self.proj = nn.Linear(dim, dim)

    def forward(self, x):  # (B, T, D)
        qkv = self.qkv(x).unflatten(2, (3, self.heads, -1))  # (B, T, 3, heads, D / heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)  # each (B, heads, T, D / heads)
        return self.proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))


class LayerScale(nn.Module):
    def __init__(self, dim, scale):
        super().__init__()
        self.gamma = nn.Parameter(torch.full((dim,), scale))

    def forward(self, x):
        return self.gamma * x


def residual(x, branch, drop):
    """x + branch(x), or stochastic depth: the branch sees a random part of the batch, its result scaled up.

    Skipping whole images saves their computation, unlike zeroing their branch.
    """
    if not drop:
        return x + branch(x)
    kept = max(int(len(x) * (1 - drop)), 1)
    rows = torch.randperm(len(x), device=x.device)[:kept]
    return x.index_add(0, rows, branch(x.index_select(0, rows)), alpha=len(x) / kept)


def positions(pos_embed, rows, columns):
    """Position embeddings (1, 1 + M * M, D) for a grid of rows x columns; the CLS position stays as it is.

    Bicubic by the factor (rows + 0.1) / M: the published weights were trained with this small offset.
    """
    side = round((pos_embed.shape[1] - 1) ** 0.5)
    if rows == columns == side:
        return pos_embed
    cls, grid = pos_embed.float().split([1, side * side], dim=1)
    grid = grid.unflatten(1, (side, side)).permute(0, 3, 1, 2)  # (1, D, M, M)
    factors = ((rows + 0.1) / side, (columns + 0.1) / side)
    grid = F.interpolate(grid, scale_factor=factors, mode="bicubic").flatten(2).transpose(1, 2)
    return torch.cat([cls, grid], dim=1).to(pos_embed.dtype)


def start(module):
    """Initial weights of linear layers; others keep PyTorch's (the patch convolution: kaiming uniform)."""
    if isinstance(module, nn.Linear):
        nn.init.trunc_normal_(module.weight, std=0.02)
        nn.init.zeros_(module.bias)
