"""Calibration and evaluation share one pass of the network over the files."""

import json
from dataclasses import asdict, replace

import cv2
import numpy as np
import pytest
from scipy.special import logit
from scipy.stats import norm, skewnorm

from core.calibration import Calibration, Curve
from core.detector import Detector
from core.example import blend, portrait
from core.pretrained import load_weights
from tests.tiny import tiny_weights
from training import calibrate, scores
from training.evaluate import Options, evaluate
from training.manifest import Item, read_manifest, write_manifest
from training.scores import Score, recalibrated


def test_another_calibration_words_a_score_anew():
    item = Item("a.mp4", 1, "video")
    score = Score("a.mp4", 0.6, logit=2.0, verdict="inconclusive", faces=2)
    strict = Calibration((Curve(), Curve(slope=2.0, likely_from=0.9)), (Curve(slope=0.1),))
    worded = recalibrated(score, item, strict)
    assert worded.probability == pytest.approx(1 / (1 + np.exp(-4)))  # the curve of two faces
    assert worded.verdict == "likely_manipulated"
    still = recalibrated(score, Item("a.png", 1, "image"), strict)
    assert still.probability == pytest.approx(1 / (1 + np.exp(-0.2)))


def test_an_abstention_stays_one_under_any_calibration():
    score = Score("a.mp4", None, why_not="no_face")
    assert recalibrated(score, Item("a.mp4", 0, "video"), Calibration()) == score


@pytest.fixture
def stills(tmp_path):
    """Eight stills of two sources, half of them blended."""
    items = []
    for n in range(8):
        picture = portrait() if n % 2 else blend(portrait())
        path = tmp_path / "data" / f"{n}.png"
        path.parent.mkdir(exist_ok=True)
        cv2.imwrite(str(path), np.clip(picture[:, :, ::-1].astype(int) + 3 * n, 0, 255).astype(np.uint8))
        items.append(Item(str(path), 1 - n % 2, "image", source=f"site-{n // 4}"))
    write_manifest(tmp_path / "data" / "m.jsonl", items)
    return tmp_path / "data" / "m.jsonl"


def test_what_another_split_holds_is_neither_judged_nor_fitted_on(stills, tmp_path):
    items = [replace(item, split="train") for item in read_manifest(stills).items]
    write_manifest(stills, items)
    command = ["--manifest", stills, "--weights", tiny_weights(tmp_path / "weights", Calibration()), "--split", "val"]
    kept = tmp_path / "scores.jsonl"
    with pytest.raises(SystemExit):
        calibrate.main([str(word) for word in [*command, "--scores", kept, "--out", tmp_path / "calibrate.json"]])
    assert not kept.exists()


@pytest.mark.slow
def test_one_pass_over_the_files_is_enough_for_calibration_and_evaluation(stills, tmp_path, monkeypatch):
    weights, kept = tiny_weights(tmp_path / "weights", Calibration()), tmp_path / "eval" / "scores.jsonl"
    command = ["--manifest", stills, "--weights", weights, "--scores", kept, "--out", tmp_path / "calibrate.json"]
    calibrate.main([str(word) for word in command])
    assert cv2.imread(str(tmp_path / "calibrate.png")).std() > 0
    logits = [json.loads(line)["logit"] for line in kept.read_text().splitlines()]
    fitted = load_weights(weights).calibration
    assert len(logits) == 8 and fitted.frame and fitted != Calibration()

    def refuse(*args):
        raise AssertionError("a file was judged again")

    monkeypatch.setattr(scores, "score_item", refuse)
    calibrate.main([str(word) for word in command])
    result = evaluate(Detector.load(weights), stills, kept.parent, Options(draws=20))
    flagged = sum(fitted.frame[0].verdict(fitted.frame[0].probability(z)) == "likely_manipulated" for z in logits)
    verdicts = result["kinds"]["image"]["verdicts"]
    assert verdicts["fake"]["likely_manipulated"] + verdicts["real"]["likely_manipulated"] == flagged


