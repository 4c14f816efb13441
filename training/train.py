"""Stage 1: the frame encoder, on pairs of real faces and pseudo-fakes.

    python -m training.train --out runs/first --images 80000

Both members of a pair stand in one batch; the loss is the cross-entropy of each, a margin between the two, and the map
of what was manipulated. Resumes by itself from runs/first/last.pt, or warm-starts from published weights (--start). Several
GPUs: torchrun --standalone --nproc-per-node 4 -m training.train ...
"""

import argparse
import copy
import json
import math
import os
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.nn.parallel import DistributedDataParallel

from core.device import autocast, pick_precision
from core.model import Encoder, EncoderConfig, normalise
from core.pretrained import load_weights
from training.commands import ends_with_a_sentence
from training.curves import draw_curves
from training.depthwise import quicken
from training.going_on import begun, check_config, keep_config, keep_log
from training.h264 import has_h264
from training.imagenet import start_from_imagenet
from training.manifest import DataError
from training.mixstyle import MixStyle
from training.pairs import Pairs, loader, split
from training.shards import Shards
from training.validation import validate

FROZEN = {"conv": 4, "lite0": 6, "lite0-whole": 6}  # first layers of each stem that stay as ImageNet taught them
VALIDATED = 256  # pairs of unseen sources, at each validation
PROCESS = (("RANK", "0"), ("WORLD_SIZE", "1"), ("LOCAL_RANK", "0"))


@dataclass(frozen=True)
class TrainConfig:
    """One run of stage 1."""

    images: int = 80_000  # through the network, two a pair
    batch: int = 16  # pairs
    size: int = 224  # pixels
    stem: str = "lite0"
    depths: tuple[int, ...] = (2, 2)
    frozen: int | None = None  # first layers of the stem that stay as they are; None: as FROZEN says
    lr_new: float = 6e-4
    lr_stem: float = 1.5e-4  # of all that ImageNet taught
    weight_decay: float = 0.02
    smoothing: float = 0.02
    margin_weight: float = 0.3
    mask_weight: float = 0.5
    mix: float = 0.5  # share of batches in which pairs take on each other's style, once in each of two early layers
    ema: float = 0.998
    sam: float = 0.0  # radius of sharpness-aware minimisation (Foret et al. 2021; theirs is .05), at twice the time
    seed: int = 1
    every: int = 250  # steps between checkpoints and validations


def pair_loss(logits: Tensor, masks: Tensor, where: Tensor, config: TrainConfig) -> Tensor:
    """logits (2B,), real and fake in turn; masks (2B, 1, m, m) logits; where (B, m, m)."""
    labels = torch.tensor([0.0, 1.0], device=logits.device).repeat(len(logits) // 2)
    soft = labels * (1 - config.smoothing) + config.smoothing / 2
    classes = F.binary_cross_entropy_with_logits(logits, soft)
    margin = F.relu(1 - (logits[1::2] - logits[0::2])).mean()
    target = torch.stack([torch.zeros_like(where), where], dim=1).flatten(0, 1).unsqueeze(1)
    located = F.binary_cross_entropy_with_logits(masks, target)
    return classes + config.margin_weight * margin + config.mask_weight * located


@torch.no_grad()
def climb(encoder: Encoder, radius: float) -> list[tuple[Tensor, Tensor]]:
    """Move the weights along their gradients to where the loss is near its worst within `radius`; returns the moves."""
    pushed = [p for p in encoder.parameters() if p.grad is not None]
    scale = radius / (torch.stack([p.grad.norm() for p in pushed]).norm() + 1e-12)
    moves = [(p, p.grad * scale) for p in pushed]
    for p, move in moves:
        p.add_(move)
    return moves


@torch.no_grad()
def climb_down(moves: list[tuple[Tensor, Tensor]]) -> None:
    for p, move in moves:
        p.sub_(move)


def learning_rate(step: int, steps: int) -> float:
    """A short warm-up, then a cosine down to nothing; a factor."""
    warm = min(200, steps // 10 + 1)
    if step < warm:
        return (step + 1) / warm
    return 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, steps - warm))) + 1e-3


