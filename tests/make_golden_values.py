"""Write golden_values.json: a made-up profile table, and what measures and corrections must make of it.

python tests/make_golden_values.py. Nothing here imports wellread. Every value comes from a loop over wells, by counting
all cases, or by another library: F1 and recall, PCA and Ledoit-Wolf by scikit-learn, matrix roots and ranks by scipy.
"""

import json
from itertools import combinations
from math import comb, exp, log, sqrt
from pathlib import Path
from statistics import mean, median, stdev

import numpy as np
from scipy.linalg import inv, sqrtm
from scipy.stats import spearmanr
from sklearn.covariance import ledoit_wolf
from sklearn.decomposition import PCA
from sklearn.metrics import average_precision_score, balanced_accuracy_score, f1_score, recall_score

OUT = Path(__file__).with_name("golden_values.json")
MOA = {"t1": "m", "t2": "m", "t3": "n", "t4": "n"}
KINDS = [("DMSO", "negative", "fit")] * 3 + [("DMSO", "negative", "evaluate")] * 4 + [("boost", "positive", "")] * 2


def made_up():
    """30 wells: on each of two plates three fitting and four evaluation controls, two positive, two compounds."""
    rng = np.random.default_rng(20)
    wells, X = [], []
    for plate, compounds in (("p", ("t1", "t3")), ("q", ("t2", "t4"))):
        kinds = [(*kind, 0.0, "") for kind in KINDS]
        kinds += [(name, "", "", float(dose), MOA[name]) for name in compounds for dose in (1, 2, 3)]
        for i, (treatment, control, use, dose, moa) in enumerate(kinds):
            wells.append({"plate": plate, "well": f"A{i:02d}", "batch": f"b{plate}", "treatment": treatment,
                          "control": control, "control_use": use, "dose": dose, "moa": moa})  # fmt: skip
            towards = {"m": [1, 0.5, 0], "n": [-0.5, 1, 1]}.get(moa, [3, -2, 1] if control == "positive" else [0] * 3)
            shift = [0.5, -0.2, 1.0] if plate == "q" else [0, 0, 0]
            size = max(dose, 1.0) * 0.8
            X.append(np.array(shift) + size * np.array(towards) + rng.normal(size=3) * [0.5, 1.0, 0.7])
    return wells, np.round(X, 2)


def rows(wells, **wanted):
    """Numbers of the wells that have these values."""
    return [i for i, well in enumerate(wells) if all(well[key] == value for key, value in wanted.items())]


def cosine(a, b):
    return float(sum(a * b) / sqrt(sum(a * a) * sum(b * b)))


def wilson(p, n):
    """Wilson's interval of the share p of n, by its formula."""
    z = 1.959963984540054
    middle, half = p + z * z / (2 * n), z * sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return [p, (middle - half) / (1 + z * z / n), (middle + half) / (1 + z * z / n)]


def shares(metric, right, units):
    """A share and Wilson's interval of n / d, d how much larger its variance is over units than over rows."""
    n, share, names = len(right), mean(right), sorted(set(units))
    over_rows = n / (n - 1) * sum((r - share) ** 2 for r in right)
    sums = [sum(r - share for r, unit in zip(right, units, strict=True) if unit == name) for name in names]
    over_units = len(names) / (len(names) - 1) * sum(value**2 for value in sums)
    d = max(1, over_units / over_rows) if over_rows else n / len(names)
    values = wilson(share, n / d)
    return {metric: values[0], f"{metric}_low": values[1], f"{metric}_high": values[2]}


