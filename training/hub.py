"""A folder of published weights -> a repository on the Hugging Face Hub. Called by `training.publish --hub`."""

from pathlib import Path

from core.pretrained import USUAL

FILES = ("model.safetensors", "config.json", "calibration.json", "README.md")


def upload(folder: Path, repo: str) -> str:
    """Put the folder's files into `repo` ("owner/name", made where it is not there); returns "owner/name@commit", which
    `--weights` takes. Raises SystemExit with a sentence where something is missing or the Hub says no."""
    try:
        from huggingface_hub import HfApi, get_token
        from huggingface_hub.errors import HFValidationError
    except ImportError as error:
        raise SystemExit("huggingface_hub is not installed: pip install huggingface_hub") from error
    if lacking := [name for name in FILES if not (folder / name).exists()]:
        raise SystemExit(f"{folder} lacks {', '.join(lacking)}. Calibrate and write the card first.")
    if not get_token():
        raise SystemExit("There is no Hub token. Run `hf auth login`, or set HF_TOKEN.")
    api = HfApi()
    try:
        api.create_repo(repo, exist_ok=True)
        commit = api.upload_folder(
            repo_id=repo,
            folder_path=folder,
            allow_patterns=[*FILES, USUAL],
            delete_patterns=USUAL,  # of other weights, where these have none
        )
    except HFValidationError as error:
        raise SystemExit(f"{repo} is no name of a Hub repository: owner/name.") from error
    except Exception as error:  # the client passes on whatever its HTTP library raises
        raise SystemExit(f"The Hub did not take {repo}: {error}") from error
    return f"{repo}@{commit.oid}"
