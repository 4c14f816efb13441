"""Small networks for the tests: the real code with few numbers in it, quick to build and to run."""

from pathlib import Path

import torch
from torch.optim.swa_utils import update_bn

from core.calibration import Calibration, Curve
from core.model import DeepfakeModel, EncoderConfig, HeadConfig, ModelConfig
from core.pretrained import save_weights

CONFIG = ModelConfig(EncoderConfig(stem="lite0", depths=(1, 1)), HeadConfig(hidden=8), size=64)
DECIDED = Calibration(*[(Curve(likely_from=0.6, no_signs_until=0.4),)] * 2)  # gives all three verdicts, to stills too


def tiny_model(seed: int = 0, config: ModelConfig = CONFIG, lean: float = 0.0) -> DeepfakeModel:
    """A network of random numbers. `lean` is added to every logit: above 0 it leans towards manipulation."""
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        model = DeepfakeModel(config)
        model.encoder.classify.bias += lean
        # as made, its batch norms would leave all crops alike
        update_bn([torch.randn(8, 3, config.size, config.size)], model.encoder)
    return model.eval()


def tiny_weights(folder: Path, calibration: Calibration = DECIDED, **model) -> Path:
    """A folder of weights that say they are trained."""
    info = {"name": "tiny", "version": "1", "trained": True}
    save_weights(folder, tiny_model(**model), info, calibration)
    return folder