def knn(wells, X, k=3, temperature=0.07):
    """Of the treated wells, their mechanism by three others. Metrics by scikit-learn."""
    labelled = [i for i, well in enumerate(wells) if well["moa"]]
    truth, guess = [wells[i]["moa"] for i in labelled], []
    for i in labelled:
        near = sorted((j for j in labelled if j != i), key=lambda j: -cosine(X[i], X[j]))[:k]
        weight = {m: sum(exp(cosine(X[i], X[j]) / temperature) for j in near if wells[j]["moa"] == m) for m in "mn"}
        guess.append(max(weight, key=weight.get))
    compounds = [wells[i]["treatment"] for i in labelled]
    answers = shares("accuracy", [t == g for t, g in zip(truth, guess, strict=True)], compounds)
    answers["balanced_accuracy"] = balanced_accuracy_score(truth, guess)
    answers["macro_f1"] = f1_score(truth, guess, average="macro")
    for name, score in (("recall", recall_score), ("f1", f1_score)):
        answers |= {
            f"{name}/{m}": v for m, v in zip("mn", score(truth, guess, average=None, labels=["m", "n"]), strict=True)
        }
    return answers


def nearest_class(treatments, Y):
    """Of treatments (compound and dose), whether the nearest of another compound, and batch, has their mechanism."""
    answers = {}
    known = [i for i, one in enumerate(treatments) if one["moa"]]
    for name, keys in (("nsc", ["treatment"]), ("nscb", ["treatment", "batch"])):
        right = {}
        for i in known:
            others = [j for j in known if all(treatments[j][key] != treatments[i][key] for key in keys)]
            best = max(others, key=lambda j: cosine(Y[i], Y[j]))
            right[i] = treatments[best]["moa"] == treatments[i]["moa"]
        answers |= shares(name, list(right.values()), [treatments[i]["treatment"] for i in right])
        answers |= {f"{name}_class/{m}": mean(right[i] for i in known if treatments[i]["moa"] == m) for m in "mn"}
        answers |= {
            f"{name}_treatment/{treatments[i]['treatment']} @ {treatments[i]['dose']:g}": right[i] for i in known
        }
    return answers


def average_precision_of(i, positives, negatives, X):
    """Mean, over the positives, of the share of positives among what ranks as high; negatives win ties."""
    found = []
    for j in positives:
        at_least = [cosine(X[i], X[k]) >= cosine(X[i], X[j]) for k in positives]
        before = [cosine(X[i], X[k]) >= cosine(X[i], X[j]) for k in negatives]
        found.append(sum(at_least) / (sum(at_least) + sum(before)))
    return mean(found)


def mean_average_precision(members, negatives, X):
    return mean(average_precision_of(i, [j for j in members if j != i], negatives, X) for i in members)


def average_precision(wells, X):
    """All arrangements of three treated wells and four controls are counted; so are those of chance rankings."""
    answers, normalised = {}, []
    for name in sorted({well["treatment"] for well in wells if well["control"] != "negative"}):
        p_value, pools = 1.0, []
        plates = sorted({wells[i]["plate"] for i in rows(wells, treatment=name)})
        pools = [(rows(wells, plate=p, treatment=name), rows(wells, plate=p, control_use="evaluate")) for p in plates]
        members = [i for own, _ in pools for i in own]
        scores, levels = [], []
        for own, negatives in pools:
            for i in own:
                scores.append(average_precision_of(i, [j for j in members if j != i], negatives, X))
                m, k = len(members) - 1, len(negatives)
                ranks = list(combinations(range(1, m + k + 1), m))
                chance = mean(mean((n + 1) / rank for n, rank in enumerate(hits)) for hits in ranks)
                levels.append((scores[-1] - chance) / (1 - chance))
        answers[f"mean_average_precision/{name}"] = mean(scores)
        answers[f"mean_normalised_average_precision/{name}"] = mean(levels)
        places = {tuple(sorted(wells[i]["well"] for i in own)) for own, _ in pools}
        followed = len(places) < len(pools)  # through plates with fewer than 20 control positions
        arrangements = np.prod([comb(len(o) + len(n), len(o)) for o, n in pools])
        normalised.append(arrangements > 20 and not followed)
        if len(pools) == 1:
            (own, negatives), both = pools[0], pools[0][0] + pools[0][1]
            null = [mean_average_precision(list(c), [i for i in both if i not in c], X) for c in combinations(both, 3)]
            p_value = mean(value >= mean(scores) - 1e-12 for value in null)
            answers[f"p_value/{name}"] = p_value  # exact: the measure draws, so this holds within its error
    for metric in ("mean_average_precision", "mean_normalised_average_precision"):
        answers[metric] = mean(v for key, v in answers.items() if key.startswith(f"{metric}/"))
    answers["fraction_decidable"] = mean(normalised)
    return answers


