import os

import pytest

from core.pool import Pool


def test_a_thing_is_lent_again_and_never_to_two_at_once():
    pool = Pool(object)
    with pool.lent() as first, pool.lent() as second:
        assert first is not second
    with pool.lent() as third:
        assert third in (first, second)


def test_what_goes_wrong_meanwhile_gives_it_back():
    pool = Pool(object)
    with pytest.raises(ValueError, match="oh"), pool.lent() as first:
        raise ValueError("oh")
    assert pool.take() is first


def test_no_more_are_kept_than_wanted():
    pool = Pool(object, most=1)
    with pool.lent(), pool.lent():
        pass
    assert len(list(pool.emptied())) == 1 and list(pool.emptied()) == []


@pytest.mark.parametrize("is_lent", [False, True], ids=["idle", "lent"])
def test_a_forked_process_makes_its_own_and_the_first_one_keeps_its(is_lent):
    pool = Pool(object, most=1)
    ours = pool.take()
    if not is_lent:
        pool.give(ours)
    if (child := os.fork()) == 0:
        if is_lent:
            pool.give(ours)
        fresh = pool.take()
        pool.give(fresh)
        os._exit(0 if fresh is not ours and pool.take() is fresh and not list(pool.emptied()) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    if is_lent:
        pool.give(ours)
    assert pool.take() is ours
