"""Heads that stay with an encoder: attention pooling and thresholds by brute force, kept and read again."""

import math

import pytest
import torch
from safetensors.torch import load_file, save_file
from wellread.encoder.heads import AttentionMLP, Linear, load_head, matched
from wellread.encoder.readouts import trained
from wellread.encoder.vit import ViT
from wellread.encoder.weights import load_encoder, save_encoder
from wellread.runtime.errors import InputError

SIZE = {"channels": 1, "image": 8, "patch": 4, "dim": 6, "depth": 3, "heads": 2, "layer_scale": 1.0}


def layers(images=3, tokens=4, dim=6, blocks=2, seed=0):
    generator = torch.Generator().manual_seed(seed)
    shapes = [((images, dim), (images, tokens, dim))] * blocks
    return [tuple(torch.randn(shape, generator=generator) for shape in pair) for pair in shapes]


def test_attention_pooling_is_that_written_out_token_by_token():
    torch.manual_seed(1)
    head, given = AttentionMLP(6, 5, True, 2, 7, 3), layers()
    for fold in head.folds:
        torch.nn.init.normal_(fold.query)
    found = head(given)
    for number, fold in enumerate(head.folds):
        for image in range(3):
            keys = [torch.cat([patches[image, token] for _, patches in given]) for token in range(4)]
            raw = [math.exp(sum((fold.query * key).tolist()) / math.sqrt(12)) for key in keys]
            pooled = sum(weight / sum(raw) * key for weight, key in zip(raw, keys, strict=True))
            hidden = fold.hidden.weight @ pooled + fold.hidden.bias
            hidden = torch.tensor([x * 0.5 * (1 + math.erf(x / math.sqrt(2))) for x in hidden.tolist()])
            torch.testing.assert_close(found[number, image], fold.classify.weight @ hidden + fold.classify.bias)
    head.thresholds.copy_(torch.arange(5) / 10)
    torch.testing.assert_close(head.scores(given), found.sigmoid().mean(0) - torch.arange(5) / 10)


def test_a_threshold_predicts_as_many_as_there_are():
    generator = torch.Generator().manual_seed(2)
    P, Y = torch.rand(80, 4, generator=generator), torch.rand(80, 4, generator=generator) < 0.3
    grid = [0.05 + 0.01 * i for i in range(95)]
    for c, found in enumerate(matched(P, Y).tolist()):
        wrong = [abs((P[:, c] > t).float().mean().item() - Y[:, c].float().mean().item()) for t in grid]
        assert found == pytest.approx(grid[min(range(95), key=lambda i: (round(wrong[i], 6), i))])


def test_scores_of_a_linear_layer():
    several, single = Linear(6, 3, True), Linear(6, 3, False)
    given = layers(blocks=1)
    logits = given[0][0] @ several.weight.T + several.bias
    torch.testing.assert_close(several.scores(given), 1 / (1 + (-logits).exp()) - 0.5)
    torch.testing.assert_close(single.scores(given).sum(1), torch.ones(3))


def test_a_linear_layer_keeps_its_thresholds_and_has_a_half_where_a_file_has_none(tmp_path):
    torch.manual_seed(4)
    encoder, files = ViT(**SIZE), (tmp_path / "weights.safetensors", tmp_path / "model.json")
    head = Linear(6, 3, True)
    head.thresholds.copy_(torch.tensor([0.2, 0.3, 0.4]))
    save_encoder(encoder, *files, channels=["DNA"], head=head)
    torch.testing.assert_close(load_head(*files).thresholds, head.thresholds)
    older = {name: value for name, value in load_file(files[0]).items() if name != "head.thresholds"}
    save_file(older, files[0])
    assert (load_head(*files).thresholds == 0.5).all()
    torch.testing.assert_close(load_head(*files).weight, head.weight)
    save_file({name: value for name, value in older.items() if name != "head.bias"}, files[0])
    with pytest.raises(RuntimeError, match="bias"):
        load_head(*files)


def test_a_head_is_kept_beside_its_encoder_and_read_with_it(tmp_path):
    torch.manual_seed(3)
    encoder, files = ViT(**SIZE).eval(), (tmp_path / "weights.safetensors", tmp_path / "model.json")
    head = AttentionMLP(6, 4, True, 2, 8, 2)
    head.thresholds.fill_(0.3)
    save_encoder(encoder, *files, channels=["DNA"], head=head)
    images, again = torch.randn(2, 1, 8, 8), load_encoder(*files, channels=["DNA"])
    torch.testing.assert_close(again(images)[0], encoder(images)[0])
    whole = trained(*files, ["DNA"], features="head")
    assert whole.width == 4
    expected = head.scores(encoder.intermediate_layers(images, 2))
    torch.testing.assert_close(load_head(*files).scores(encoder.intermediate_layers(images, 2)), expected)
    torch.testing.assert_close(whole.embed(images), expected)
    save_encoder(encoder, *files, channels=["DNA"])
    with pytest.raises(InputError, match="trained to tell classes"):
        trained(*files, ["DNA"], features="head")
