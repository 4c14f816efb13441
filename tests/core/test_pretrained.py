import http.server
import json
import os
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from core import pretrained
from core.calibration import Calibration
from core.errors import CheckError
from core.model import normalise
from core.pretrained import USUAL, load_weights, save_weights, untrained
from core.usual import Usual
from tests.tiny import CONFIG, DECIDED, tiny_model, tiny_weights

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def folder(tmp_path):
    return tiny_weights(tmp_path / "weights")


def code_of(weights) -> str:
    with pytest.raises(CheckError) as caught:
        load_weights(weights)
    return caught.value.code


def change(path: Path, **entries) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **entries}))


@torch.no_grad()
def logits(model):
    crops = np.random.default_rng(0).integers(0, 256, (3, 64, 64, 3), np.uint8)
    return model.encode(normalise(crops))[1]


def test_saved_weights_come_back_with_the_same_answers(folder):
    loaded = load_weights(folder)
    before = logits(tiny_model())
    assert (logits(loaded.model) - before).abs().max() < 0.05 * before.std()  # in half precision
    assert (loaded.name, loaded.version, loaded.trained) == ("tiny", "1", True)
    assert loaded.calibration == DECIDED
    assert loaded.model.config == CONFIG
    assert not loaded.model.training


def test_the_checksum_of_the_answer_is_that_of_the_file(folder):
    from hashlib import sha256

    assert load_weights(folder).sha256 == sha256((folder / "model.safetensors").read_bytes()).hexdigest()


def test_what_is_usual_stays_beside_the_same_weights_and_not_beside_others(folder):
    wide = CONFIG.encoder.features
    (folder / USUAL).write_bytes(Usual(np.ones(wide), np.ones(wide), np.zeros((1, wide)), np.zeros(9)).to_bytes())
    tiny_weights(folder)
    assert load_weights(folder).usual
    tiny_weights(folder, seed=1)
    assert load_weights(folder).usual is None


def test_large_and_small_statistics_survive_the_half_precision_of_the_kernels(tmp_path):
    model = tiny_model()
    model.encoder.stem[1].running_var[:2] = torch.tensor([1e-9, 3e5])
    save_weights(tmp_path, model, {"name": "n", "version": "1", "trained": True})
    assert load_weights(tmp_path).model.encoder.stem[1].running_var[:2].tolist() == pytest.approx([1e-9, 3e5])
    assert (tmp_path / "model.safetensors").stat().st_size < 2.2 * sum(p.numel() for p in model.parameters())


def test_a_kernel_too_large_for_half_precision_is_refused_when_saved(tmp_path):
    model = tiny_model()
    with torch.no_grad():
        model.encoder.classify.weight[0, 0] = 1e6
    with pytest.raises(ValueError, match="classify"):
        save_weights(tmp_path, model, {"name": "n", "version": "1", "trained": True})


def test_one_changed_byte_is_noticed(folder):
    path = folder / "model.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    assert code_of(folder) == "weights_damaged"


@pytest.mark.parametrize("name", ["config.json", "calibration.json"])
def test_a_file_that_is_not_json_is_reported_as_damaged(folder, name):
    (folder / name).write_text("{")
    assert code_of(folder) == "weights_damaged"


@pytest.mark.parametrize("name", ["config.json", "calibration.json"])
def test_a_missing_file_is_reported_as_not_found(folder, name):
    (folder / name).unlink()
    assert code_of(folder) == "weights_not_found"


def test_weights_of_another_shape_are_reported_as_a_mismatch(folder):
    change(folder / "config.json", encoder={**CONFIG.to_json()["encoder"], "depths": [1, 2]})
    assert code_of(folder) == "weights_mismatch"


def test_an_encoder_without_stages_is_reported_as_a_mismatch(folder):
    change(folder / "config.json", encoder={**CONFIG.to_json()["encoder"], "depths": []})
    assert code_of(folder) == "weights_mismatch"