def test_a_missing_manifest_is_a_sentence(tmp_path):
    with pytest.raises(SystemExit, match="cannot be read"):
        calibrate.main(["--manifest", str(tmp_path / "none.jsonl"), "--weights", str(tmp_path)])


@pytest.mark.slow
def test_few_sources_leave_the_calibration_less_certain_than_many():
    def files(sources):
        random = np.random.default_rng(1)
        return [
            calibrate.Scored(
                f"{s}-{n}", bool(n % 2), False, f"source-{s}", float(random.normal(n % 2) + random.normal())
            )
            for s in range(sources)
            for n in range(4)
        ]

    few, many = calibrate.uncertainty(files(8), 100), calibrate.uncertainty(files(80), 100)
    assert min(few[:2]) > 3 * max(many[:2]) > 0
    assert few == calibrate.uncertainty(files(8), 100)


def overlapping() -> list[calibrate.Scored]:
    """Sixty files, half of them fakes, of thirty sources."""
    random = np.random.default_rng(1)
    return [
        calibrate.Scored(f"{n}", n % 2 == 1, False, f"source-{n // 2}", float(random.normal() + n % 2))
        for n in range(60)
    ]


@pytest.mark.slow
def test_copies_of_the_files_make_nothing_more_certain():
    once = calibrate.uncertainty(overlapping(), 100)
    copies = [replace(file, path=f"{file.path}-{k}") for file in overlapping() for k in range(4)]
    copied = calibrate.uncertainty(copies, 100)
    assert copied[:2] == pytest.approx(once[:2], rel=0.3)


@pytest.mark.slow
def test_of_larger_logits_the_slope_alone_is_known_more_closely():
    of_slope, of_intercept, _ = calibrate.uncertainty(overlapping(), 100)
    tenfold = calibrate.uncertainty([replace(file, logit=10 * file.logit) for file in overlapping()], 100)
    assert tenfold[:2] == pytest.approx((of_slope / 100, of_intercept), rel=0.3)


def test_however_many_the_fakes_are_the_classes_weigh_the_same():
    fakes = np.repeat([False, True], [30, 270])
    slope, intercept = calibrate.platt(np.where(fakes, 1, -1) + np.random.default_rng(0).normal(size=300), fakes)
    assert abs(intercept / slope) < 0.4  # even odds lie in the middle


@pytest.mark.parametrize(("skew", "apart"), [(0, 2), (4, -0.5)])
def test_of_reals_and_of_fakes_one_in_twenty_lies_beyond_the_edge(monkeypatch, skew, apart):
    monkeypatch.setattr(calibrate, "uncertainty", lambda files, draws: (0.0, 0.0, 0.0))
    away = skewnorm(skew).rvs(2000, random_state=0)  # most reals score low and trail off further, most fakes high
    files = [
        calibrate.Scored(f"{n}", n % 2 == 1, False, f"source-{n}", apart + away[n] if n % 2 else -away[n])
        for n in range(2000)
    ]
    curve = calibrate.fit(files)[0]
    said = np.array([curve.verdict(curve.probability(file.logit)) for file in files])
    flagged, cleared = (said[0::2] == "likely_manipulated").mean(), (said[1::2] == "no_signs_found").mean()
    assert (flagged, cleared) == pytest.approx((0.05, 0.05), abs=0.015)


def test_no_file_is_judged_by_a_fit_that_saw_its_source(monkeypatch):
    monkeypatch.setattr(calibrate, "uncertainty", lambda files, draws: (0.0, 0.0, 0.0))
    fit, lacking = calibrate.fit, []

    def note(files, *more):
        lacking.append({file.source for file in overlapping()} - {file.source for file in files})
        return fit(files, *more)

    monkeypatch.setattr(calibrate, "fit", note)
    calibrate.cross_fitted(overlapping())
    assert sorted(map(sorted, lacking)) == sorted([file.source] for file in overlapping()[::2])


