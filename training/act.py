"""Prepared faces -> the same faces as reenactment networks would draw them, for whole-face pseudo-fakes.

    python -m training.act --data data/prepared

First the networks of training.animator are trained, on what is not held out for validation: on absolute differences,
on differences of ImageNet features, and against a small discriminator of patches. Then every face is drawn four times, twice
by each of two, or once by each of four where it is held out. The weights are moved a little at random, for a trace that is
the same in every face is learned instead of what networks have in common; the frames of a clip all by the same one and from
the same frame. A third of the drawings are restored afterwards, as portraits that were made to speak often are. Goes on where
it was stopped.
data/prepared/animators/*/sheet.png shows source, target and drawing side by side.
"""

import argparse
import copy
import time
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core.device import autocast
from core.model import Encoder, EncoderConfig, normalise
from training import render
from training.animator import HELD_OUT, KINDS, Animator, Discriminator, Views, draw, stack
from training.commands import ends_with_a_sentence
from training.depthwise import quicken
from training.imagenet import start_from_imagenet
from training.pairs import is_held_out, split
from training.shards import Shards
from training.traces import in_light_of, moved
from training.train import average, save
from training.upsamplers import load_upsampler

BATCH = 4
FROM_CLIPS = 0.4  # share of the views
FEATURES = (3, 5, 7)  # layers of the Lite0 stem whose differences count
AGAINST_FROM = 0.3  # share of the steps before the discriminator has a say
SEED = 1
DRAWINGS = 4  # of each face
RESTORED, SHRINK = 0.35, (1.5, 2.8)  # share of them that an upsampler restores, and from how much smaller
# of weights, at most, against their size: what still draws a face
MOVES = {"bottleneck": 0.08, "skip": 0.2, "transposed": 0.08, "patches": 0.08}


class Look(nn.Module):
    """The first layers of Lite0 as ImageNet taught it: what two pictures have in common for the eye."""

    def __init__(self):
        super().__init__()
        encoder = Encoder(EncoderConfig("lite0", (1, 1)))
        start_from_imagenet(encoder)
        quicken(encoder)
        self.layers = nn.ModuleList(list(encoder.stem)[: max(FEATURES) + 1]).eval().requires_grad_(False)

    def forward(self, x: Tensor) -> list[Tensor]:
        """(N, 3, S, S) 0 to 1 -> what each layer of FEATURES makes of it."""
        x, out = normalise(255 * x.permute(0, 2, 3, 1)), []
        for number, layer in enumerate(self.layers):
            x = layer(x)
            if number in FEATURES:
                out.append(x)
        return out


class Rivals:
    """A network, the moving average of its weights, its discriminator and their optimisers: what a step changes."""

    def __init__(self, kind: str, device: str):
        torch.manual_seed(SEED)
        self.net = Animator(kind).to(device, memory_format=torch.channels_last)
        self.mean = copy.deepcopy(self.net)
        self.judge = Discriminator().to(device)
        self.ours = torch.optim.AdamW(self.net.parameters(), 1e-3, (0.8, 0.99))
        self.theirs = torch.optim.AdamW(self.judge.parameters(), 4e-4, (0.5, 0.99))
        self.look, self.device = Look().to(device), device

    def load(self, path: Path) -> int:
        """Go on from a checkpoint; returns its step."""
        kept = torch.load(path, map_location=self.device, weights_only=True)
        step = kept.pop("step")
        for name, state in kept.items():
            getattr(self, name).load_state_dict(state)
        return step

    def save(self, path: Path, step: int) -> None:
        names = ("net", "mean", "judge", "ours", "theirs")
        save(path, step, **{name: getattr(self, name) for name in names})

    def step(self, batch: tuple[Tensor, ...], rate: float, is_judged: bool) -> float:
        """One step with both; the loss."""
        source, target, field, pose, face = (x.to(self.device) for x in batch)
        for group in self.ours.param_groups:
            group["lr"] = rate
        with autocast(self.device):
            drawn = self.net(source, field, pose)
            alike = list(zip(self.look(drawn), self.look(target), strict=True))
        near = ((drawn - target).abs() * (0.3 + face)).mean()
        far = sum((a - b).abs().float().mean() / (b.abs().float().mean() + 1e-3) for a, b in alike)
        loss = 4 * near + 0.4 * far
        if is_judged:
            self._teach(target, drawn.detach())
            with autocast(self.device):
                loss = loss - 0.05 * self.judge(drawn).float().mean()
        self.ours.zero_grad(set_to_none=True)
        loss.backward()
        self.ours.step()
        return loss.item()

    def _teach(self, real: Tensor, drawn: Tensor) -> None:
        """The discriminator's step, by the hinge loss."""
        with autocast(self.device):
            yes, no = self.judge(torch.cat([real, drawn])).float().chunk(2)
        self.theirs.zero_grad(set_to_none=True)
        (F.relu(1 - yes).mean() + F.relu(1 + no).mean()).backward()
        self.theirs.step()


