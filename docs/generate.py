"""Writes the pages of docs/ that follow from the code: `python docs/generate.py`. Tests hold them equal to it."""

import json
import sys
from pathlib import Path

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS.parent))

from core.analysis import analysis_schema  # noqa: E402
from core.errors import ERRORS  # noqa: E402
from server.openapi import describe  # noqa: E402


def errors_page() -> str:
    """docs/errors.md: every code, what it says and what to do next."""
    rows = [f"| `{code}` | {kind.message} | {kind.next_step} | {kind.status} |" for code, kind in ERRORS.items()]
    head = [
        "# Error codes",
        "",
        "The command line, the API, the extension and the demo share these codes. A released code never changes its",
        "meaning. A warning is something else: it stands inside an analysis and did not stop the check.",
        "",
        "Written by `python docs/generate.py` from `core/errors.py`.",
        "",
        "| code | what happened | what to do | HTTP |",
        "| --- | --- | --- | --- |",
    ]
    return "\n".join(head + rows) + "\n"


def schema_page() -> str:
    """docs/analysis.schema.json: the JSON Schema of an analysis."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **analysis_schema()}
    return json.dumps(schema, indent=2) + "\n"


def openapi_page() -> str:
    """docs/openapi.json: the description of the API."""
    return json.dumps(describe(), indent=2) + "\n"


PAGES = {"errors.md": errors_page, "analysis.schema.json": schema_page, "openapi.json": openapi_page}

if __name__ == "__main__":
    for name, page in PAGES.items():
        (DOCS / name).write_text(page(), encoding="utf-8")
        print(f"wrote docs/{name}")
