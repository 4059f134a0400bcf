"""Miniatures of public data sets: files by the published names, empty, and tables with a few of their rows."""

from pathlib import Path

import pandas as pd

WELLS = ["A01", "A02", "B01", "B02"]
UUID = "7A9B0C1D-12AB-4CDE-8F01-23456789ABC{}"
GALLERY = Path("resources/cellpainting-gallery")
ORDER = ("Mito", "AGP", "RNA", "ER", "DNA")  # ch1 to ch5 of the Opera Phenix


def write(path, text=""):
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(text)


def table(path, frame, separator=","):
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    frame.to_csv(path, index=False, sep=separator)


def bbbc013():
    for number, well in enumerate(WELLS, 1):
        for channel in (1, 2):
            write(f"resources/bbbc013/images/Channel{channel}-{number:02d}-{well[0]}-{well[1:]}.BMP")
    rows = {"plate": "BBBC013", "well": WELLS, "treatment": ["DMSO", "w", "w", "pos"], "dose": [0, 1, 2, 0]}
    table("resources/bbbc013/wells.csv", pd.DataFrame(rows).assign(control=["negative", "", "", "positive"]))


def bbbc021():
    """Four sites a well, one row each; w3 is missing, actin is w4."""
    rows = []
    for plate in ("Week1_22123", "Week4_27481"):
        for well, compound, dose in zip(WELLS, ("DMSO", "taxol", "PP-2", "PP-2"), (0, 0.3, 3, 0.1), strict=True):
            for site in range(1, 5):
                names = {w: f"{well}_s{site}_w{w}{UUID.format(w)}.tif" for w in (1, 2, 4)}
                for name in names.values():
                    write(f"resources/bbbc021/images/{plate}/{name}")
                row = {"TableNumber": 4, "ImageNumber": len(rows)}
                for stain, w in {"DAPI": 1, "Tubulin": 2, "Actin": 4}.items():
                    row |= {f"Image_FileName_{stain}": names[w], f"Image_PathName_{stain}": f"Week1/{plate}"}
                row |= {"Image_Metadata_Plate_DAPI": plate, "Image_Metadata_Well_DAPI": well, "Replicate": 1}
                rows.append(row | {"Image_Metadata_Compound": compound, "Image_Metadata_Concentration": dose})
    table("resources/bbbc021/BBBC021_v1_image.csv", pd.DataFrame(rows))
    moa = {"compound": ["PP-2", "taxol", "DMSO"], "concentration": [3, 0.3, 0], "moa": ["Epithelial", "MT", "DMSO"]}
    table("resources/bbbc021/BBBC021_v1_moa.csv", pd.DataFrame(moa))


def bbbc022():
    rows = []
    for plate in ("20585", "20586"):
        for number, well in enumerate(WELLS):
            for site in range(1, 10):
                for w in range(1, 6):
                    name = f"IXMtest_{well}_s{site}_w{w}{UUID.format(w)}.tif"
                    write(f"resources/bbbc022/images/BBBC022_v1_images_{plate}w{w}/{name}")
                role, compound = (("mock", ""), ("compound", f"c{number}"))[number > 0]
                rows.append((f"IXMtest_{well}_s{site}_w1.tif", plate, well, site, role, compound))
    metadata = ("PlateID", "CPD_WELL_POSITION", "Site", "ASSAY_WELL_ROLE", "SOURCE_COMPOUND_NAME")
    columns = ["FileName_OrigHoechst", *(f"Metadata_{name}" for name in metadata)]
    path = Path("resources/bbbc022/BBBC022_v1_image.csv")
    table(path, pd.DataFrame(rows, columns=[f"Image_{name}" for name in columns]))
    path.write_text(path.read_text() + "x,1,A01,1,mock,too,many,cells\n")


def plate_maps(folder, plates, layout, samples):
    table(f"{folder}/barcode_platemap.csv", pd.DataFrame({"Assay_Plate_Barcode": plates, "Plate_Map_Name": layout}))
    rows = {"well_position": WELLS, "broad_sample": samples, "mmoles_per_liter": [0, 10, 3.3, 10], "solvent": "DMSO"}
    table(f"{folder}/platemap/{layout}.txt", pd.DataFrame(rows).assign(plate_map_name=layout), "\t")


def load_data(path, plate, files, written=pd.DataFrame.to_csv, **more):
    """A LoadData table of every well and two sites; `files(well, site, channel)` is a folder elsewhere and a name."""
    rows = []
    for well in WELLS:
        for site in (1, 2):
            row = {"Metadata_Plate": plate, "Metadata_Well": well, "Metadata_Site": site} | more
            for channel in ORDER:
                row[f"PathName_Orig{channel}"], row[f"FileName_Orig{channel}"] = files(well, site, channel)
            rows.append(row)
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    written(pd.DataFrame(rows), path, index=False)


def phenix(well, site, channel):
    number = ORDER.index(channel) + 1
    return f"r{ord(well[0]) - 64:02d}c{well[1:]}f{site:02d}p01-ch{number}sk1fk1fl1.tiff"


