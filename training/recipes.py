"""The paper's two systems, on the same pseudo-fake clips as our own head, as folders of weights that any command takes.

    python -m training.recipes --kind score-lstm --weights core/weights --out runs/compare
    python -m training.recipes --kind feature-lstm --weights core/weights --out runs/compare

score-lstm (sections II and III of "Unmasking Deepfakes"): a frozen encoder whose last layer alone is trained anew, and
two LSTM layers of 256 over the scores of the frames. feature-lstm (section IV): the 2048 features after the last
pooling, an LSTM of 2048, dropout .4, and the encoder's last stage fine-tuned through it. The paper starts from ImageNet
weights, as both do with --imagenet where there is a network; else they start from a trained encoder of ours.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from core.crops import CROP_SIZE
from core.device import autocast
from core.model import DeepfakeModel, Encoder, EncoderConfig, HeadConfig, ModelConfig, normalise
from core.pretrained import USUAL, load_weights, save_weights
from core.usual import Usual
from training.clips import LENGTH, RATE, footage, make_clip, resized
from training.commands import ends_with_a_sentence
from training.head import UNSEEN_CLIPS, clips_of_both, collect, compare, fit, probe, read
from training.imagenet import start_from_imagenet
from training.pairs import split
from training.shards import Shards

KINDS = ("score-lstm", "feature-lstm")


def tune(model: DeepfakeModel, shards: Shards, indices: np.ndarray, steps: int, seed: int) -> None:
    """Train the encoder's last stage and the head end to end, one pair of clips a step; statistics stay as they are."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model.to(device).eval().requires_grad_(False)
    model.encoder.stage4.requires_grad_(True)
    model.head.requires_grad_(True).train()
    groups = [{"params": model.encoder.stage4.parameters(), "lr": 1e-5}, {"params": model.head.parameters()}]
    optimiser = torch.optim.AdamW(groups, lr=1e-4, weight_decay=0.01)
    runs, stills = footage(shards, indices)
    times, mask = (torch.arange(LENGTH) / RATE).expand(2, -1), torch.ones(2, LENGTH, dtype=torch.bool)
    labels = torch.tensor([0.0, 1.0], device=device)
    for step in range(steps):
        clip = make_clip(shards, runs, stills, np.random.default_rng([seed, step]))
        crops = normalise(
            torch.from_numpy(resized(np.concatenate([clip.real, clip.fake]), model.config.size)).to(device)
        )
        with autocast(device):
            features, logits, _ = model.encode(crops.contiguous(memory_format=torch.channels_last))
        features, logits = features.float().view(2, LENGTH, -1), logits.float().view(2, LENGTH)
        loss = F.binary_cross_entropy_with_logits(
            model.judge(features, logits, mask.to(device), times.to(device)), labels
        )
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        if step % 10 == 9:
            print(f"fine-tuning: step {step + 1} of {steps}, loss {loss.item():.3f}", flush=True)
    model.cpu().eval()


def train_recipe(
    kind: str,
    encoder: Encoder,
    size: int,
    shards: Shards,
    clips: int,
    out: Path,
    hidden: int | None,
    steps: int,
    usual: Usual | None = None,
) -> dict:
    """Train one of KINDS, write its weights into out/KIND; returns its figures on clips of unseen sources.

    usual: what the encoder sees in real faces, where that is known.
    """
    kept = out / "clips"
    kept.mkdir(parents=True, exist_ok=True)
    train, (unseen_features, unseen_logits, *who) = clips_of_both(encoder, size, shards, clips, kept)
    features, logits = train[:2]
    encoder = encoder.cpu()
    config = HeadConfig.of(kind)
    torch.manual_seed(0)
    model = DeepfakeModel(ModelConfig(encoder.config, replace(config, hidden=hidden or config.hidden), size))
    model.encoder.load_state_dict(encoder.state_dict())
    if kind == "score-lstm":
        probe(model.encoder.classify, features)
        with torch.no_grad():
            logits, unseen_logits = (model.encoder.classify(f).squeeze(3) for f in (features, unseen_features))
    fit(model.head, features, logits, epochs=12)
    figures = {"clips": clips} | compare(model.head, unseen_features, unseen_logits, *who)
    if kind == "feature-lstm":
        seen, unseen = split(shards.sources)
        tune(model, shards, seen, steps, seed=3)
        count = len(unseen_logits)
        collect(model.encoder, size, shards, unseen, "tuned", count, kept, seed=UNSEEN_CLIPS)
        tuned = compare(model.head, *read(kept, "tuned", count))
        figures = {"clips": clips, "steps": steps, "before fine-tuning": figures} | tuned
        model.cpu()
    folder = out / (f"{kind}-{hidden}" if hidden else kind)
    save_weights(folder, model, {"name": kind, "version": "0", "trained": True})
    if usual and kind == "score-lstm":  # whose features are the encoder's still
        (folder / USUAL).write_bytes(usual.to_bytes())
    (folder / "clips.json").write_text(json.dumps(figures, indent=1) + "\n")
    return figures


def imagenet_encoder() -> Encoder:
    """The paper's own, ResNeXt-50 as ImageNet taught it. Raises SystemExit where its weights cannot be had."""
    encoder = Encoder(EncoderConfig("conv", (3, 4, 6, 3)))
    if start_from_imagenet(encoder) == "none":
        raise SystemExit("ImageNet weights of a ResNeXt are downloaded, and there is no network. Leave out --imagenet.")
    return encoder.eval()


@ends_with_a_sentence()
def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kind", choices=KINDS, required=True)
    parser.add_argument("--weights", type=Path, help="published weights whose encoder is the start; the bundled ones")
    parser.add_argument("--imagenet", action="store_true", help="start from ImageNet's ResNeXt-50 in their place")
    parser.add_argument("--data", type=Path, default=Path("data/prepared"))
    parser.add_argument("--out", type=Path, default=Path("runs/compare"))
    parser.add_argument("--clips", type=int, default=240, help="pairs to train on; a third as many to judge")
    parser.add_argument("--hidden", type=int, help="width of the LSTM; 256 is the control of feature-lstm")
    parser.add_argument("--steps", type=int, default=60, help="of fine-tuning, feature-lstm only")
    args = parser.parse_args(argv)
    if args.imagenet:
        encoder, size, usual = imagenet_encoder(), CROP_SIZE, None
    else:
        start = load_weights(args.weights)
        encoder, size, usual = start.model.encoder, start.model.config.size, start.usual
    shards = Shards(args.data)
    figures = train_recipe(args.kind, encoder, size, shards, args.clips, args.out, args.hidden, args.steps, usual)
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