def test_shares_are_of_each_class_and_the_classes_weigh_the_same():
    files = [calibrate.Scored(f"{n}", n == 3, False, f"source-{n}", 0.0) for n in range(4)]
    verdicts = np.array(["likely_manipulated", "no_signs_found", "no_signs_found", "likely_manipulated"])
    found = calibrate.figures(files, np.array([0.5, 0.5, 0.5, 1.0]), verdicts)
    shares = [found[f"{name} likely_manipulated"] for name in ("real", "fake")]
    assert (shares, found["brier_balanced"]) == ([0.333, 1.0], 0.125)


@pytest.mark.slow
@pytest.mark.parametrize(("higher", "decided"), ((3.0, True), (0.05, False), (-0.5, False)))
def test_no_edge_is_drawn_where_forgeries_are_not_known_to_score_higher_than_reals(higher, decided):
    random = np.random.default_rng(2)
    files = [
        calibrate.Scored(f"{n}", n % 2 == 1, True, f"source-{n // 2}", random.normal() + higher * (n % 2))
        for n in range(80)
    ]
    curves = calibrate.fit(files, 100)
    verdicts = {curve.verdict(curve.probability(z)) for curve in curves for z in (-20.0, -6.0, 0.0, 6.0, 20.0)}
    assert (verdicts == {"inconclusive"}) is not decided
    assert curves[0].uncertainty[0] > 0


@pytest.mark.slow
def test_a_class_of_two_files_is_cross_fitted_and_gets_no_edge_from_one_of_them():
    files = [calibrate.Scored(f"{n}", n > 1, False, f"source-{n}", 0.3 * n + (n > 1)) for n in range(14)]
    assert calibrate.fit(files[1:], 20)[0].likely_from == 1
    assert calibrate.figures(files, *calibrate.cross_fitted(files))["fakes"] == 12


def speaking_and_still(said: float) -> list[calibrate.Scored]:
    """Of half of two hundred files the network alone speaks, and knows less: `said` is what its logits are multiplied by."""
    random = np.random.default_rng(3)
    return [
        calibrate.Scored(
            path=f"{n}",
            is_fake=n % 2 == 1,
            is_still=False,
            source=f"source-{n // 2}",
            logit=said * (network := random.normal() + 0.5 * (n % 2)) + (3 * (n % 2) if n % 4 < 2 else 0),
            network=said * network,
            is_alone=n % 4 >= 2,
        )
        for n in range(400)
    ]


@pytest.mark.parametrize("said", (1.0, 3.0))
def test_where_the_network_alone_speaks_a_probability_is_as_sure_as_it_is_right(monkeypatch, said):
    monkeypatch.setattr(calibrate, "uncertainty", lambda files, draws: (0.0, 0.0, 0.0))
    files = speaking_and_still(said)
    curve = calibrate.fit(files)[0]
    alone = [f for f in files if f.is_alone]
    told = np.array([curve.probability(curve.of_alone(f.network)) for f in alone])
    wrong = np.array([curve.probability(f.network) for f in alone])
    fakes = np.array([f.is_fake for f in alone])
    loss = [-np.log(np.where(fakes, p, 1 - p)).mean() for p in (told, wrong)]
    assert loss[0] < 0.7 < loss[1]
    verdicts = [curve.verdict(p) for p in told[~fakes]]
    assert verdicts.count("likely_manipulated") < 0.1 * len(verdicts)


def test_where_nothing_counts_beside_a_network_its_own_logits_are_the_scale(monkeypatch):
    monkeypatch.setattr(calibrate, "uncertainty", lambda files, draws: (0.0, 0.0, 0.0))
    files = [replace(f, logit=f.network, is_alone=False) for f in speaking_and_still(1.0)]
    alone = [replace(f, is_alone=True, logit=99.0) for f in files]
    assert calibrate.fit(alone) == calibrate.fit([replace(f, network=None) for f in files])


