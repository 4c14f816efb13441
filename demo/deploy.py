"""Put the demo on a Hugging Face Space: `python -m demo.deploy --space OWNER/NAME`.

Assembles a folder that needs nothing else of this repository and uploads it, with the token that `hf auth login` stored.
--dry-run says what would be uploaded; --out DIR keeps the folder.
"""

import argparse
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
PARTS = ("core", "demo")
LEFT_OUT = ("__pycache__", "*.pyc", ".*", "fetch", "deploy.py", "space")  # links are off on a Space
# Spaces bring torch themselves where there is a GPU, in the version that fits it; gradio comes with `sdk_version`
UNPINNED = {"torch", "torchvision"}
SECTION = "core"  # of requirements.txt


def assemble(folder: Path) -> list[Path]:
    """Write everything a Space needs into an empty or new folder. Returns the files, relative to it."""
    known = known_to_git()

    def left_out(inside: str, names: list[str]) -> set[str]:
        unknown = {name for name in names if known and Path(inside, name) not in known}
        return unknown | shutil.ignore_patterns(*LEFT_OUT)(inside, names)

    for part in PARTS:
        shutil.copytree(ROOT / part, folder / part, ignore=left_out)
    shutil.copy(ROOT / "LICENSE", folder)
    space = ROOT / "demo/space"
    shutil.copy(space / "app.py", folder)
    readme = (space / "README.md").read_text(encoding="utf-8").replace("SDK_VERSION", gradio_version())
    (folder / "README.md").write_text(readme, encoding="utf-8")
    (folder / "requirements.txt").write_text(
        requirements((ROOT / "requirements.txt").read_text(encoding="utf-8")), encoding="utf-8"
    )
    wanted = [line for line in (ROOT / "packages.txt").read_text(encoding="utf-8").splitlines() if line[:3] == "lib"]
    (folder / "packages.txt").write_text("\n".join(wanted) + "\n", encoding="utf-8")
    return sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())


def known_to_git() -> set[Path]:
    """The files that git knows and the folders they lie in, so that notes and trials beside them are not published; empty
    where this is no checkout. Ends the program where it is one and git does not say."""
    if not (ROOT / ".git").exists():
        return set()
    try:
        done = subprocess.run(["git", "ls-files", "-z", *PARTS], cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise SystemExit(f"git does not say what is to be published: {getattr(error, 'stderr', error)}") from error
    found = {ROOT / file for file in done.stdout.split("\0") if file}
    return found | {parent for file in found for parent in file.parents}


def requirements(text: str) -> str:
    """The lines of the section `core`, without a version for what the Space chooses."""
    section = text.split(f"# --- {SECTION}", 1)[1].split("# ---", 1)[0]
    lines = [line.split("#")[0].strip() for line in section.splitlines()[1:]]
    names = [(re.match(r"[\w.-]+", line)[0], line) for line in lines if line]
    return "".join(f"{name if name in UNPINNED else line}\n" for name, line in names)


def gradio_version() -> str:
    from gradio import __version__

    return __version__


def upload(folder: Path, space: str) -> str:
    """Make the Space if it is not there, and make its files those of the folder. Returns its address."""
    from huggingface_hub import HfApi

    api = HfApi()
    api.create_repo(space, repo_type="space", space_sdk="gradio", exist_ok=True)
    api.upload_folder(
        folder_path=folder,
        repo_id=space,
        repo_type="space",
        commit_message="Update Unmask",
        delete_patterns="*",  # what is no longer part of the demo goes
    )
    return f"https://huggingface.co/spaces/{space}"


def main() -> None:
    parser = argparse.ArgumentParser("python -m demo.deploy", description=__doc__.split("\n\n")[0])
    parser.add_argument("--space", metavar="OWNER/NAME", help="where to upload to")
    parser.add_argument("--dry-run", action="store_true", help="say what would be uploaded, and upload nothing")
    parser.add_argument("--out", type=Path, metavar="DIR", help="assemble in this new folder and keep it")
    options = parser.parse_args()
    if not (options.space or options.dry_run or options.out):
        parser.error("name a Space, or ask for --dry-run or --out")
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.out or Path(scratch) / "space"
        if folder.exists() and any(folder.iterdir()):
            parser.error(f"{folder} is not empty")
        folder.mkdir(parents=True, exist_ok=True)
        files = assemble(folder)
        sizes = [(folder / file).stat().st_size for file in files]
        for file, size in zip(files, sizes, strict=True):
            print(f"{size / 1024:10.1f} KiB  {file}")
        print(f"{sum(sizes) / 2**20:10.1f} MiB  in {len(files)} files")
        if not (folder / "core/weights").is_dir():
            print("There are no trained weights in core/weights: this Space would answer with untrained ones.")
        if options.space and not options.dry_run:
            print(f"Uploaded to {upload(folder, options.space)}")


if __name__ == "__main__":
    main()
