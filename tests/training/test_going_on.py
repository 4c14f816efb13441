import json

import pytest

from training.going_on import keep_config, keep_log

CONFIG = {"size": 64, "depths": (1, 1), "images": 4, "start": "weights first"}


def test_a_run_goes_on_with_its_own_settings_alone_and_keeps_what_it_began_with(tmp_path):
    assert keep_config(tmp_path, CONFIG) == "weights first"
    assert keep_config(tmp_path, CONFIG | {"size": 96}) == "weights first"  # nothing was trained there yet
    (tmp_path / "last.pt").touch()
    with pytest.raises(SystemExit, match="a run with size 96; name another"):
        keep_config(tmp_path, CONFIG)
    assert keep_config(tmp_path, CONFIG | {"size": 96, "images": 8, "start": "ImageNet", "new": 1}) == "weights first"
    kept = json.loads((tmp_path / "config.json").read_text())
    assert (kept["images"], kept["start"], kept["depths"]) == (8, "weights first", [1, 1])


def test_what_was_logged_after_the_last_checkpoint_is_logged_once(tmp_path):
    log = tmp_path / "log.jsonl"
    keep_log(log, 0)
    assert not log.exists()
    log.write_text('{"step": 3}\n{"step": 6}\n{"step": 9, "im')  # cut short
    keep_log(log, 3)
    assert log.read_text() == '{"step": 3}\n'