@pytest.mark.parametrize("faces", (2, 4, 32))
def test_of_many_real_faces_the_highest_is_no_more_probably_a_fake_than_one_alone(monkeypatch, faces):
    """In videos with this many faces, one of them a fake in every other video."""
    monkeypatch.setattr(calibrate, "uncertainty", lambda files, draws: (0.0, 0.0, 0.0))
    random = np.random.default_rng(0)
    files = [
        calibrate.Scored(f"{n}-{is_fake}", is_fake, False, f"source-{n}", norm.ppf((n + 0.5) / 2000) + 1.5 * is_fake)
        for n in range(2000)
        for is_fake in (False, True)
    ]
    alone, *_, curve = calibrate.fit(files)[:faces]
    drawn = random.normal(size=(4000, faces))
    drawn[::2, 0] += 1.5
    highest = drawn.max(axis=1)
    said, as_alone = ([c.probability(z) for z in highest] for c in (curve, alone))
    assert np.mean(said) == pytest.approx(0.5, abs=0.02) and np.mean(as_alone) > 0.55
    flagged = [curve.verdict(p) == "likely_manipulated" for p in said[1::2]]
    assert np.mean(flagged) == pytest.approx(0.05, abs=0.015)


def test_five_looks_at_one_file_are_one_file(monkeypatch):
    monkeypatch.setattr(calibrate, "uncertainty", lambda files, draws: (0.0, 0.0, 0.0))
    fakes = [calibrate.Scored(f"{n}", True, False, f"source-{n}", 2.0 + n / 10) for n in range(12)]
    looks = [calibrate.Scored("real", False, False, "real", n / 10) for n in range(5)]
    assert not calibrate.fit(fakes + looks)[0].decides
    assert calibrate.fit(fakes + [replace(look, path=f"{look.logit}") for look in looks])[0].decides


def test_a_cross_fitted_verdict_is_that_of_as_many_faces_as_a_check_would_count(monkeypatch):
    monkeypatch.setattr(calibrate, "uncertainty", lambda files, draws: (0.0, 0.0, 0.0))  # takes long and moves no edge
    random = np.random.default_rng(0)
    files = [
        calibrate.Scored(f"{n}", n % 2 == 1, False, f"source-{n // 2}", random.normal() + 3 * (n % 2))
        for n in range(60)
    ]
    alone, *_, crowd = calibrate.fit([f for f in files if f.source != "source-29"], 100)
    edges = [(logit(curve.likely_from) - curve.intercept) / curve.slope for curve in (alone, crowd)]
    for faces, verdict in ((1, "likely_manipulated"), (32, "inconclusive")):
        odd = replace(files[59], logit=float(np.mean(edges)), faces=faces)
        assert calibrate.cross_fitted([*files[:59], odd])[1][59] == verdict


@pytest.mark.slow
@pytest.mark.parametrize("lacking", ("a second source of reals", "faces"))
def test_files_that_cannot_calibrate_are_a_sentence_and_change_nothing(stills, tmp_path, capsys, lacking):
    weights, kept = tiny_weights(tmp_path / "weights", Calibration()), tmp_path / "scores.jsonl"
    model = load_weights(weights).sha256
    rows = [json.loads(line) for line in stills.read_text().splitlines()]
    for number, row in enumerate(rows):
        row["source"] = f"site-{number}" if row["label"] else "one site"
    stills.write_text("".join(json.dumps(row) + "\n" for row in rows))
    has_face = lacking != "faces"
    known = [
        Score(row["path"], 0.5, logit=float(n), faces=1) if has_face else Score(row["path"], None, why_not="no_face")
        for n, row in enumerate(rows)
    ]
    known = [replace(score, plan="default", model=model) for score in known]
    kept.write_text("".join(json.dumps(asdict(score)) + "\n" for score in known))
    before = (weights / "calibration.json").read_text()
    command = ["--manifest", stills, "--weights", weights, "--scores", kept, "--out", tmp_path / "calibrate.json"]
    with pytest.raises(SystemExit, match="keeps the calibration"):
        calibrate.main([str(word) for word in command])
    assert "two sources each" in capsys.readouterr().out
    assert (weights / "calibration.json").read_text() == before