def train(kind: str, shards: Shards, out: Path, steps: int, every: int = 400) -> Animator:
    """Train one kind, or go on; writes last.pt and sheet.png into `out`."""
    out.mkdir(parents=True, exist_ok=True)
    seen, _ = split(shards.sources)
    is_clip = np.array([shards.sources[i].kind == "clip" for i in seen])
    stills, clips, views = seen[~is_clip], seen[is_clip], Views(shards, seen)
    rivals = Rivals(kind, "cuda" if torch.cuda.is_available() else "cpu")
    first = rivals.load(out / "last.pt") if (out / "last.pt").exists() else 0
    clock = time.time()
    for step in range(first, steps):
        rng = np.random.default_rng([SEED, step])
        from_clips = rng.random(BATCH) < (FROM_CLIPS if len(stills) else 1) * (len(clips) > 0)
        numbers = [int(rng.choice(clips if chosen else stills)) for chosen in from_clips]
        rate = 1e-3 * min(1, (step + 1) / 100, 2 * (1 - step / steps) + 0.02)
        loss = rivals.step(stack([views(i, rng) for i in numbers]), rate, step > AGAINST_FROM * steps)
        average(rivals.mean, rivals.net, min(0.995, (1 + step) / (10 + step)))
        if (step + 1) % every == 0 or step + 1 == steps:
            print(f"{kind}: step {step + 1} of {steps}, loss {loss:.3f}, {time.time() - clock:.0f} s", flush=True)
            rivals.save(out / "last.pt", step + 1)
            sheet(rivals.mean, views, seen[:: max(1, len(seen) // 6)][:6], out / "sheet.png")
    return rivals.mean.eval()


def steps_done(data: Path) -> list[int]:
    """How many steps each network was trained for, 0 where it was not."""
    paths = [data / "animators" / kind / "last.pt" for kind in KINDS + HELD_OUT]
    return [torch.load(path, map_location="cpu", weights_only=True)["step"] if path.exists() else 0 for path in paths]


def trained(data: Path) -> list[Animator]:
    """The networks of KINDS as `act` trained them; raises FileNotFoundError where one was not."""
    nets = [Animator(kind) for kind in KINDS]
    for net, kind in zip(nets, KINDS, strict=True):
        kept = torch.load(data / "animators" / kind / "last.pt", map_location="cpu", weights_only=True)
        net.load_state_dict(kept["mean"])
    return [net.eval() for net in nets]


def sheet(net: Animator, views: Views, numbers: np.ndarray, path: Path) -> None:
    """Source, target and drawing of some faces, to look at."""
    rows = []
    for i in numbers:
        view = views(int(i), np.random.default_rng(int(i)))
        rows.append(np.concatenate([view.source, view.target, draw(net, view)], 1))
    cv2.imwrite(str(path), np.concatenate(rows, 0)[:, :, ::-1])


def act(data: Path, steps: int, faces: int | None) -> None:
    """Train what is not trained, then draw the first `faces` of a shuffled order, or all of them, into data/acted.

    Raises FileNotFoundError with the package to install when the upsampler is not there.
    """
    shards = Shards(data)
    if any(done < steps for done in steps_done(data)):
        for stale in (data / "acted").glob("*.npz"):  # by networks that had learned less
            stale.unlink()
    nets = {kind: train(kind, shards, data / "animators" / kind, steps) for kind in KINDS + HELD_OUT}
    views, upsampler = Views(shards, np.arange(len(shards))), load_upsampler("shuffle")

    def one(i: int, drawing: int) -> np.ndarray:
        number = shards.sources[i].number
        among = KINDS + HELD_OUT if is_held_out(shards.sources[i]) else KINDS
        rng, kind = np.random.default_rng([11, number, drawing]), among[(number + drawing) % len(among)]
        net, view = moved(nets[kind], MOVES[kind], rng), views(i, rng)
        drawn = draw(net, view)
        chance = np.random.default_rng([12, number, drawing])  # its own, as frames of a clip may differ in draws above
        if chance.random() < RESTORED:
            restorer = moved(upsampler, render.MOVES["shuffle"], chance)
            drawn = render.redraw(drawn, restorer, chance.uniform(*SHRINK))
        (height, width), drawn = shards[i].rgb.shape[:2], in_light_of(drawn, view.target)
        side = max(height, width)
        how = cv2.INTER_AREA if side < len(drawn) else cv2.INTER_CUBIC
        return cv2.resize(drawn, (side, side), interpolation=how)[:height, :width]

    order = np.random.default_rng(11).permutation(len(shards))[:faces]
    for drawing in range(DRAWINGS):
        render.draw_all(data / "acted", order, partial(one, drawing=drawing), f"{drawing}-")


@ends_with_a_sentence()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("data/prepared"))
    parser.add_argument("--steps", type=int, default=8000, help="of four pictures, for each of the networks")
    parser.add_argument("--faces", type=int, help="draw at most so many")
    args = parser.parse_args()
    try:
        act(args.data, args.steps, args.faces)
    except FileNotFoundError as missing:
        raise SystemExit(str(missing)) from missing


if __name__ == "__main__":
    main()
