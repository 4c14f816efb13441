"""Make the two extensions from one source: dist/unmask-chromium.zip and dist/unmask-firefox.zip.

`manifest.json` holds what both browsers read; what differs stands here. The zips are reproducible: the same source
gives the same bytes.

    python extension/build.py [folder]
"""

import argparse
import json
import zipfile
from pathlib import Path

HERE = Path(__file__).parent
NOT_SHIPPED = {"build.py", "make_icons.py"}
LONG_AGO = (1980, 1, 1, 0, 0, 0)  # the first moment a zip can name

BROWSERS = {
    "chromium": {
        "minimum_chrome_version": "120",  # alarms of 30 s
        "background": {"service_worker": "background.js", "type": "module"},
        "side_panel": {"default_path": "panel/panel.html"},
    },
    "firefox": {
        "background": {"scripts": ["background.js"], "type": "module"},
        "sidebar_action": {
            "default_title": "Unmask",
            "default_panel": "panel/panel.html",
            "default_icon": {"16": "icons/16.png", "32": "icons/32.png"},
            "open_at_install": False,
        },
        "browser_specific_settings": {
            "gecko": {
                "id": "unmask@unmask.example.org",
                "strict_min_version": "149.0",  # captureStream, and data_collection_permissions
                # The address of what a person asks about, and a file if they choose one, go to the server they set, and
                # the key if they enter one: who needs none is not asked for that.
                "data_collection_permissions": {
                    "required": ["browsingActivity", "websiteContent"],
                    "optional": ["authenticationInfo"],
                },
            },
        },
    },
}
EXTRA_PERMISSIONS = {"chromium": ["sidePanel"], "firefox": []}


def manifest(browser: str) -> dict:
    """The manifest one browser gets."""
    common = json.loads((HERE / "manifest.json").read_text())
    permissions = sorted(common["permissions"] + EXTRA_PERMISSIONS[browser])
    return common | {"permissions": permissions} | BROWSERS[browser]


def files() -> dict[str, bytes]:
    """Everything shipped but the manifest, by its path in the zip, sorted."""
    paths = sorted(
        path for path in HERE.rglob("*") if path.is_file() and path.suffix in {".js", ".css", ".html", ".json", ".png"}
    )
    names = {path.relative_to(HERE).as_posix(): path for path in paths}
    return {name: path.read_bytes() for name, path in names.items() if name not in NOT_SHIPPED | {"manifest.json"}}


def build(browser: str, folder: Path) -> Path:
    """Write one zip and return where it is."""
    target = folder / f"unmask-{browser}.zip"
    content = {"manifest.json": json.dumps(manifest(browser), indent=2, ensure_ascii=False).encode()} | files()
    content["LICENSE"] = (HERE.parent / "LICENSE").read_bytes()
    with zipfile.ZipFile(target, "w") as archive:
        for name, data in content.items():
            entry = zipfile.ZipInfo(name, LONG_AGO)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, data, zipfile.ZIP_DEFLATED, 9)
    return target


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "folder", type=Path, nargs="?", default=HERE.parent / "dist", help="to write to; dist if left out"
    )
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    for browser in BROWSERS:
        print(build(browser, folder))
