"""What a channel is follows from the names that people, vendors and public data sets give it."""

import pytest
from wellread.inputs.channels import FLUOROPHORES, STAINS, kind, match


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ("DNA, dapi, Hoechst, Hoechst 33342, HOECHST-33342, H33342, C01 DAPI, w1_Hoechst, H2B-GFP, OrigDNA", "DNA"),
        ("RNA, SYTO 14, SYTO14, syto-14, SytoRNA", "RNA"),
        ("ER, ConA, ConA-488, Concanavalin A, ERSyto, Alexa 488 ConA", "ER"),
        ("AGP, Ph_golgi, OrigAGP, phalloidin/WGA", "AGP"),
        ("Actin, F-actin, Phalloidin 568", "Actin"),
        ("Mito, MitoTracker, MitoTracker Deep Red, mitochondria", "Mito"),
        ("tubulin, Microtubules, beta-tubulin, b tubulin", "Tubulin"),
        ("Brightfield, BF, Bright field, DIC, phase contrast, BrightfieldZ", "Brightfield"),
        ("GFP, eGFP, FITC, Alexa 488, FKHR-GFP", "GFP"),
        ("RFP, TRITC, mCherry, Alexa 568", "RFP"),
        ("Cy5, Alexa 647", "FarRed"),
        ("protein, w1, ch2, C01, marker, supernatural, erythrocyte, DAPI and tubulin", ""),
    ],
)
def test_what_a_channel_is(names, expected):
    assert {name: kind(name) for name in names.split(", ")} == dict.fromkeys(names.split(", "), expected)


def test_no_alias_means_two_things():
    aliases = [alias for table in (STAINS, FLUOROPHORES) for names in table.values() for alias in names.split()]
    assert len(aliases) == len(set(aliases))


@pytest.mark.parametrize(
    ("wanted", "found", "expected"),
    [
        (["DNA", "ER"], ["ER", "DNA"], {"DNA": "DNA", "ER": "ER"}),
        (["DNA", "ER"], ["dna", "Er"], {"dna": "DNA", "Er": "ER"}),
        (["DNA", "GFP"], ["Hoechst 33342", "FITC"], {"Hoechst 33342": "DNA", "FITC": "GFP"}),
        (["Ph_golgi"], ["ph golgi"], {"ph golgi": "Ph_golgi"}),
        (["DNA"], ["DAPI", "Hoechst"], {}),  # which of them?
        (["DNA", "DAPI"], ["Hoechst"], {}),
        (["DNA", "DAPI"], ["DAPI", "Hoechst"], {"DAPI": "DAPI", "Hoechst": "DNA"}),
        (["DNA", "x"], ["w1", "w2"], {}),
        (["w1"], ["w2"], {}),
    ],
)
def test_channels_are_matched_by_name_and_alias(wanted, found, expected):
    assert match(wanted, found) == expected
