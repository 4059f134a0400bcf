"""Measures: `f(frame, seed, *, options)` takes a profile table and returns metric, item, repeat, value, n."""

from wellread.measure.controls import assay_quality, dose_response
from wellread.measure.mechanism import nearest_class
from wellread.measure.neighbours import knn
from wellread.measure.retrieval import average_precision

MEASURES = {
    "knn": knn,
    "nearest_class": nearest_class,
    "average_precision": average_precision,
    "assay_quality": assay_quality,
    "dose_response": dose_response,
}