def test_videos_are_looked_at_from_every_start_and_pictures_once(monkeypatch, tmp_path):
    looks = []

    def score_all(detector, items, names, out, plan="default", progress=print):
        looks.append((names, out.name, getattr(plan, "shift_s", 0.0)))
        return [Score(name, 0.5, logit=float(len(looks)), frame_logits=(1.0,), faces=1) for name in names]

    monkeypatch.setattr(calibrate, "score_all", score_all)
    items = [Item(str(tmp_path / "a.mp4"), 0, "video"), Item(str(tmp_path / "b.png"), 1, "image")]
    files = calibrate.looked_at(None, items, tmp_path / "m.jsonl", tmp_path / "scores.jsonl", (-0.4, 0.2))
    further = [(["a.mp4"], "scores-0.4.jsonl", -0.4), (["a.mp4"], "scores+0.2.jsonl", 0.2)]
    assert looks == [(["a.mp4", "b.png"], "scores.jsonl", 0.0), *further]
    assert [(f.path, f.logit) for f in files] == [("a.mp4", 1), ("b.png", 1), ("a.mp4", 2), ("a.mp4", 3)]
    counted = calibrate.figures(files, np.full(4, 0.5), np.full(4, "inconclusive", object))
    assert (counted["files"], counted["fakes"], counted["looks"]) == (2, 1, 4)


@pytest.mark.parametrize("kind", ("video", "image"))
def test_the_kind_that_a_manifest_does_not_hold_keeps_its_calibration(stills, tmp_path, kind):
    before = Calibration((Curve(slope=0.5, likely_from=0.9),), (Curve(slope=0.2, likely_from=0.8),))
    weights, kept = tiny_weights(tmp_path / "weights", before), tmp_path / "scores.jsonl"
    rows = [json.loads(line) | {"kind": kind} for line in stills.read_text().splitlines()]
    stills.write_text("".join(json.dumps(row) + "\n" for row in rows))
    by = {"plan": "default", "model": load_weights(weights).sha256}
    known = [Score(row["path"], 0.5, logit=float(n), faces=1, **by) for n, row in enumerate(rows)]
    kept.write_text("".join(json.dumps(asdict(score)) + "\n" for score in known))
    command = [
        "--manifest",
        stills,
        "--weights",
        weights,
        "--scores",
        kept,
        "--out",
        tmp_path / "calibrate.json",
        "--starts",
    ]
    calibrate.main([str(word) for word in command])
    after = load_weights(weights).calibration
    assert (after.video == before.video, after.frame == before.frame) == (kind == "image", kind == "video")


@pytest.mark.slow
@pytest.mark.parametrize(("sources", "decided"), ((9, False), (10, True)))
def test_no_edge_is_drawn_from_a_handful_of_sources(sources, decided):
    random = np.random.default_rng(2)
    files = [
        calibrate.Scored(f"{n}", n % 2 == 1, True, f"source-{n % sources}", random.normal() + 3 * (n % 2))
        for n in range(80)
    ]
    assert (calibrate.fit(files, 100)[0].likely_from < 1) is decided


@pytest.mark.parametrize(("sources", "decided"), ((9, False), (10, True)))
def test_cross_fitted_verdicts_have_edges_where_what_ships_has(monkeypatch, sources, decided):
    monkeypatch.setattr(calibrate, "uncertainty", lambda files, draws: (0.0, 0.0, 0.0))
    random = np.random.default_rng(2)
    files = [
        calibrate.Scored(f"{n}", n % 2 == 1, False, f"source-{n // 2 % sources}", random.normal() + 3 * (n % 2))
        for n in range(80)
    ]
    verdicts = set(calibrate.cross_fitted(files)[1])
    assert calibrate.fit(files)[0].decides is (verdicts != {"inconclusive"}) is decided
