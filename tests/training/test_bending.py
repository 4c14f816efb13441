"""Fields that bend one face onto another: they leave what fits alone, and bring what does not to its place."""

import numpy as np
import pytest

from core.landmarks import INNER_LIPS, OUTER_LIPS
from training.bending import landmark_field
from training.hulls import face_size


@pytest.mark.parametrize("anchored", (True, False))
@pytest.mark.parametrize("shape", ((256, 256), (224, 244)))
def test_a_face_that_fits_stays_where_it_is(sample, anchored, shape):
    points = sample.landmarks
    field = landmark_field(shape, points, points, face_size(points), anchored)
    assert field.shape == (*shape, 2) and field.dtype == np.float32
    assert np.abs(field).max() < 0.05


@pytest.mark.parametrize("anchored", (True, False))
def test_moved_lips_are_found_where_they_went(sample, anchored):
    points = sample.landmarks
    moved = points.copy()
    moved[INNER_LIPS + OUTER_LIPS] += [0, 6]
    shape = sample.rgb.shape[:2]
    change = landmark_field(shape, points, moved, face_size(points), anchored)
    x, y = np.round(points[OUTER_LIPS].mean(0)).astype(int)
    assert 2 < change[y, x, 1] < 8
    assert abs(change[y, x, 0]) < 1


def test_an_anchored_field_leaves_the_corners_alone(sample):
    points = sample.landmarks
    shape = sample.rgb.shape[:2]
    change = landmark_field(shape, points, points + np.float32(5), face_size(points), anchored=True)
    assert np.abs(change[:3, :3]).max() < 0.5
