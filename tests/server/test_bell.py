"""The doorbell: what a server and its workers share to wake each other."""

from sqlalchemy import event

from server.bell import make_bell
from server.config import Config


def test_two_processes_that_make_the_queue_in_the_same_moment_both_go_on(tmp_path):
    bell = make_bell(Config(data=tmp_path))
    with bell.connection_for_write() as one, bell.connection_for_write() as other:
        late, early = one.default_channel, other.default_channel
        raced = []

        def another_is_first(*_):
            if not raced:
                raced.append(early._get_or_create("unmask").name)

        event.listen(late.session, "before_flush", another_is_first)
        late._put("unmask", {"ring": 1})
        assert raced == ["unmask"]
        assert early._get("unmask") == {"ring": 1}
