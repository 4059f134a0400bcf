"""Pictures of the fields of a sample, for the page of a preview."""

from PIL import Image

from wellread.pictures import montage

WIDTH, TILE = 360, 150  # px of a field, of a channel of one


def of_sample(one) -> dict:
    """Pictures of the fields in a `Sample`: every channel of the first one, and all in false colours with outlines.

    {plate: its name, channels: [{name, uri}], fields: [{name of the well, uri}]}.
    """
    plate = one.opened
    first, fields = plate.read(plate.good[0]), []
    for number in plate.good:
        masks = montage.read_masks(one.path("masks"), number) if one.has("masks") else None
        picture = montage.field_with_outlines(plate, number, masks, WIDTH)
        fields.append({"name": plate.metadata(number)["well"], "uri": montage.webp_uri(Image.fromarray(picture))})
    channels = [
        {
            "name": name,
            "uri": montage.webp_uri(Image.fromarray((255 * plane**0.6).astype("uint8")).resize(_tile(plane))),
        }
        for name, plane in zip(plate.channels, first, strict=True)
    ]
    return {"plate": one.plate, "channels": channels, "fields": fields}


def _tile(plane) -> tuple[int, int]:
    height, width = plane.shape
    return TILE, max(round(TILE * height / width), 1)