def z_and_ssmd(negative, positive):
    apart = mean(positive) - mean(negative)
    return 1 - 3 * (stdev(positive) + stdev(negative)) / abs(apart), apart / sqrt(
        stdev(positive) ** 2 + stdev(negative) ** 2
    )


def assay_quality(wells, X):
    """Each control on axes that leave it out together with one of the other kind; and on the axis of all."""
    answers = {}
    for plate in "pq":
        neg, pos = rows(wells, plate=plate, control_use="evaluate"), rows(wells, plate=plate, control="positive")
        centre = (X[neg].mean(axis=0) + X[pos].mean(axis=0)) / 2
        place = {i: [] for i in neg + pos}
        for i in neg:
            for j in pos:
                axis = X[[k for k in pos if k != j]].mean(axis=0) - X[[k for k in neg if k != i]].mean(axis=0)
                for well in (i, j):
                    place[well].append(float((X[well] - centre) @ axis / (axis @ axis)))
        axis = X[pos].mean(axis=0) - X[neg].mean(axis=0)
        for ending, where in (("", {i: mean(v) for i, v in place.items()}),
                              ("_optimistic", {i: float(X[i] @ axis) for i in neg + pos})):  # fmt: skip
            z, d = z_and_ssmd([where[i] for i in neg], [where[j] for j in pos])
            answers |= {f"z_prime{ending}/{plate}": z, f"ssmd{ending}/{plate}": d}
    for metric in ("z_prime", "ssmd", "z_prime_optimistic", "ssmd_optimistic"):
        answers[metric] = median(answers[f"{metric}/{plate}"] for plate in "pq")
    return answers


def dose_response(wells, X):
    """Ranks by scipy. Three doses are too few for a curve of four parameters."""
    answers = {}
    for name in sorted(MOA):
        own = rows(wells, treatment=name)
        controls = rows(wells, plate=wells[own[0]]["plate"], control_use="evaluate")
        away = [sqrt(sum((X[i] - X[controls].mean(axis=0)) ** 2)) for i in own]
        answers[f"spearman/{name}"] = spearmanr([wells[i]["dose"] for i in own], away).statistic
    answers["spearman"] = mean(answers.values())
    return answers | {f"ec50_few_doses/{name}": 1 for name in MOA} | {"fraction_with_ec50": 0}


def median_cosine(group, X):
    return median(cosine(X[i], X[j]) for i, j in combinations(group, 2))


def replicating(wells, X):
    """The similarity of compounds, and bounds of their threshold: quantiles of all groups of different compounds."""
    own = {name: rows(wells, treatment=name) for name in sorted([*MOA, "boost"])}
    answers = {f"similarity/{name}": median_cosine(group, X) for name, group in own.items()}
    null = []
    for names in combinations(own, 3):
        null += [
            (median_cosine(group, X), 1 / np.prod([len(own[n]) for n in names])) for group in product_of(names, own)
        ]
    value, weight = np.array(sorted(null)).T
    below = np.cumsum(weight) / weight.sum()
    answers["threshold_low"], answers["threshold_high"] = (
        float(value[np.searchsorted(below, q)]) for q in (0.92, 0.98)
    )
    return answers


def product_of(names, own):
    first, second, third = (own[name] for name in names)
    return [(a, b, c) for a in first for b in second for c in third]