def build(config: TrainConfig, start: Path | None) -> tuple[Encoder, str]:
    """The encoder, and in words what it starts from."""
    torch.manual_seed(config.seed)
    shape = EncoderConfig(config.stem, tuple(config.depths))
    try:
        encoder = Encoder(shape)
    except (IndexError, ValueError) as error:
        raise DataError("Give --stem conv four numbers as --depths, lite0 two, and lite0-whole one.") from error
    if start:
        given = load_weights(start).model.encoder
        if given.config != shape:
            own = f"--stem {given.config.stem} --depths {' '.join(map(str, given.config.depths))}"
            raise DataError(f"{start} holds weights of {own}; give these two as well, or leave --start out.")
        encoder.load_state_dict(given.state_dict())
        return encoder, f"weights {start.name}"
    return encoder, start_from_imagenet(encoder)


def frozen_layers(config: TrainConfig, origin: str) -> int:
    """How many first layers of the stem stay as they are; none where they started at random."""
    if origin == "none":
        return 0
    return FROZEN[config.stem] if config.frozen is None else config.frozen


def parameter_groups(encoder: Encoder, config: TrainConfig, origin: str) -> list[dict]:
    """Slow for what ImageNet taught, quick for what is new; nothing for what is frozen. origin: what `build` says."""
    for layer in list(encoder.stem)[: frozen_layers(config, origin)]:
        layer.requires_grad_(False)
    more = {"conv": [encoder.stage3, encoder.stage4], "lite0": [], "lite0-whole": [encoder.stage3]}[config.stem]
    taught = [] if origin == "none" else [encoder.stem, *more]
    known = {id(p) for part in taught for p in part.parameters()}
    stem = [p for p in encoder.parameters() if id(p) in known and p.requires_grad]
    new = [p for p in encoder.parameters() if id(p) not in known]
    return [{"params": stem, "base": config.lr_stem}, {"params": new, "base": config.lr_new}]


def set_train(encoder: Encoder) -> None:
    """Make it ready for steps: statistics follow the batches, except in frozen layers; gradients the quick way."""
    if next(encoder.parameters()).device.type == "cpu":
        quicken(encoder)
    encoder.train()
    for layer in encoder.stem:
        if not all(p.requires_grad for p in layer.parameters()):
            layer.eval()


@torch.no_grad()
def average(ema: Encoder, encoder: Encoder, decay: float) -> None:
    """Exponential moving average of weights and statistics."""
    for mine, theirs in zip(ema.state_dict().values(), encoder.state_dict().values(), strict=True):
        if mine.dtype.is_floating_point:
            mine.lerp_(theirs, 1 - decay)
        else:
            mine.copy_(theirs)


def join_group() -> tuple[int, int, str]:
    """Rank, how many processes, and device: as torchrun says, or alone."""
    rank, world, local = (int(os.environ.get(name, default)) for name, default in PROCESS)
    device = f"cuda:{local}" if torch.cuda.is_available() else "cpu"
    if world > 1:
        torch.distributed.init_process_group("nccl" if device != "cpu" else "gloo")
    return rank, world, device


