"""Measures: `f(frame, seed, *, options)` takes a profile table and returns metric, item, repeat, value, n."""

from wellread.measure.assay_quality import assay_quality
from wellread.measure.average_precision import average_precision
from wellread.measure.dose_response import dose_response
from wellread.measure.knn import knn
from wellread.measure.nearest_class import nearest_class

MEASURES = {
    "knn": knn,
    "nearest_class": nearest_class,
    "average_precision": average_precision,
    "assay_quality": assay_quality,
    "dose_response": dose_response,
}
