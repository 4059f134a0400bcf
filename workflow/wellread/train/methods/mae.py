"""Masked autoencoder: from a quarter of its patches, reconstruct the rest of the image (He et al. 2022)."""

import torch
from torch import nn
from torch.nn import functional as F

from wellread.encoder import vit
from wellread.encoder.views import draw_view, render
from wellread.runtime.registry import choice
from wellread.train.methods.learner import Learner


@choice("train")
class MAE(Learner):
    """Reconstruction without labels; what is kept is the encoder of the visible patches.

    `mask_ratio`: share of the patches that is masked. `decoder_dim`, `decoder_depth`, `decoder_heads`: size of the
    decoder. `normalise`: reconstruct pixels relative to mean and deviation of their patch.
    """

    def __init__(
        self, backbone, augmentation, labels=None, *,
        mask_ratio=0.75, decoder_dim=512, decoder_depth=8, decoder_heads=16, normalise=True,
    ):  # fmt: skip
        self.augmentation, self.image, self.patch = augmentation, backbone.architecture["image"], backbone.patch
        self.patches = (self.image // self.patch) ** 2
        self.visible = max(1, round(self.patches * (1 - mask_ratio)))
        self.normalise = normalise
        self.student = MaskedAutoencoder(backbone, self.patches, decoder_dim, decoder_depth, decoder_heads)

    def draw(self, seed, cells, side):
        generator = torch.Generator().manual_seed(seed)
        view = draw_view(generator, self.augmentation, cells, side)
        return {"view": view, "order": torch.rand(cells, self.patches, generator=generator).argsort(1)}

    def losses(self, crops, drawn, _targets, _scheduled):
        like = self.student.backbone.norm.weight  # its dtype and device are those of views and losses
        x = render(crops, drawn["view"], self.image, self.augmentation).to(like)
        order = drawn["order"].to(like.device, non_blocking=True)  # (B, N): indices of patches, the visible ones first
        reconstruction, tokens = self.student(x, order, self.visible)  # (B, N - visible, C * P * P), (B, dim)
        target = select_tokens(patchify(x, self.patch), order[:, self.visible :])
        if self.normalise:
            target = F.layer_norm(target, target.shape[2:], eps=1e-6)
        return {"paint": F.mse_loss(reconstruction.to(like), target)}, tokens, {}


class MaskedAutoencoder(nn.Module):
    """Backbone, and a smaller transformer, the decoder, that reconstructs the masked patches."""

    def __init__(self, backbone, patches, dim, depth, heads):
        super().__init__()
        self.backbone = backbone
        size = backbone.architecture
        self.decoder = nn.Module()
        self.decoder.embed = nn.Linear(size["dim"], dim)
        self.decoder.mask_token = nn.Parameter(torch.zeros(1, 1, dim))
        self.decoder.pos_embed = nn.Parameter(torch.empty(1, patches, dim).normal_(std=0.02))
        self.decoder.blocks = nn.Sequential(*(vit.Block(dim, heads, layer_scale=1.0) for _ in range(depth)))
        self.decoder.norm = nn.LayerNorm(dim, eps=1e-6)
        self.decoder.pred = nn.Linear(dim, size["channels"] * size["patch"] ** 2)
        self.decoder.apply(vit.init_linear)

    def forward(self, x, order, visible):
        """Pixels of the masked patches, (B, N - visible, C * P * P), and mean tokens of the visible ones, (B, dim)."""
        tokens, special = self.backbone.input_tokens(x), 1 + self.backbone.architecture["registers"]
        tokens = torch.cat([tokens[:, :special], select_tokens(tokens[:, special:], order[:, :visible])], dim=1)
        for block in self.backbone.blocks:
            tokens = block(tokens)
        tokens = self.backbone.norm(tokens)
        known = self.decoder.embed(tokens[:, special:])  # (B, visible, decoder dim)
        masked = self.decoder.mask_token.to(known.dtype).expand(len(x), order.shape[1] - visible, -1)
        positions = select_tokens(self.decoder.pos_embed.expand(len(x), -1, -1), order)
        y = self.decoder.norm(self.decoder.blocks(torch.cat([known, masked], dim=1) + positions))
        return self.decoder.pred(y[:, visible:]), tokens[:, special:].mean(1)


def select_tokens(tokens, indices):  # (B, N, D), (B, n) -> (B, n, D)
    return tokens.gather(1, indices[..., None].expand(-1, -1, tokens.shape[-1]))


def patchify(x, patch):  # (B, C, S, S) -> (B, N, C * P * P), row by row
    return F.unfold(x, patch, stride=patch).transpose(1, 2)
