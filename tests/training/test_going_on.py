import pytest

from training.going_on import begun, check_config, keep_config, keep_log

CONFIG = {"size": 64, "depths": (1, 1), "images": 4, "start": "weights first"}


def test_a_run_goes_on_with_its_own_settings_alone(tmp_path):
    keep_config(tmp_path, CONFIG)
    check_config(tmp_path, CONFIG | {"size": 96})  # nothing was trained there yet
    (tmp_path / "last.pt").touch()
    with pytest.raises(SystemExit, match="a run with size 64; name another"):
        check_config(tmp_path, CONFIG | {"size": 96})
    check_config(tmp_path, CONFIG | {"images": 8})
    assert begun(tmp_path)["depths"] == [1, 1]


def test_a_run_goes_on_with_its_own_faces_and_with_any_where_it_did_not_write_down_which(tmp_path):
    (tmp_path / "last.pt").touch()
    keep_config(tmp_path, CONFIG)
    check_config(tmp_path, CONFIG | {"faces": "0123"})
    keep_config(tmp_path, CONFIG | {"faces": "0123"})
    with pytest.raises(SystemExit, match="a run with other faces; name another"):
        check_config(tmp_path, CONFIG | {"faces": "4567"})


def test_what_was_logged_after_the_last_checkpoint_is_logged_once(tmp_path):
    log = tmp_path / "log.jsonl"
    keep_log(log, 0)
    assert not log.exists()
    log.write_text('{"step": 3}\n{"step": 6}\n{"step": 9, "im')  # cut short
    keep_log(log, 3)
    assert log.read_text() == '{"step": 3}\n'
