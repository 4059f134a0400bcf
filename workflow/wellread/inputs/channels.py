"""What a channel is, by its name: the stain or fluorophore behind Hoechst 33342, ConA-488 or C01 DAPI."""

import re
from functools import cache

STAINS = {  # what a channel shows: what it is called, without blanks and signs
    "DNA": "dna dapi hoechst hoechst33342 hoechst33258 h33342 h33258 draq5 nuclei nucleus nuclear h2b chromatin",
    "RNA": "rna syto14 sytorna sytornaselect nucleoli",
    "ER": "er ersyto cona concanavalin concanavalina endoplasmicreticulum calreticulin calnexin",
    "AGP": "agp phgolgi phalloidinwga wgaphalloidin actingolgi actingolgiplasmamembrane",
    "Actin": "actin factin phalloidin lifeact",
    "Golgi": "golgi wga wheatgermagglutinin gm130 giantin",
    "Membrane": "membrane plasmamembrane pm cellmask",
    "Mito": "mito mitochondria mitochondrion mitotracker tomm20 tom20 cox4 tmrm",
    "Tubulin": "tubulin microtubule microtubules alphatubulin betatubulin atubulin btubulin",
    "Lysosome": "lysosome lysosomes lysotracker lamp1",
    "Brightfield": "brightfield bf zbf phase phasecontrast dic transmitted transmittedlight tl",
}
TOGETHER = {"AGP", "Actin", "Golgi", "Membrane"}  # stains that share a channel in Cell Painting, AGP
FLUOROPHORES = {  # by their colour: they say nothing of what is stained
    "GFP": "gfp egfp fitc alexa488 af488 yfp citrine green",
    "RFP": "rfp mcherry tritc cy3 alexa546 alexa555 alexa568 alexa594 af555 af568 af594 texasred dsred tdtomato red",
    "FarRed": "cy5 alexa647 af647 farred deepred irfp",
}


@cache
def kind(name: str) -> str:
    """What a channel is, a key of STAINS or else of FLUOROPHORES; "" if its name does not say, or says two things."""
    words = _words(name)
    for table in (STAINS, FLUOROPHORES):
        found = {one for one, aliases in table.items() if words & set(aliases.split())}
        if len(found) > 1 and found <= TOGETHER:
            return "AGP"
        if found:
            return found.pop() if len(found) == 1 else ""
    return ""


def match(wanted: list[str], found: list[str]) -> dict[str, str]:
    """{name in the files: our name} of the channels `wanted`, among those `found` in file names or tables.

    A name is itself; else the only one that differs by case, blanks and signs; else the only one of that stain, if
    there is one of it on both sides. A channel that is none of these is left out.
    """
    matched = {name: name for name in wanted if name in found}
    for alike in (_plain, kind):
        for ours in wanted:
            if ours in matched.values() or not alike(ours):
                continue
            same = [theirs for theirs in found if theirs not in matched and alike(theirs) == alike(ours)]
            rivals = [other for other in wanted if other not in matched.values() and alike(other) == alike(ours)]
            if len(same) == len(rivals) == 1:
                matched[same[0]] = ours
    return matched


def reported(matched: dict[str, str], where: str, say) -> dict[str, str]:
    """The same as `matched`; channels that are called in another way than ours are told to `say`."""
    if others := [f"{theirs} as {ours}" for theirs, ours in matched.items() if theirs != ours]:
        say(f"{where}: channels are read by what their names mean: {', '.join(others)}")
    return matched


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.casefold())


def _words(name: str) -> set[str]:
    """The words of a name, and neighbouring ones together: {alexa, 568, alexa568}."""
    parts = re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+", str(name))
    joined = ["".join(parts[i:j]) for i in range(len(parts)) for j in range(i + 1, len(parts) + 1)]
    whole = re.split(r"[^a-z0-9]+", str(name).casefold())
    return {word.casefold() for word in [*joined, *whole, _plain(name)]} - {""}
