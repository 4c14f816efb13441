"""docs/analysis.schema.json describes what every interface sends."""

import json
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


@pytest.mark.parametrize("field, value", [("verdict", "fake"), ("probability", "high"), ("faces", None), ("media", {})])
def test_the_schema_refuses_what_is_not_an_analysis(field, value):
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**an_analysis(a_face()).to_json(), field: value}, SCHEMA)
