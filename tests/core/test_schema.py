"""docs/analysis.schema.json describes what every interface sends."""

import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

from tests.samples import a_face, an_analysis, an_unjudged_face

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "analysis.schema.json").read_text(encoding="utf-8"))


def test_the_schema_is_a_valid_schema():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("faces", [(), (a_face(), an_unjudged_face())], ids=["no face", "faces"])
def test_an_analysis_fits_the_schema(faces):
    jsonschema.validate(an_analysis(*faces).to_json(), SCHEMA)


def test_the_schema_promises_every_field_that_an_analysis_has():
    analysis = an_analysis(a_face()).to_json()
    assert set(SCHEMA["required"]) == set(analysis)
    assert set(SCHEMA["$defs"]["FaceResult"]["required"]) == set(analysis["faces"][0])


def test_an_answer_that_is_no_number_is_never_sent_as_one():
    with pytest.raises(ValueError, match="JSON"):
        an_analysis(replace(a_face(), probability=float("nan"))).to_json()


@pytest.mark.parametrize("sign, fits", [("mouth_alone", True), ("one_picture", True), ("framed", True), ("odd", False)])
def test_the_schema_names_the_signs_there_are(sign, fits):
    analysis = an_analysis(replace(a_face(), signs=(sign,))).to_json()
    assert jsonschema.Draft202012Validator(SCHEMA).is_valid(analysis) is fits


@pytest.mark.parametrize("field, value", [("verdict", "fake"), ("probability", "high"), ("faces", None), ("media", {})])
def test_the_schema_refuses_what_is_not_an_analysis(field, value):
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**an_analysis(a_face()).to_json(), field: value}, SCHEMA)
