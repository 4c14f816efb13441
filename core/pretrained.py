"""Find, verify and load weights; no pickle anywhere.

A folder of weights holds `model.safetensors`, `config.json` (the ModelConfig, name, version, whether it is trained, and
the SHA-256 of the weights) and `calibration.json`. `usual.safetensors`, what real faces look like to the encoder, may be missing.
"""

import hashlib
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from core.calibration import Calibration
from core.errors import CheckError
from core.model import DeepfakeModel, ModelConfig
from core.usual import Usual

BUNDLED = Path(__file__).parent / "weights"
WEIGHTS, CONFIG, CALIBRATION, USUAL = "model.safetensors", "config.json", "calibration.json", "usual.safetensors"
# only a full commit hash is pinned: branches and tags can be moved
HUB_ID = re.compile(r"(?P<repo>[\w.-]+/[\w.-]+)@(?P<revision>[0-9a-f]{40})")


@dataclass(frozen=True, eq=False)
class Pretrained:
    """A network in evaluation mode, float32 on the processor, and what is known of it."""

    model: DeepfakeModel
    calibration: Calibration
    name: str
    version: str
    sha256: str  # of model.safetensors; "" where there is none
    trained: bool
    usual: Usual | None = None  # None where the folder has no such file


def load_weights(weights: str | Path | None = None) -> Pretrained:
    """weights: None for the bundled ones, the name of a bundled variant, a folder, or a Hub id "owner/name@commit".

    Without bundled weights None gives an untrained network, always the same one.
    Raises CheckError: weights_not_found, weights_damaged, weights_mismatch.
    """
    if weights is None and not (BUNDLED / WEIGHTS).exists():
        return untrained()
    return read_folder(find_folder(weights))