def matching(treatments, Y):
    """The similarity of mechanisms over pairs of doses of two compounds, and the third and fourth of all six pairs."""

    def similarity_of(pair):
        first, second = ([i for i, one in enumerate(treatments) if one["treatment"] == name] for name in pair)
        return median(cosine(Y[i], Y[j]) for i in first for j in second)

    null = sorted(similarity_of(pair) for pair in combinations(sorted(MOA), 2))
    answers = {f"similarity/{m}": similarity_of([name for name in MOA if MOA[name] == m]) for m in "mn"}
    return answers | {"threshold_low": null[2], "threshold_high": null[3]}


def inverse_simpson(U, batch, i, perplexity):
    """Of the batches of the 3 x perplexity nearest rows; weights exp(-beta d) have the entropy log(perplexity)."""
    away = sorted((float(np.linalg.norm(U[j] - U[i])), batch[j]) for j in range(len(U)) if j != i)[: 3 * perplexity]
    low, high = 0.0, 1e4
    for _ in range(200):
        beta = (low + high) / 2
        weights = [exp(-beta * (d - away[0][0])) for d, _ in away]
        entropy = -sum(w / sum(weights) * log(w / sum(weights)) for w in weights if w)
        low, high = (beta, high) if entropy > log(perplexity) else (low, beta)
    shares = [sum(w for w, (_, b) in zip(weights, away, strict=True) if b == one) / sum(weights) for one in set(batch)]
    return 1 / sum(share**2 for share in shares)


