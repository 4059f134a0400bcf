"""What a preview finds: errors that stop or spoil a run, warnings, notes; each with a code that stays the same."""

from typing import NamedTuple

from wellread.alarms.alarm import Alarm
from wellread.runtime.errors import InputError

SEVERITIES = ("error", "warning", "note")  # in the order in which they are shown
WARNED = {  # words of notes of planning that are warnings: their codes
    "an image of": "repeated_images",
    "device: cuda": "no_gpu",
    "is a negative control in": "controls_partly",
    "a single negative control": "single_controls",
}
SPOILS = {"pixel_size", "crop_per_nucleus"}  # alarms after which no result of a run can be right


class Finding(NamedTuple):
    """A `severity` of SEVERITIES, a `code`, `of` what, what was `found`, and the `remedy`."""

    severity: str
    code: str
    of: str
    found: str
    remedy: str = ""


def of_error(code: str, error: InputError) -> list[Finding]:
    """A finding for every error that `error` is made of."""
    return [
        Finding("error", code, one["where"], f"{one['found']} (expected: {one['expected']})", one["edit"])
        for one in error.all_lines
    ]


def of_alarm(alarm: Alarm) -> Finding:
    """An alarm of results, sounded by a sample of fields."""
    severity = "error" if alarm.code in SPOILS else "warning"
    return Finding(severity, alarm.code, alarm.of, f"{alarm.found} ({alarm.limit})", alarm.edit)


def of_note(note: str) -> Finding:
    """What planning noted: a task that the design cannot answer is a warning."""
    if "undecidable" in note:
        of, _, words = note.partition(": undecidable; ")
        between = ") (" if ") (" in words else " ("  # what was found may end in brackets, too
        found, _, edit = words.partition(between)
        return Finding("warning", "undecidable", of, found + between[:-2], edit.removesuffix(")"))
    code = next((code for words, code in WARNED.items() if words in note), "")
    if code:
        of, _, words = note.partition(": ")
        return Finding("warning", code, of, *words.rsplit("; ", 1)[:2])
    return Finding("note", "plan", "tables", note)


def in_order(findings: list[Finding]) -> list[Finding]:
    """The most severe first, each once."""
    return sorted(dict.fromkeys(findings), key=lambda finding: SEVERITIES.index(finding.severity))
