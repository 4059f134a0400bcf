"""Masked autoencoder: from a quarter of its patches, paint the rest of the cell (He et al. 2022)."""

import torch
from torch import nn
from torch.nn import functional as F

from wellread.encoder import vit
from wellread.encoder.views import draw_view, render
from wellread.runtime.registry import choice
from wellread.train.methods.learner import Learner


@choice("train")
class MAE(Learner):
    """Reconstruction without labels; what is kept is the encoder of the visible patches."""

    def __init__(
        self, backbone, augmentation, truth=None, *,
        mask_ratio=0.75, decoder_dim=512, decoder_depth=8, decoder_heads=16, normalise=True,
    ):  # fmt: skip
        self.augmentation, self.image, self.patch = augmentation, backbone.architecture["image"], backbone.patch
        self.patches = (self.image // self.patch) ** 2
        self.seen = max(1, round(self.patches * (1 - mask_ratio)))
        self.normalise = normalise
        self.student = Painter(backbone, self.patches, decoder_dim, decoder_depth, decoder_heads)

    def draw(self, seed, cells, side):
        generator = torch.Generator().manual_seed(seed)
        view = draw_view(generator, self.augmentation, cells, side)
        return {"view": view, "order": torch.rand(cells, self.patches, generator=generator).argsort(1)}

    def losses(self, crops, drawn, _targets, _now):
        see = self.student.backbone.norm.weight
        x = render(crops, drawn["view"], self.image, self.augmentation).to(see)
        order = drawn["order"].to(see.device, non_blocking=True)  # (B, N): those seen come first
        painted, tokens = self.student(x, order, self.seen)  # (B, N - seen, C * P * P), (B, dim)
        wanted = take(cut(x, self.patch), order[:, self.seen :])
        if self.normalise:
            wanted = F.layer_norm(wanted, wanted.shape[2:], eps=1e-6)
        return {"paint": F.mse_loss(painted.to(see), wanted)}, tokens, {}


class Painter(nn.Module):
    """Backbone and a smaller transformer that paints what the backbone did not see."""

    def __init__(self, backbone, patches, dim, depth, heads):
        super().__init__()
        self.backbone = backbone
        facts = backbone.architecture
        self.decoder = nn.Module()
        self.decoder.enter = nn.Linear(facts["dim"], dim)
        self.decoder.mask_token = nn.Parameter(torch.zeros(1, 1, dim))
        self.decoder.pos_embed = nn.Parameter(torch.empty(1, patches, dim).normal_(std=0.02))
        self.decoder.blocks = nn.Sequential(*(vit.Block(dim, heads, layer_scale=1.0) for _ in range(depth)))
        self.decoder.norm = nn.LayerNorm(dim, eps=1e-6)
        self.decoder.leave = nn.Linear(dim, facts["channels"] * facts["patch"] ** 2)
        self.decoder.apply(vit.init_linear)

    def forward(self, x, order, seen):
        """Painted pixels of the patches not seen, (B, N - seen, C * P * P), and mean tokens of those seen, (B, dim)."""
        tokens, special = self.backbone.input_tokens(x), 1 + self.backbone.architecture["registers"]
        tokens = torch.cat([tokens[:, :special], take(tokens[:, special:], order[:, :seen])], dim=1)
        for block in self.backbone.blocks:
            tokens = block(tokens)
        tokens = self.backbone.norm(tokens)
        known = self.decoder.enter(tokens[:, special:])  # (B, seen, decoder dim)
        hidden = self.decoder.mask_token.to(known.dtype).expand(len(x), order.shape[1] - seen, -1)
        position = take(self.decoder.pos_embed.expand(len(x), -1, -1), order)
        y = self.decoder.norm(self.decoder.blocks(torch.cat([known, hidden], dim=1) + position))
        return self.decoder.leave(y[:, seen:]), tokens[:, special:].mean(1)


def take(tokens, at):  # (B, N, D), (B, n) -> (B, n, D)
    return tokens.gather(1, at[..., None].expand(-1, -1, tokens.shape[-1]))


def cut(x, patch):  # (B, C, S, S) -> (B, N, C * P * P), row by row
    return F.unfold(x, patch, stride=patch).transpose(1, 2)