def test_a_configuration_without_a_head_is_reported_as_a_mismatch(folder):
    config = json.loads((folder / "config.json").read_text())
    del config["head"]
    (folder / "config.json").write_text(json.dumps(config))
    assert code_of(folder) == "weights_mismatch"


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
@pytest.mark.parametrize("name", ["classify.bias", "classify.weight", "stem.1.running_var"])
def test_weights_that_hold_no_number_are_reported_as_a_mismatch_and_named(folder, name, number):
    from hashlib import sha256

    from safetensors.torch import load, save

    tensors = load((folder / "model.safetensors").read_bytes())
    tensors[f"encoder.{name}"].flatten()[-1] = number
    (folder / "model.safetensors").write_bytes(data := save(tensors))
    change(folder / "config.json", sha256=sha256(data).hexdigest())
    with pytest.raises(CheckError, match=name) as caught:
        load_weights(folder)
    assert caught.value.code == "weights_mismatch"


def test_what_is_usual_of_no_number_is_reported_as_a_mismatch(folder):
    wide = CONFIG.encoder.features
    usual = Usual(np.ones(wide), np.ones(wide), np.zeros((1, wide)), np.zeros(9))
    usual.mean[3] = np.nan
    (folder / USUAL).write_bytes(usual.to_bytes())
    assert code_of(folder) == "weights_mismatch"


WRONG = [("size", wrong) for wrong in (0, 8, -64, 10**9, 64.0, "64", True, None)]
WRONG += [("margin", wrong) for wrong in (0, -1, 1e9, 10**400, float("nan"), float("inf"), "1.3", True, None)]
WRONG += [("trained", wrong) for wrong in ("false", 0, None)]


@pytest.mark.parametrize(("name", "wrong"), WRONG)
def test_a_configuration_that_cannot_be_is_reported_as_a_mismatch_that_names_what_is_wrong(folder, name, wrong):
    change(folder / "config.json", **{name: wrong})
    with pytest.raises(CheckError, match=f"{name}.* must be") as caught:
        load_weights(folder)
    assert caught.value.code == "weights_mismatch"


@pytest.mark.parametrize("number", [1e200, 10**400, float("nan")])
@pytest.mark.parametrize("name", ["slope", "uncertainty"])
def test_a_calibration_of_numbers_too_large_is_reported_as_a_mismatch(folder, name, number):
    change(folder / "calibration.json", video=[{name: [number] * 3 if name == "uncertainty" else number}])
    assert code_of(folder) == "weights_mismatch"


def test_a_calibration_that_turns_answers_around_is_reported_as_a_mismatch(folder):
    curve = {"slope": -1.0, "intercept": 0.0, "likely_from": 1.0, "no_signs_until": 0.0}
    change(folder / "calibration.json", video=[curve])
    assert code_of(folder) == "weights_mismatch"


def test_a_pickle_with_the_right_checksum_is_not_opened(folder, tmp_path):
    from hashlib import sha256

    torch.save({"boom": torch.zeros(1)}, folder / "model.safetensors")
    change(folder / "config.json", sha256=sha256((folder / "model.safetensors").read_bytes()).hexdigest())
    assert code_of(folder) == "weights_mismatch"


@pytest.mark.parametrize(
    "weights", ["/no/such/folder", "no-such-variant", "", "../..", "owner/name", "owner/name@main", "long" * 100]
)
def test_weights_that_are_nowhere_are_reported_as_not_found(weights):
    assert code_of(weights) == "weights_not_found"


def test_a_hub_id_without_a_commit_says_what_is_missing():
    with pytest.raises(CheckError, match="commit"):
        load_weights("owner/name@main")


def test_a_bundled_variant_is_found_by_its_name(tmp_path, monkeypatch):
    monkeypatch.setattr(pretrained, "BUNDLED", tmp_path)
    tiny_weights(tmp_path / "lite")
    assert load_weights("lite").name == "tiny"


