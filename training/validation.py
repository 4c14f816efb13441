"""How well an encoder tells the pairs of unseen sources apart, while it is trained."""

import torch

from core.device import autocast
from core.model import Encoder, normalise
from training.metrics import auc
from training.pseudo import FAMILIES


@torch.inference_mode()
def validate(encoder: Encoder, batches, device: str) -> dict[str, float]:
    """AUC and share of pairs in order on unseen sources, per family too; spread of the real logits."""
    encoder.eval()
    logits, families = [], []
    for images, _, family in batches:
        with autocast(device):
            _, found, _ = encoder(
                normalise(images.flatten(0, 1).to(device)).contiguous(memory_format=torch.channels_last)
            )
        logits.append(found.float().cpu().view(-1, 2))
        families.append(family)
    scores, families = torch.cat(logits).numpy(), torch.cat(families).numpy()
    figures = {"auc": auc(scores[:, 0], scores[:, 1]), "pairs": float((scores[:, 1] > scores[:, 0]).mean())}
    figures["real_sd"] = float(scores[:, 0].std())
    for number, name in enumerate(FAMILIES):
        mine = scores[families == number]
        if len(mine):
            figures[f"auc_{name}"] = auc(scores[:, 0], mine[:, 1])
            figures[f"pairs_{name}"] = float((mine[:, 1] > mine[:, 0]).mean())
    return {key: round(value, 4) for key, value in figures.items()}