def train(config: TrainConfig, data: Path, out: Path, start: Path | None, workers: int) -> None:
    """The loop. Writes last.pt (all of it, for resuming), log.jsonl, curves.png and config.json into `out`."""
    rank, world, device = join_group()
    out.mkdir(parents=True, exist_ok=True)
    encoder, origin = build(config, start)
    origin = begun(out).get("start", origin)
    encoder = encoder.to(device, memory_format=torch.channels_last)
    ema = copy.deepcopy(encoder)
    groups = parameter_groups(encoder, config, origin)
    optimiser = torch.optim.AdamW(groups, lr=1e-4, weight_decay=config.weight_decay)
    shards = Shards(data)
    seen, unseen = split(shards.sources)
    if not len(seen) or not len(unseen):
        raise SystemExit(
            f"{len(seen)} faces to train on and {len(unseen)} held out; both are needed. One source of pictures in eight "
            "is held out, by its name: prepare faces of more sources."
        )
    pairs = Pairs(shards, seen, config.seed, config.size)
    check = Pairs(shards, unseen, 10_000, config.size)
    steps = config.images // (2 * config.batch * world)
    if steps < 1:
        raise SystemExit(f"--images {config.images} is less than one step takes, {2 * config.batch * world}.")
    settings = {**asdict(config), "frozen": frozen_layers(config, origin), "start": origin, "faces": shards.digest()}
    settings |= {"h264": has_h264(), "processes": world}
    check_config(out, settings)
    step = resume(out / "last.pt", encoder, ema, optimiser, device)
    if rank == 0:
        keep_config(out, settings)
        keep_log(out / "log.jsonl", step)
    drawn = ", ".join(f"{sum(i in kept for i in seen)} {family}" for family, kept in shards.drawings.items())
    print(
        f"{len(seen)} faces to train on ({drawn}), {len(unseen)} unseen; start: {origin}; step {step} of {steps} "
        f"in {pick_precision(device)}{'' if has_h264() else '; without PyAV, JPEG and WebP stand for H.264'}",
        flush=True,
    )

    network = DistributedDataParallel(encoder) if world > 1 else encoder
    set_train(encoder)
    styles = MixStyle(encoder, config.mix, config.seed)
    clock, timed, losses, apart = time.time(), 0, [], config.batch * world
    for images, where, _ in loader(pairs, step * apart + rank, steps * apart, config.batch, workers, world):
        for group in optimiser.param_groups:
            group["lr"] = group["base"] * learning_rate(step, steps)
        crops = normalise(images.flatten(0, 1).to(device)).contiguous(memory_format=torch.channels_last)
        where = where.to(device)
        optimiser.zero_grad(set_to_none=True)
        styles.begin(step)
        loss = backward(network, crops, where, config)
        if config.sam:
            moves = climb(encoder, config.sam)
            optimiser.zero_grad(set_to_none=True)
            styles.begin(step)
            backward(network, crops, where, config)
            climb_down(moves)
        norm = torch.nn.utils.clip_grad_norm_(encoder.parameters(), 1.0)
        if not math.isfinite(loss + norm):
            raise SystemExit(
                f"Step {step + 1} came to no finite loss or gradient. {out} keeps what was saved before; begin another "
                "folder with lower --lr-new and --lr-stem."
            )
        optimiser.step()
        step += 1
        if rank:
            continue
        average(ema, encoder, min(config.ema, (1 + step) / (10 + step)))
        losses.append(loss.item())
        timed += 1
        if step % 25 == 0:
            rate = timed * 2 * apart / (time.time() - clock)
            print(f"step {step}  loss {np.mean(losses[-timed:]):.4f}  {rate:.1f} images/s", flush=True)
            clock, timed = time.time(), 0
        if step % config.every == 0 or step == steps:
            figures = validate(ema, loader(check, 0, VALIDATED, 32, 0), device)
            row = {"step": step, "images": step * 2 * apart, "loss": round(float(np.mean(losses)), 4), **figures}
            with (out / "log.jsonl").open("a") as log:
                log.write(json.dumps(row) + "\n")
            print(row, flush=True)
            draw_curves(out)
            save(out / "last.pt", encoder=encoder, ema=ema, optimiser=optimiser, step=step)
            clock, timed, losses = time.time(), 0, []


def backward(network: torch.nn.Module, crops: Tensor, where: Tensor, config: TrainConfig) -> Tensor:
    """Loss of a batch of pairs, its gradients added to the weights'."""
    with autocast(str(crops.device)):
        _, logits, masks = network(crops)
    loss = pair_loss(logits.float(), masks.float(), where, config)
    loss.backward()
    return loss.detach()


def resume(path: Path, encoder: Encoder, ema: Encoder, optimiser: torch.optim.Optimizer, device: str) -> int:
    """How many steps were done before; puts all three where they were then."""
    if not path.exists():
        return 0
    kept = torch.load(path, map_location=device, weights_only=True)
    encoder.load_state_dict(kept["encoder"])
    ema.load_state_dict(kept["ema"])
    optimiser.load_state_dict(kept["optimiser"])
    return kept["step"]


def save(path: Path, step: int, **modules) -> None:
    """Write the checkpoint beside the old one, then put it in its place: a kill leaves one or the other."""
    half = path.with_suffix(".part")
    with half.open("wb") as file:  # by itself torch does not say that a disk is full
        torch.save({"step": step, **{name: module.state_dict() for name, module in modules.items()}}, file)
    half.rename(path)


@ends_with_a_sentence()
def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("data/prepared"))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--start", type=Path, help="a folder of published weights to go on from")
    parser.add_argument("--workers", type=int, default=1)
    own = {"stem": {"choices": tuple(FROZEN)}, "depths": {"type": int, "nargs": "+"}, "frozen": {"type": int}}
    for name, value in asdict(TrainConfig()).items():
        kind = own.get(name, {"type": type(value)})
        parser.add_argument(f"--{name.replace('_', '-')}", default=value, **kind)
    given = vars(parser.parse_args(argv))
    run = {key: given.pop(key) for key in ("data", "out", "start", "workers")}
    train(TrainConfig(**{**given, "depths": tuple(given["depths"])}), **run)


if __name__ == "__main__":
    main()
