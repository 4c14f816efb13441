"""Where in a face the encoder sees signs of manipulation: Grad-CAM on the last ResNeXt stage."""

from functools import partial

import numpy as np
import torch
from torch.nn import functional as F

from core.model import DeepfakeModel, Encoder, normalise
from core.render import Heat

BATCH = 16  # crops at once; keeps memory flat


def heat_of(model: DeepfakeModel) -> Heat:
    """Heat maps of the crops that this model judges."""
    return Heat(partial(grad_cam, model.encoder), model.config.size, model.config.margin)


def grad_cam(encoder: Encoder, crops: np.ndarray) -> np.ndarray:
    """Heat maps of the frame logit, for crops as `core.crops.crop` cuts them.

    crops: (N, H, W, 3) uint8 RGB. Returns (N, H, W) float32, 0 to 1, each scaled by its own highest value: a map says
    where in its frame the signs are strongest, not how strong they are. A map without any sign is all 0.
    The encoder must be in eval mode; it is only read, so other threads may use it meanwhile.
    Source: Selvaraju et al. 2017 (Grad-CAM). One linear layer follows the mean over the stage's positions, so the
    gradient of the logit is that layer's weight, and the map is had without a backward pass (there, section 3.1).
    """
    height, width = crops.shape[1:3]
    weights = encoder.classify.weight[0]  # (2048,)
    maps = []
    with torch.inference_mode():
        for start in range(0, len(crops), BATCH):
            pixels = normalise(crops[start : start + BATCH]).to(weights.device, weights.dtype)
            stage = encoder.stage4(encoder.stage3(encoder.stem(pixels)))  # (n, 2048, h, w)
            coarse = torch.einsum("nchw,c->nhw", stage, weights).float().clamp(min=0)
            fine = F.interpolate(coarse.unsqueeze(1), (height, width), mode="bilinear").squeeze(1)
            peak = fine.amax(dim=(1, 2), keepdim=True)
            maps.append((fine / peak.clamp(min=1e-12)).cpu().numpy())
    return np.concatenate(maps) if maps else np.zeros((0, height, width), np.float32)