def mixing(wells, X):
    """Of the treated wells, two batches; average precision by scikit-learn."""
    own = [i for i, well in enumerate(wells) if well["control"] != "negative"]
    U = np.array([X[i] / np.linalg.norm(X[i]) for i in own])
    names, batch = ([wells[i][key] for i in own] for key in ("treatment", "batch"))
    answers = {"ilisi": median(inverse_simpson(U, batch, i, (len(own) - 1) // 3) for i in range(len(own))) - 1}
    precisions = {name: [] for name in sorted(set(names))}
    for i, name in enumerate(names):
        others = [j for j in range(len(own)) if j != i]
        precisions[name].append(average_precision_score([names[j] == name for j in others], U[others] @ U[i]))
    answers |= {f"label_map/{name}": mean(values) for name, values in precisions.items()}
    answers["label_map"] = mean(value for own in precisions.values() for value in own)
    return answers


def variance_between(wells, X, group, within):
    """The share of the sum of squares between groups, which `group` of a well tells, on average over features."""
    plates = sorted({well["plate"] for well in wells})
    if within:
        centres = {plate: np.mean([X[i] for i in rows(wells, plate=plate)], axis=0) for plate in plates}
        X = np.array([x - centres[well["plate"]] for x, well in zip(X, wells, strict=True)])
    names = [group(well) for well in wells]
    shares = []
    for x in X.T.tolist():
        total = sum((v - mean(x)) ** 2 for v in x)
        groups = [[v for v, name in zip(x, names, strict=True) if name == one] for one in sorted(set(names))]
        shares.append(sum(len(own) * (mean(own) - mean(x)) ** 2 for own in groups) / total)
    return mean(shares)


def layout(wells, X):
    """Of one row, at columns that repeat; compounds are on one plate, boost at two positions of both."""
    answers = {"at_one_position": 1.0, "at_one_position/boost": 1.0, "sharing_positions": 1.0}
    answers |= {"control_positions": 7, "control_positions_everywhere": 7}
    held = {w: {"" if one["control"] == "negative" else one["treatment"] for one in wells if one["well"] == w}
            for w in {well["well"] for well in wells}}  # fmt: skip
    answers["repeated_positions"] = mean(len(names) == 1 for names in held.values())
    for kind in ("controls", "wells"):
        left_out = ("", "fit") if kind == "controls" else ("fit",)
        own = [i for i, well in enumerate(wells) if well["control_use"] not in left_out]
        some, Y = [wells[i] for i in own], X[own]
        for what, key in {"column": "well", "position": "well", "plate": "plate", "batch": "batch"}.items():
            answers[f"{what}_of_{kind}"] = variance_between(some, Y, lambda w, key=key: w[key], key == "well")
    return answers


def retrieval(wells, X):
    """Of the treated wells, whether the nearest that differs in the keys of a level has the same treatment."""
    own = [i for i, well in enumerate(wells) if well["control"] != "negative"]
    U = {i: X[i] / np.linalg.norm(X[i]) for i in own}
    answers = {}
    for level, keys in {"well": ["plate", "well"], "batch": ["batch"], "position": ["well"]}.items():
        found, units, anywhere = {}, {}, []
        for i in own:
            others = [j for j in own if any(wells[i][key] != wells[j][key] for key in keys)]
            same = [j for j in others if wells[j]["treatment"] == wells[i]["treatment"]]
            if same:
                nearest = max(others, key=lambda j: U[i] @ U[j])
                found.setdefault(wells[i]["treatment"], []).append(nearest in same)
                nearest = max((j for j in own if j != i), key=lambda j: U[i] @ U[j])
                anywhere.append(wells[nearest]["treatment"] == wells[i]["treatment"])
                units.setdefault(wells[i]["treatment"], []).append(i if wells[i]["control"] else -len(found))
        answers |= {f"recall_{level}/{name}": mean(right) for name, right in found.items()}
        every = [right for own_found in found.values() for right in own_found]
        answers |= shares(f"recall_{level}", every, [unit for own_units in units.values() for unit in own_units])
        if level != "well":
            answers[f"recall_{level}_if_any_well"] = mean(anywhere)
    return answers


def consensus(wells, X, statistic):
    """The profile of every treatment at every dose, of controls only the evaluation half."""
    keys = sorted({(well["treatment"], well["dose"]) for well in wells})
    answers = []
    for treatment, dose in keys:
        own = [i for i in rows(wells, treatment=treatment, dose=dose) if wells[i]["control_use"] != "fit"]
        words = {key: "|".join(sorted({wells[i][key] for i in own} - {""})) for key in ("batch", "moa", "control")}
        answers.append({"treatment": treatment, "dose": dose, **words, "n": len(own),
                     "X": [statistic(X[own, d].tolist()) for d in range(3)]})  # fmt: skip
    return answers


def whitened(wells, X, covariance_of):
    """Centred on the fitting controls, times the inverse root of their covariance; roots by scipy."""
    fit = rows(wells, control_use="fit")
    return (X - X[fit].mean(axis=0)) @ inv(sqrtm(covariance_of(X[fit])))


def covariance(X):
    """Divided by n."""
    d = X - X.mean(axis=0)
    return sum(np.outer(row, row) for row in d) / len(d)


def of_positions(wells, X):
    """Centred on the means of fitting positions, times the inverse root of their covariance and its mean variance."""
    fit = rows(wells, control_use="fit")
    M = np.array([np.mean([X[i] for i in fit if wells[i]["well"] == name], axis=0) for name in
                  sorted({wells[i]["well"] for i in fit})])  # fmt: skip
    return (X - M.mean(axis=0)) @ inv(sqrtm(relative(M)))


def relative(X):
    return covariance(X) + np.trace(covariance(X)) / 3 * np.eye(3)


def standardized(wells, X, centre, scale, **use):
    """Each plate by itself; by all its wells, or those with a value of a column."""
    out = np.zeros_like(X)
    for plate in "pq":
        for d in range(3):
            own = rows(wells, plate=plate)
            known = [X[i, d] for i in rows(wells, plate=plate, **use)]
            for i in own:
                out[i, d] = (X[i, d] - centre(known)) / scale(known)
    return out


def mad(values):
    return 1.4826 * median(abs(value - median(values)) for value in values)


def aligned(wells, X, ridge=1.0):
    """CORAL: the covariance of each batch's fitting controls becomes that of all; roots by scipy."""
    out, target = X.copy(), sqrtm(covariance(X[rows(wells, control_use="fit")]) + ridge * np.eye(3))
    for batch in ("bp", "bq"):
        own = covariance(X[rows(wells, batch=batch, control_use="fit")]) + ridge * np.eye(3)
        for i in rows(wells, batch=batch):
            out[i] = X[i] @ inv(sqrtm(own)) @ target
    return out


def principal(X):
    """Two principal components by scikit-learn, the largest loading of each positive."""
    model = PCA(2).fit(X)
    signs = [np.sign(axis[np.abs(axis).argmax()]) for axis in model.components_]
    return model.transform(X) * signs


def corrections(wells, X):
    one, variances = whitened(wells, X, relative), sorted(X.var(axis=0, ddof=1))
    return {
        "sphering": [[{"sphering": {}}], one],
        "absolute": [
            [{"sphering": {"regularisation": 0.1, "relative": False}}],
            whitened(wells, X, lambda Z: covariance(Z) + 0.1 * np.eye(3)),
        ],
        "ledoit_wolf": [
            [{"sphering": {"regularisation": "ledoit_wolf"}}],
            whitened(wells, X, lambda Z: ledoit_wolf(Z)[0]),
        ],
        "of positions": [[{"sphering": {"of": "positions"}}], of_positions(wells, X)],
        "standardize": [[{"standardize": {}}], standardized(wells, X, mean, stdev)],
        "robust": [[{"standardize": {"robust": True}}], standardized(wells, X, median, mad)],
        "of controls": [[{"standardize": {"fit": "controls"}}], standardized(wells, X, mean, stdev, control_use="fit")],
        "zscore": [[{"zscore": {}}], standardized(wells, X, mean, stdev, control="negative")],
        "clip": [[{"clip": {"limit": 1.0}}], np.minimum(np.maximum(X, -1), 1)],
        "coral": [[{"coral": {"ridge": 0.5}}], aligned(wells, X, 0.5)],
        "tvn": [[{"sphering": {}}, {"coral": {}}], aligned(wells, one)],
        "tvn by name": [[{"tvn": {}}], aligned(wells, one)],
        "mad_robustize": [[{"mad_robustize": {}}], standardized(wells, X, median, mad)],
        "partial_whitening": [
            [{"partial_whitening": {"components": 2}}],
            principal(X) / np.sqrt([stdev(scores) for scores in principal(X).T.tolist()]),
        ],
        "feature_select": [
            [{"feature_select": {"variance": float(np.mean(variances[:2]))}}],
            X[:, X.var(axis=0, ddof=1) > variances[0]],
        ],
    }


def plain(value):
    """Numbers of seven digits."""
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [plain(one) for one in value]
    return float(f"{float(value):.7g}") if isinstance(value, float | np.floating | np.bool_ | bool) else value


def main():
    wells, X = made_up()
    treatments = consensus(wells, X, mean)
    golden = {
        "wells": {key: [well[key] for well in wells] for key in wells[0]},
        "X": X,
        "measures": {
            "knn": [{"label": "moa", "k": 3}, knn(wells, X)],
            "nearest_class": [{}, nearest_class(treatments, np.array([one["X"] for one in treatments]))],
            "average_precision": [{"null_size": 4000}, average_precision(wells, X)],
            "assay_quality": [{}, assay_quality(wells, X)],
            "dose_response": [{}, dose_response(wells, X)],
            "replicating": [{}, replicating(wells, X)],
            "layout": [{}, layout(wells, X)],
            "mixing": [{}, mixing(wells, X)],
            "retrieval": [{"strictness": ["well", "batch", "position"]}, retrieval(wells, X)],
            "matching": [{"percentile": 50.0}, matching(treatments, np.array([one["X"] for one in treatments]))],
        },
        "consensus": {"mean": treatments, "median": consensus(wells, X, median)},
        "corrections": corrections(wells, X),
        "principal": principal(X),
    }
    lines = ",\n".join(f"{json.dumps(key)}: {json.dumps(plain(value))}" for key, value in golden.items())
    OUT.write_text("{\n" + lines + "\n}\n")


if __name__ == "__main__":
    main()
