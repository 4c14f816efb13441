import pytest

from core.pretrained import load_weights
from tests.tiny import tiny_weights
from training import prepare
from training.usual import at_most, halves, main


@pytest.mark.slow
def test_what_is_usual_comes_to_lie_beside_the_weights(pack, tmp_path, capsys):
    prepare.prepare("stills", prepare.stills(pack), tmp_path / "prepared")
    weights = tiny_weights(tmp_path / "weights")
    main(["--data", str(tmp_path / "prepared"), "--weights", str(weights)])
    usual = load_weights(weights).usual
    assert len(usual.left) == 4 and len(usual.mean) == 2048  # two faces of site-1, twice each
    assert "directions of 3 faces, 2 to compare with" in capsys.readouterr().out


def test_the_directions_and_who_is_compared_with_share_no_source(pack):
    faces = [prepare.Sample(rgb, None, None, source) for rgb, source in prepare.stills(pack)]
    those, others = ({face.source.group for face in part} for part in halves(faces))
    assert (those, others) == ({"site-0", "site-2"}, {"site-1"})


def test_a_few_faces_stand_for_all_of_them():
    assert at_most(list("abcdefg"), 3) == ["a", "c", "e"]
    assert at_most(list("ab"), 3) == at_most(list("ab"), None) == ["a", "b"]


def test_faces_of_one_source_alone_are_refused(pack):
    faces = [prepare.Sample(rgb, None, None, source) for rgb, source in prepare.stills(pack)]
    with pytest.raises(SystemExit, match="other sources"):
        halves([face for face in faces if face.source.group == "site-0"])
