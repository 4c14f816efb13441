"""What a pair may and may not differ by: the leaks that would teach a network the wrong thing."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from training import degrade, pseudo
from training.hulls import HULLS, hull_mask, soften
from training.metrics import auc
from training.pseudo import FAMILIES, NEEDS, Blend, make_pair

MADE_HERE = [family for family in FAMILIES if family not in NEEDS]  # without a drawing by a network
BLENDING = ("self_blend", "lip_sync", "swap")


@pytest.mark.parametrize("family", FAMILIES)
def test_a_pair_is_a_pure_function_of_its_seed(family, sample, partner):
    one, other = (make_pair(sample, partner, np.random.default_rng(7), family) for _ in range(2))
    assert np.array_equal(one.real, other.real)
    assert np.array_equal(one.fake, other.fake)
    assert np.array_equal(one.where, other.where)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_pair_has_the_shapes_the_network_expects(family, sample, partner):
    pair = make_pair(sample, partner, np.random.default_rng(1), family)
    assert pair.real.shape == pair.fake.shape == (224, 224, 3)
    assert pair.real.dtype == pair.fake.dtype == np.uint8
    assert pair.where.shape == (14, 14)
    assert pair.where.min() >= 0 and pair.where.max() <= 1


@pytest.mark.parametrize("family, instead", [("redrawn", "rerender"), ("acted", "reenact")])
def test_a_face_that_no_network_drew_gets_another_family_and_is_counted_as_that(family, instead, sample, partner):
    bare = replace(sample, drawn=None, acted=None)
    assert make_pair(bare, partner, np.random.default_rng(1), family).family == instead


def test_without_a_manipulation_both_members_come_out_identical(monkeypatch, sample, partner):
    def nothing(sample, partner, rng):
        image = sample.rgb.astype(np.float32)
        return Blend(image, image.copy(), np.zeros(image.shape[:2], np.float32))

    monkeypatch.setitem(pseudo.FAMILIES, "nothing", (0.0, nothing))
    for seed in range(12):
        pair = make_pair(sample, partner, np.random.default_rng(seed), "nothing")
        assert np.array_equal(pair.real, pair.fake)


@pytest.mark.parametrize("family", BLENDING)
def test_outside_the_blended_region_the_members_are_equal(family, sample, partner):
    for seed in range(8):
        blend = FAMILIES[family][1](sample, partner, np.random.default_rng(seed))
        outside = blend.where < 1e-6
        assert outside.any()
        assert np.abs(blend.real - blend.fake)[outside].max() < 2  # a Poisson blend rounds once


@pytest.mark.parametrize("family", MADE_HERE)
def test_the_members_differ_where_the_mask_says_so(family, sample, partner):
    differences = []
    for seed in range(8):
        blend = FAMILIES[family][1](sample, partner, np.random.default_rng(seed))
        differences.append(np.abs(blend.real - blend.fake)[blend.where > 0.3].mean())
    assert np.median(differences) > 0.3


@pytest.mark.parametrize("family", ("rerender", "reenact"))
def test_a_member_is_not_given_away_by_its_sharpness(family, sample, partner):
    ratios = []
    for seed in range(16):
        blend = FAMILIES[family][1](sample, partner, np.random.default_rng(seed))
        if blend.where.min() == 1 or family == "reenact":  # where the whole picture is replaced
            ratios.append(degrade.sharpness(blend.fake) / degrade.sharpness(blend.real))
    assert 0.75 < np.exp(np.mean(np.log(ratios))) < 1.33


@pytest.mark.slow
def test_simple_statistics_do_not_tell_the_members_apart(sample, partner):
    rows = {"luma": ([], []), "saturation": ([], []), "sharpness": ([], [])}
    rng = np.random.default_rng(5)
    for _ in range(120):
        pair = make_pair(sample, partner, rng)
        for side, image in enumerate((pair.real, pair.fake)):
            rows["luma"][side].append(image.mean())
            rows["saturation"][side].append(np.ptp(image.astype(float), axis=2).mean())
            rows["sharpness"][side].append(degrade.sharpness(image.astype(np.float32)))
    for name, (real, fake) in rows.items():
        assert 0.38 < auc(np.array(real), np.array(fake)) < 0.62, name


@pytest.mark.parametrize("family", MADE_HERE)
def test_no_border_strips_betray_a_warp(family, sample, partner):
    bright = type(sample)(np.full_like(sample.rgb, 200), sample.landmarks, sample.box, sample.source)
    for seed in range(6):
        blend = FAMILIES[family][1](bright, bright, np.random.default_rng(seed))
        for image in (blend.real, blend.fake):
            edge = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])
            assert edge.min() > 120


@pytest.mark.parametrize("hull", HULLS)
def test_every_hull_survives_its_softening(hull, sample):
    for seed in range(5):
        rng = np.random.default_rng(seed)
        mask = soften(hull_mask(sample.rgb.shape[:2], sample.landmarks, hull, rng), rng)
        assert mask.max() > 0.3
        assert mask[[0, -1]].max() == 0


def test_every_decoder_leaves_a_trace_that_repeats_every_two_pixels(sample):
    image = np.full((64, 64, 3), 128, np.float32) + np.random.default_rng(0).normal(0, 5, (64, 64, 3)).astype(
        np.float32
    )
    out = pseudo.decoder(cv2.GaussianBlur(image, (0, 0), 1), np.random.default_rng(3))
    phases = [out[y::2, x::2].mean() for y in (0, 1) for x in (0, 1)]
    smooth = cv2.resize(cv2.resize(image, (32, 32)), (64, 64))
    plain = [smooth[y::2, x::2].std() for y in (0, 1) for x in (0, 1)]
    found = [out[y::2, x::2].std() for y in (0, 1) for x in (0, 1)]
    assert np.ptp(found) > np.ptp(plain)
    assert abs(np.mean(phases) - 128) < 3


def test_matching_sharpness_blurs_only_the_sharper(sample):
    sharp = sample.rgb.astype(np.float32)
    soft = cv2.GaussianBlur(sharp, (0, 0), 1.5)
    one, other = degrade.match_sharpness(sharp, soft)
    assert np.array_equal(other, soft)
    assert degrade.sharpness(one) == pytest.approx(degrade.sharpness(soft), rel=0.15)
