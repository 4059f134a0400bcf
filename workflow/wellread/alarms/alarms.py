"""All alarms of a dataset: what of its results is not plausible, why, and what to do about it."""

import logging

import pandas as pd

from wellread.alarms import of_answers, of_models, of_nuclei, of_plates
from wellread.alarms.alarm import COLUMNS

log = logging.getLogger("wellread")


def alarms(inputs: dict, how: dict, limits: dict) -> pd.DataFrame:
    """The table of alarms: code, of, found, limit, edit; a row for every rule and what breaks it.

    `inputs`: lists of paths by kind, at the places where the rules write them: of every plate fields, calibration,
    masks, objects, rejected, cells, lost; of every model training; of every task, model and correction tasks; the
    ladder. Any may be missing.
    `how`: `dataset`, its channels, pixel size and section `segment`; the names of models that are `baselines`, and of
    those that are `counts` of cells; of tasks that ask how well batches are `mixed`, where chance is best; and the
    `headlines` of tasks, {task: metric}. `limits`: {code: threshold}; a rule whose threshold is null or false is not
    asked. Every alarm is also a warning in the log.
    """
    every = [
        alarm for room in (of_plates, of_nuclei, of_models, of_answers) for alarm in room.found(inputs, how, limits)
    ]
    found = [alarm for alarm in every if limits[alarm.code] not in (None, False)]
    for alarm in found:
        log.warning("%s: %s: %s; %s: %s", alarm.code, alarm.of, alarm.found, alarm.limit, alarm.edit)
    return pd.DataFrame(found, columns=COLUMNS)