def cpg0004():
    batch, base = "2016_04_01_a549_48hr_batch1", "resources/cpg0004/workspace"
    project = "2015_10_05_DrugRepurposing_AravindSubramanian_GolubLab_Broad"
    for plate in ("SQ00014812", "SQ00014813"):
        folder = (
            f"/home/ubuntu/bucket/projects/{project}/{batch}/images/{plate}__2016-05-23T20_44_31-Measurement1/Images"
        )
        path = f"{base}/load_data_csv/{batch}/{plate}/load_data.csv"
        load_data(path, plate, lambda well, site, channel, folder=folder: (folder, phenix(well, site, channel)))
    samples = ["", "BRD-A00147595-001-01-5", "BRD-K76022557-003-28-9", "BRD-A00147595-001-01-5"]
    plate_maps(f"{base}/metadata/platemaps/{batch}", ["SQ00014812", "SQ00014813"], "C-7161-01-LM6-022", samples)
    labels = {"broad_sample": samples[1:3], "broad_id": ["BRD-A00147595", "BRD-K76022557"], "pert_iname": ["b", "a"]}
    labels |= {"moa": ["insulin sensitizer|PPAR receptor partial agonist", "dopamine receptor agonist"]}
    table("resources/cpg0004/repurposing_info_external_moa_map_resolved.tsv", pd.DataFrame(labels), "\t")


def cpg0012():
    base = "resources/cpg0012/workspace"

    def files(well, site, channel):
        folder = "/home/ubuntu/bucket/cpg0012-wawer-bioactivecompoundprofiling/broad/images/CDRP/images/24277"
        return folder, f"cdp2bioactives_{well.lower()}_s{site}_w{ORDER.index(channel) + 1}{UUID.lower().format(1)}.tif"

    load_data(f"{base}/load_data_csv/CDRP/24277/load_data.csv", "24277", files)
    samples = ["", "BRD-A1", "BRD-A2", "BRD-A1"]
    plate_maps(f"{base}/metadata/platemaps/CDRP", ["24277"], "H-BIOA-004-3", samples)


def cpg0016():
    batch = "2021_04_26_Batch1"
    for plate in ("BR00117035", "BR00117036"):
        bucket = f"s3://cellpainting-gallery/cpg0016-jump/source_4/images/{batch}"
        folder = f"{bucket}/images/{plate}__2021-05-02T16_02_51-Measurement1/Images/"
        path = GALLERY / f"cpg0016-jump/source_4/workspace/load_data_csv/{batch}/{plate}/load_data_with_illum.parquet"
        illumination = {"FileName_IllumDNA": f"{plate}_IllumDNA.npy", "PathName_IllumDNA": f"{bucket}/illum/{plate}/"}
        named = {"Metadata_Source": "source_4", "Metadata_Batch": batch} | illumination
        files = lambda well, site, channel, folder=folder: (folder, phenix(well, site, channel))  # noqa: E731
        load_data(path, plate, files, pd.DataFrame.to_parquet, **named)
    plates = ["BR00117035", "BR00117036", "elsewhere"]
    rows = [("source_4", plate, well) for plate in plates for well in WELLS]
    wells = pd.DataFrame(rows, columns=[f"Metadata_{name}" for name in ("Source", "Plate", "Well")])
    wells["Metadata_JCP2022"] = ["JCP2022_033924", "JCP2022_000001", "JCP2022_000002", ""] * 3
    table(GALLERY / "metadata/well.csv.gz", wells)
    columns = {"Metadata_Source": "source_4", "Metadata_Batch": batch, "Metadata_Plate": plates}
    table(GALLERY / "metadata/plate.csv.gz", pd.DataFrame(columns | {"Metadata_PlateType": "COMPOUND"}))


def jump_moa():
    """These tables name files by URL."""
    base, batch = GALLERY / "cpg0002-jump-scope/source_4", "2020_11_16_Scope1_YokogawaUS"
    rows = []
    for well in WELLS:
        row = {"Metadata_Plate": "BRO0117059_20X", "Metadata_Well": well, "Metadata_Site": 1}
        url = f"s3://cellpainting-gallery/cpg0002-jump-scope/source_4/images/{batch}/images/BRO0117059_20X"
        rows.append(row | {f"URL_Orig{channel}": f"{url}/{well}_{channel}.tif" for channel in ORDER})
    table(base / f"workspace/load_data_csv/{batch}/BRO0117059_20X/load_data.csv", pd.DataFrame(rows))
    samples = ["", "BRD-K80935598-001-01-1", "Compound2", "BRD-K80935598-001-01-1"]
    plate_maps(
        base / f"workspace/metadata/platemaps/{batch}", ["BRO0117059_20X"], "JUMP-MOA_compound_platemap", samples
    )
    labels = {"broad_sample": samples[1:3], "pert_iname": ["AZ191", "Compound2"]}
    labels |= {"moa": ["DYRK inhibitor", "kinesin inhibitor"]}
    table(GALLERY / "metadata/JUMP-MOA_compound_metadata.tsv", pd.DataFrame(labels), "\t")