def untrained(config: ModelConfig | None = None) -> Pretrained:
    """A network of seeded random weights, for trying the road before there are trained ones."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = DeepfakeModel(config or ModelConfig()).eval()
    return Pretrained(model, Calibration(), "untrained", "0", "", trained=False)


def find_folder(weights: str | Path | None) -> Path:
    if weights is None:
        return BUNDLED
    name = str(weights)
    if re.fullmatch(r"[\w-]+", name) and os.path.exists(BUNDLED / name / WEIGHTS):
        return BUNDLED / name
    if os.path.exists(Path(weights) / WEIGHTS):  # Path's own raises where a name is too long, or may not be looked at
        return Path(weights)
    if hub := HUB_ID.fullmatch(name):
        return download(hub["repo"], hub["revision"])
    if re.fullmatch(r"[\w.-]+/[\w.-]+(@.*)?", name) and not os.path.exists(weights):
        raise CheckError("weights_not_found", "a Hub id needs its full commit hash: owner/name@0123...")
    raise CheckError("weights_not_found", f"no {WEIGHTS} in {name}")


def download(repo: str, revision: str) -> Path:
    """The folder of one commit of a Hub repository, from the local cache where it is there (HF_HUB_OFFLINE=1: only)."""
    from huggingface_hub import _CACHED_NO_EXIST, hf_hub_download, try_to_load_from_cache
    from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError, LocalEntryNotFoundError

    try:
        paths = [Path(hf_hub_download(repo, name, revision=revision)) for name in (WEIGHTS, CONFIG, CALIBRATION)]
        try:
            hf_hub_download(repo, USUAL, revision=revision)
        except LocalEntryNotFoundError:
            if try_to_load_from_cache(repo, USUAL, revision=revision) is not _CACHED_NO_EXIST:
                raise  # nobody can say whether these weights have one
        except EntryNotFoundError:  # older weights have none
            pass
    except LocalEntryNotFoundError as error:
        raise CheckError(
            "weights_not_found", f"{repo} is not in the local cache and the Hub was not reached"
        ) from error
    except EntryNotFoundError as error:
        raise CheckError("weights_not_found", f"{repo} lacks a file: {error.__class__.__name__}") from error
    except (HfHubHTTPError, OSError, ValueError) as error:
        raise CheckError("weights_not_found", f"the Hub did not give {repo}: {error.__class__.__name__}") from error
    return paths[0].parent


def read_folder(folder: Path) -> Pretrained:
    """Read, verify and build. Raises CheckError."""
    info = read_json(folder / CONFIG)
    data = read_bytes(folder / WEIGHTS)
    if hashlib.sha256(data).hexdigest() != info.get("sha256"):
        raise CheckError("weights_damaged", WEIGHTS)
    try:
        config = ModelConfig.from_json(info)
        name, version, trained = str(info["name"]), str(info["version"]), info["trained"]
        if not isinstance(trained, bool):  # the word "false" would pass for true
            raise ValueError(f'"trained" of {CONFIG} must be true or false')
        calibration = Calibration.from_json(read_json(folder / CALIBRATION))
        model = build(config, data)
        usual = Usual.from_bytes(read_bytes(folder / USUAL)) if (folder / USUAL).exists() else None
        if usual and len(usual.mean) != config.encoder.features:
            raise ValueError(f"{USUAL} is of another encoder")
    except (LookupError, TypeError, ValueError, RuntimeError) as error:
        raise CheckError("weights_mismatch", str(error).splitlines()[0][:200]) from error
    return Pretrained(model, calibration, name, version, info["sha256"], trained, usual)


def build(config: ModelConfig, data: bytes) -> DeepfakeModel:
    """Raises ValueError or RuntimeError where the tensors do not fit the configuration, or hold what is no number."""
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        tensors = load(data)
    except SafetensorError as error:
        raise ValueError(f"{WEIGHTS} is not in the safetensors format") from error
    with torch.device("meta"):  # no time goes into random weights that are replaced at once
        model = DeepfakeModel(config)
    model.load_state_dict({name: as_float32(name, tensor) for name, tensor in tensors.items()}, assign=True)
    return model.eval()


def as_float32(name: str, tensor: Tensor) -> Tensor:
    """Raises ValueError where a number is not finite: whatever that network said would be made up."""
    if not tensor.is_floating_point():
        return tensor
    tensor = tensor.float()
    if not tensor.sum().isfinite():  # one NaN or infinity is enough; looking at each number takes several times as long
        raise ValueError(f"{name} holds numbers that are not finite")
    return tensor


def save_weights(folder: Path, model: DeepfakeModel, info: dict, calibration: Calibration | None = None) -> str:
    """Write a folder that `load_weights` reads; existing files are replaced. Returns the SHA-256 of the weights.

    What other weights found usual in real faces is removed: `training.usual` makes it anew.

    info: "name", "version", "trained", and whatever else should stand in config.json. calibration: None before one is
    fitted, which makes every verdict inconclusive. Matrices and kernels become float16; vectors (biases, batch
    statistics) stay float32, as float16 would clip them. Raises ValueError where a kernel does not fit float16.
    """
    from safetensors.torch import save

    tensors = {}
    for key, tensor in model.state_dict().items():
        tensor = tensor.detach().cpu()
        tensors[key] = (tensor.half() if tensor.is_floating_point() and tensor.dim() > 1 else tensor).contiguous()
        if tensor.is_floating_point() and not torch.isfinite(tensors[key]).all():
            raise ValueError(f"{key} does not fit float16")
    data = save(tensors)
    sha256 = hashlib.sha256(data).hexdigest()
    calibration = calibration or Calibration()
    config = {**info, "sha256": sha256, **model.config.to_json()}
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / WEIGHTS).exists() or (folder / WEIGHTS).read_bytes() != data:
        (folder / USUAL).unlink(missing_ok=True)
    (folder / WEIGHTS).write_bytes(data)
    (folder / CONFIG).write_text(json.dumps(config, indent=2) + "\n")
    (folder / CALIBRATION).write_text(json.dumps(calibration.to_json(), indent=2) + "\n")
    return sha256


def read_json(path: Path) -> dict:
    try:
        return dict(json.loads(read_bytes(path)))
    except (ValueError, TypeError) as error:
        raise CheckError("weights_damaged", path.name) from error


def read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CheckError("weights_not_found", f"{path.name}: {error.strerror}") from error
