"""Self-attention of the vision transformer: PyTorch's own or, where that is slow, as plain products."""

import torch
from torch import nn
from torch.nn import functional as F

PLAIN_TOKENS = 160  # see plain_is_faster


class Attention(nn.Module):
    """Multi-head self-attention."""

    def __init__(self, dim, heads):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(dim, 3 * dim)
        self.proj = nn.Linear(dim, dim)

    def forward(self, x):  # (B, T, D)
        return self.proj(self.mix(x))

    def mix(self, x):  # (B, T, D)
        """The heads' weighted means of values, side by side (B, T, D), before their projection."""
        qkv = self.qkv(x).unflatten(2, (3, self.heads, -1))  # (B, T, 3, heads, D / heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)  # each (B, heads, T, D / heads)
        attend = plain_attention if plain_is_faster(q) else F.scaled_dot_product_attention
        return attend(q, k, v).transpose(1, 2).flatten(2)


def plain_is_faster(q):  # (B, heads, T, D)
    """Whether `plain_attention` is used: in training in bf16 on a CPU, with few tokens.

    There the backward pass of PyTorch's own attention took 35 % of a step of ViT-S/16 at 128 px (65 tokens); on a CPU
    with AMX plain products were faster up to 145 tokens, and slower from 197.
    """
    return q.dtype == torch.bfloat16 and q.device.type == "cpu" and q.requires_grad and q.shape[2] <= PLAIN_TOKENS


def plain_attention(q, k, v):  # each (B, heads, T, D)
    """Softmax attention (Vaswani et al. 2017) as two products, its softmax in float32."""
    weights = F.softmax(q @ k.mT * q.shape[-1] ** -0.5, dim=-1, dtype=torch.float32)
    return weights.to(v.dtype) @ v