def test_bundled_weights_are_the_default(tmp_path, monkeypatch):
    monkeypatch.setattr(pretrained, "BUNDLED", tiny_weights(tmp_path))
    assert load_weights().trained


def test_without_bundled_weights_an_untrained_network_says_that_it_is(tmp_path, monkeypatch):
    monkeypatch.setattr(pretrained, "BUNDLED", tmp_path)
    loaded = load_weights()
    assert not loaded.trained
    assert loaded.calibration == Calibration()


def test_the_untrained_network_is_always_the_same_and_disturbs_no_other_randomness():
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    first, second = untrained(CONFIG).model, untrained(CONFIG).model
    assert torch.equal(torch.rand(1), expected)
    assert torch.equal(logits(first), logits(second))


class Hub(http.server.SimpleHTTPRequestHandler):
    """Answers for one commit of one repository as the Hub does."""

    def translate_path(self, path):
        prefix = f"/owner/name/resolve/{COMMIT}/"
        return super().translate_path(path.removeprefix(prefix)) if path.startswith(prefix) else "/nonexistent"

    def end_headers(self):
        name = Path(self.translate_path(self.path)).name
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("ETag", f'"{name}"')
        if COMMIT in self.path and not Path(self.translate_path(self.path)).exists():
            self.send_header("X-Error-Code", "EntryNotFound")
        super().end_headers()

    def log_message(self, *args):
        pass


@pytest.fixture
def hub(folder):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Hub, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


LOAD = """
import sys
from core.errors import CheckError
from core.pretrained import load_weights
for weights in sys.argv[1:]:
    try:
        loaded = load_weights(weights)
        print(loaded.sha256 + (",usual" if loaded.usual else ""))
    except CheckError as error:
        print(error.code)
"""


def load_elsewhere(*weights: str, **env: str) -> list[str]:
    """In a process of its own, as the Hub's client reads its environment once."""
    command = [sys.executable, "-c", LOAD, *weights]
    done = subprocess.run(command, env={**os.environ, **env}, capture_output=True, text=True, check=True)
    return done.stdout.split()


@pytest.mark.slow
def test_weights_of_a_pinned_commit_come_from_the_hub_once_and_then_from_its_cache(folder, hub, tmp_path):
    cache = {"HF_HOME": str(tmp_path / "cache"), "HF_HUB_DISABLE_TELEMETRY": "1"}
    wide = CONFIG.encoder.features
    (folder / USUAL).write_bytes(Usual(np.ones(wide), np.ones(wide), np.zeros((1, wide)), np.zeros(9)).to_bytes())
    expected, pinned = f"{load_weights(folder).sha256},usual", f"owner/name@{COMMIT}"
    other = pinned.replace("0123", "3210")
    assert load_elsewhere(pinned, other, HF_ENDPOINT=hub, **cache) == [expected, "weights_not_found"]
    away = {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_HUB_OFFLINE": "1"}
    assert load_elsewhere(pinned, other, **away, **cache) == [expected, "weights_not_found"]
    for path in (tmp_path / "cache").rglob(USUAL):  # as where the line broke before it came
        path.unlink()
    assert load_elsewhere(pinned, **away, **cache) == ["weights_not_found"]


@pytest.mark.slow
def test_older_weights_from_the_hub_that_know_nothing_usual_come_from_its_cache_too(folder, hub, tmp_path):
    cache = {"HF_HOME": str(tmp_path / "cache"), "HF_HUB_DISABLE_TELEMETRY": "1"}
    expected, pinned = load_weights(folder).sha256, f"owner/name@{COMMIT}"
    assert load_elsewhere(pinned, HF_ENDPOINT=hub, **cache) == [expected]
    assert load_elsewhere(pinned, HF_ENDPOINT="http://127.0.0.1:9", HF_HUB_OFFLINE="1", **cache) == [expected]
