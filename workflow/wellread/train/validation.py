"""How well a model that is taught by labels tells those of wells that are to choose among models: macro F1."""

import logging

import numpy as np

from wellread.encoder.views import centre_view
from wellread.train.methods.learner import of_all

log = logging.getLogger("wellread")
SCORE = "validation_macro_f1"


def validated(learner, held, device) -> dict[str, float]:
    """{SCORE: macro F1 of what the head of a method says of the wells of a `TrainingSet`}, whose `labels` are by wells.

    As of the measure `own_head`, `macro_f1_present`: a well is the mean of the scores of its cells; of several labels
    those of a score above 0 are predicted, of single ones the highest.
    """
    encoder = learner.encoder.eval()

    def scores_of(crops):
        view = centre_view(crops, encoder.architecture["image"]).to(encoder.norm.weight)
        return learner.head.scores(encoder.intermediate_layers(view, learner.head.blocks))

    scores = of_all(held, scores_of, device)[0].numpy()  # (items, classes)
    own, well = np.unique(held.labels.codes[held.rows].repeat(held.channels), return_inverse=True)
    sums = np.zeros((len(own), scores.shape[1]))
    np.add.at(sums, well, scores)
    means, truth = sums / np.bincount(well)[:, None], held.labels.sets[own]
    predicted = means > 0 if learner.head.several else means == means.max(axis=1, keepdims=True)
    found = macro_f1(predicted, truth)
    log.info("of %d wells that validate: macro F1 %.3f", len(own), found)
    return {SCORE: found}


def macro_f1(predicted: np.ndarray, truth: np.ndarray) -> float:
    """The mean over classes that occur in `truth` of F1 = 2 TP / (2 TP + FP + FN); both (n, classes) bool."""
    right, wrong = (predicted & truth).sum(axis=0), (predicted ^ truth).sum(axis=0)
    occurs = truth.any(axis=0)
    return float((2 * right[occurs] / (2 * right[occurs] + wrong[occurs])).mean())
