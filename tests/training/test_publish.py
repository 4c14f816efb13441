import json

import numpy as np
import pytest
import torch

from core.model import DeepfakeModel, EncoderConfig, ModelConfig, normalise
from core.pretrained import load_weights, save_weights
from training.average import mean_of
from training.calibrate import Scored, cross_fitted, figures, fit
from training.head import refit
from training.publish import head_pays


def scored(rng, count=60, apart=2.0):
    return [
        Scored(f"{n}.mp4", bool(n % 2), False, f"site-{n // 4}", float(rng.normal(apart * (n % 2), 1)))
        for n in range(count)
    ]


def test_the_edges_keep_their_promise_on_many_files():
    rng = np.random.default_rng(0)
    fakes = np.arange(4000) % 2 == 1
    logits = rng.normal(0, 1, 4000) + 3 * fakes
    curve = fit(files_of(logits, fakes), 20)[0]
    verdicts = np.array([curve.verdict(curve.probability(z)) for z in logits])
    assert (verdicts[~fakes] == "likely_manipulated").mean() == pytest.approx(0.05, abs=0.015)
    assert (verdicts[fakes] == "no_signs_found").mean() == pytest.approx(0.05, abs=0.015)


def files_of(logits, fakes):
    """A source of its own for every two files."""
    both = enumerate(zip(logits, fakes, strict=True))
    return [Scored(f"{n}", bool(fake), False, f"source-{n // 2}", float(logit)) for n, (logit, fake) in both]


def test_more_faces_ask_for_more_evidence():
    rng = np.random.default_rng(0)
    fakes = np.arange(400) % 2 == 1
    curves = fit(files_of(rng.normal(0, 1, 400) + 3 * fakes, fakes), 20)
    edges = [curve.likely_from for curve in curves]
    assert edges == sorted(edges) and edges[0] < edges[-1]


def test_probabilities_of_a_fit_are_those_of_the_classes():
    rng = np.random.default_rng(0)
    fakes = np.arange(4000) % 2 == 1
    logits = rng.normal(0, 1, 4000) + 2 * fakes
    curve = fit(files_of(logits, fakes), 20)[0]
    near = np.array([curve.probability(z) for z in logits])
    middle = (near > 0.4) & (near < 0.6)
    assert fakes[middle].mean() == pytest.approx(0.5, abs=0.06)


def test_weights_worse_than_chance_still_give_a_rising_curve():
    fakes = np.arange(100) % 2 == 1
    curve = fit(files_of(-2.0 * fakes + np.random.default_rng(0).normal(0, 1, 100), fakes), 20)[0]
    assert curve.slope > 0
    assert curve.verdict(curve.probability(0.0)) == "inconclusive"


@pytest.mark.slow
def test_a_source_unlike_all_others_is_judged_too_and_forged_files_are_flagged_more_often_than_real():
    files = scored(np.random.default_rng(1))
    odd = [Scored(f"odd-{f.path}", f.is_fake, f.is_still, "odd", 50.0) for f in files[:2]]
    assert figures(files + odd, *cross_fitted(files + odd))["files"] == 62
    report = figures(files, *cross_fitted(files))
    assert report["fake likely_manipulated"] > report["real likely_manipulated"]


def test_a_head_that_loses_on_unseen_kinds_does_not_ship():
    assert head_pays({"all": {"gain_low": -1}, "without drift": {"gain_low": 0.01}, "without lag": {"gain_low": -0.01}})
    assert not head_pays({"all": {"gain_low": 1}, "without drift": {"gain_low": -0.02}})
    assert not head_pays({"all": {"gain_low": 1}})


def test_published_weights_answer_as_the_trained_network_did(tmp_path):
    torch.manual_seed(0)
    model = DeepfakeModel(ModelConfig(EncoderConfig("lite0", (1, 1)))).eval()
    sha256 = save_weights(tmp_path, model, {"name": "tiny", "version": "1", "trained": True})
    back = load_weights(tmp_path)
    assert back.trained and back.sha256 == sha256 == json.loads((tmp_path / "config.json").read_text())["sha256"]
    crops = normalise(np.random.default_rng(0).integers(0, 256, (2, 224, 224, 3), np.uint8))
    with torch.inference_mode():
        assert torch.allclose(model.encode(crops)[1], back.model.encode(crops)[1], atol=0.01)


def test_a_last_layer_trained_anew_is_kept_only_if_it_tells_unseen_clips_apart_better():
    random = torch.Generator().manual_seed(0)
    features = torch.randn(60, 2, 16, 8, generator=random)
    features[:, 1, :, 0] += 1  # what a manipulation leaves lies in the first feature
    blind, knowing = torch.nn.Linear(8, 1), torch.nn.Linear(8, 1)
    for layer, where in ((blind, 5), (knowing, 0)):
        layer.weight.data = torch.eye(8)[where : where + 1]
    found = refit(blind, features[:40], features[40:])
    assert found["refitted"] > 0.9 > found["as_trained"]
    assert blind.weight[0, 0].abs() > blind.weight[0, 1:].abs().max()
    noise = torch.randn(40, 2, 16, 8, generator=random)
    kept = knowing.weight.clone()
    assert refit(knowing, noise, features[40:])["as_trained"] > 0.9
    assert torch.equal(knowing.weight, kept)


def test_runs_are_averaged_with_their_statistics_and_only_if_they_fit():
    def run(value, steps, size=2):
        return {"weight": torch.full((size,), value), "num_batches_tracked": torch.tensor(steps)}

    both = mean_of([run(1.0, 5), run(4.0, 9)])
    assert both["weight"].tolist() == [2.5, 2.5]
    assert both["num_batches_tracked"] == 9
    with pytest.raises(ValueError, match="different shapes"):
        mean_of([run(1.0, 5), run(1.0, 5, size=3)])
