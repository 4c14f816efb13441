"""Stage 2: the temporal head, on the encoder's features of pseudo-fake clips.

    python -m training.head --encoder runs/first --out runs/first-head

The clips go through the encoder once; their features are kept in the output folder, so that a head trains in a minute.
First the encoder's last layer is trained anew on these frames, which came through a video encoder as those of a check do,
and kept if it tells clips of unseen sources apart better than before. Then the temporal head is trained, and judged on
those clips beside the plain mean of the frames. The paper's two systems are in `training.recipes`.
"""

import argparse
import copy
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core.crops import CROP_SIZE
from core.device import autocast
from core.model import Encoder, EncoderConfig, Head, HeadConfig, masked_mean, normalise
from training.clips import KINDS, LENGTH, RATE, footage, make_clip, resized
from training.commands import ends_with_a_sentence
from training.going_on import require_run
from training.metrics import auc, cluster_draws, interval
from training.pairs import split
from training.shards import CUT_SHORT, Shards

CHUNK = 50  # clip pairs a file: what a kill can lose
UNSEEN_CLIPS = 2  # seed of the clips that heads are judged on, the same for all


def load_encoder(run: Path) -> Encoder:
    """The averaged encoder of a run of stage 1. Raises DataError where there is none."""
    require_run(run)
    config = json.loads((run / "config.json").read_text())
    encoder = Encoder(EncoderConfig(config["stem"], tuple(config["depths"])))
    encoder.load_state_dict(torch.load(run / "last.pt", map_location="cpu", weights_only=True)["ema"])
    return encoder.eval()


def size_of(run: Path) -> int:
    """Pixels, side of the crops a run of stage 1 was trained on."""
    return json.loads((run / "config.json").read_text()).get("size", CROP_SIZE)


@torch.inference_mode()
def encode(encoder: Encoder, images: np.ndarray, device: str) -> tuple[np.ndarray, np.ndarray]:
    """(N, S, S, 3) uint8 -> features (N, 2048) float16, logits (N,) float32."""
    crops = normalise(torch.from_numpy(images).to(device)).contiguous(memory_format=torch.channels_last)
    with autocast(device):
        features, logits, _ = encoder(crops)
    return features.half().cpu().numpy(), logits.float().cpu().numpy()


def collect(
    encoder: Encoder, size: int, shards: Shards, indices: np.ndarray, name: str, count: int, out: Path, seed: int
) -> None:
    """Write the features of `count` clip pairs as name-000.npz, ...; chunks of the same that are there are kept."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    encoder = encoder.to(device, memory_format=torch.channels_last)
    runs, stills = footage(shards, indices)
    origin = origin_of(encoder, size, shards, indices)
    for chunk, path in enumerate(chunks(out, name, count)):
        numbers = range(chunk * CHUNK, min(count, (chunk + 1) * CHUNK))
        if holds(path, origin, len(numbers)):
            continue
        features, logits, kinds, people = [], [], [], []
        for number in numbers:
            clip = make_clip(shards, runs, stills, np.random.default_rng([seed, number]))
            found, scores = encode(encoder, resized(np.concatenate([clip.real, clip.fake]), size), device)
            features.append(found.reshape(2, LENGTH, -1))
            logits.append(scores.reshape(2, LENGTH))
            kinds.append(KINDS.index(clip.kind))
            people.append(clip.person)
        half = path.with_suffix(".part")
        with half.open("wb") as file:
            arrays = {"features": np.stack(features), "logits": np.stack(logits), "kinds": np.array(kinds)}
            np.savez(file, origin=origin, people=np.array(people), **arrays)
        half.rename(path)
        print(f"{name}: {numbers[-1] + 1} of {count} clip pairs", flush=True)


def chunks(out: Path, name: str, count: int) -> list[Path]:
    return [out / f"{name}-{chunk:03d}.npz" for chunk in range(-(-count // CHUNK))]


def origin_of(encoder: Encoder, size: int, shards: Shards, indices: np.ndarray) -> str:
    """What features depend on, in short: the encoder, the size of its crops, the faces and what was drawn of them."""
    ids = [(shards.sources[i].id, shards.sources[i].t_s) for i in indices]
    drawn = {family: sum(map(len, kept.values())) for family, kept in shards.drawings.items()}
    found = sha256(repr((size, ids, drawn)).encode())
    for tensor in encoder.state_dict().values():
        found.update(tensor.cpu().contiguous().numpy().tobytes())
    return found.hexdigest()


def holds(path: Path, origin: str, count: int) -> bool:
    """Whether a chunk is there, of that origin, and holds that many pairs."""
    try:
        with np.load(path) as kept:
            return str(kept["origin"]) == origin and len(kept["people"]) >= count
    except (OSError, KeyError, *CUT_SHORT):  # missing, cut short, or of an earlier version
        return False


def read(out: Path, name: str, count: int) -> tuple[Tensor, Tensor, np.ndarray, np.ndarray]:
    """features (N, 2, T, D) float32, logits (N, 2, T) float32, kinds (N,), people (N,): real and fake along the second axis."""
    parts = [np.load(path) for path in chunks(out, name, count)]
    features, logits, kinds, people = (
        np.concatenate([p[key] for p in parts])[:count] for key in ("features", "logits", "kinds", "people")
    )
    return torch.from_numpy(features).float(), torch.from_numpy(logits).float(), kinds, people


def batches(count: int, size: int, epochs: int, seed: int) -> Iterator[Tensor]:
    random = torch.Generator().manual_seed(seed)
    for _ in range(epochs):
        yield from torch.randperm(count, generator=random).split(size)


def fit(head: Head, features: Tensor, logits: Tensor, epochs: int, seed: int = 0) -> None:
    """Train on windows, real and fake of a pair together; frames are dropped at random, as detection drops them."""
    optimiser = torch.optim.AdamW(head.parameters(), lr=5e-4, weight_decay=0.05)
    random = torch.Generator().manual_seed(seed)
    times = torch.arange(LENGTH) / RATE
    head.train()
    for chosen in batches(len(features), 32, epochs, seed):
        x, z = features[chosen].flatten(0, 1), logits[chosen].flatten(0, 1)
        drop = torch.rand((), generator=random) * 0.3
        mask = torch.rand(z.shape, generator=random) >= drop
        mask[:, 0] = True
        judged = head(x, z, mask, times.expand(len(z), -1))
        labels = torch.tensor([0.0, 1.0]).repeat(len(chosen))
        loss = F.binary_cross_entropy_with_logits(judged, labels)
        if head.config.kind == "residual-lstm":  # a correction should be small unless it pays
            loss = loss + 0.01 * (judged - masked_mean(z, mask)).square().mean()
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(head.parameters(), 1.0)
        optimiser.step()
    head.eval()


def probe(classify: nn.Linear, features: Tensor) -> None:
    """Train the last layer anew on the frames of encoded clips, (N, 2, T, D) of reals and fakes: a logistic regression."""
    from sklearn.linear_model import LogisticRegression

    pairs, _, length, width = features.shape
    rows = features.reshape(-1, width).numpy()
    mean, scale = rows.mean(0), rows.std(0) + 1e-3
    labels = np.tile(np.repeat([0, 1], length), pairs)
    found = LogisticRegression(C=1e-3, max_iter=200).fit((rows - mean) / scale, labels)
    weight = found.coef_[0] / scale
    classify.weight.data.copy_(torch.from_numpy(weight).float().unsqueeze(0))
    classify.bias.data.fill_(float(found.intercept_[0] - weight @ mean))


def refit(classify: nn.Linear, train: Tensor, check: Tensor) -> dict[str, float]:
    """`classify` trained anew on the features `train` where that tells the clips of `check` apart better; the figures.

    train, check: (N, 2, T, D); what counts is the mean of the frames, as it is what a check goes by.
    """
    anew = copy.deepcopy(classify)
    probe(anew, train)
    with torch.no_grad():
        before, after = (layer(check).squeeze(3).mean(2).numpy() for layer in (classify, anew))
    figures = {"as_trained": auc(before[:, 0], before[:, 1]), "refitted": auc(after[:, 0], after[:, 1])}
    if figures["refitted"] > figures["as_trained"]:
        classify.load_state_dict(anew.state_dict())
    return {name: round(value, 4) for name, value in figures.items()}


def clips_of_both(encoder: Encoder, size: int, shards: Shards, clips: int, out: Path) -> tuple[tuple, tuple]:
    """What `read` gives of `clips` pairs to train on, and of a third as many from sources held out."""
    seen, unseen = split(shards.sources)
    judged = max(1, clips // 3)
    collect(encoder, size, shards, seen, "train", clips, out, seed=1)
    collect(encoder, size, shards, unseen, "check", judged, out, seed=UNSEEN_CLIPS)
    return read(out, "train", clips), read(out, "check", judged)


@torch.inference_mode()
def judge(head: Head, features: Tensor, logits: Tensor) -> np.ndarray:
    """(N, 2): a logit per window, real and fake."""
    flat = logits.flatten(0, 1)
    times = (torch.arange(LENGTH) / RATE).expand(len(flat), -1)
    return head(features.flatten(0, 1), flat, torch.ones_like(flat, dtype=torch.bool), times).view(-1, 2).numpy()


def compare(
    head: Head, features: Tensor, logits: Tensor, kinds: np.ndarray, people: np.ndarray
) -> dict[str, float | int]:
    """The head beside the mean of frames, in order and shuffled; the interval of the difference; each kind.

    The interval draws people anew, as pairs of one person hang together: a few held-out clips give most of the pairs.
    """
    mean = logits.mean(2).numpy()
    judged = judge(head, features, logits)
    order = torch.randperm(LENGTH, generator=torch.Generator().manual_seed(0))
    shuffled = judge(head, features[:, :, order], logits[:, :, order])

    def gain(i: np.ndarray) -> float:
        return auc(judged[i, 0], judged[i, 1]) - auc(mean[i, 0], mean[i, 1])

    low, high = interval(gain, cluster_draws(people, 1000))
    figures = {
        "auc_head": auc(judged[:, 0], judged[:, 1]),
        "auc_mean": auc(mean[:, 0], mean[:, 1]),
        "auc_shuffled": auc(shuffled[:, 0], shuffled[:, 1]),
        "gain_low": low,
        "gain_high": high,
        "people": len(set(people)),
    }
    for number, kind in enumerate(KINDS):
        mine = kinds == number
        if mine.any():
            figures[f"{kind}_head"] = auc(judged[:, 0], judged[mine, 1])
            figures[f"{kind}_mean"] = auc(mean[:, 0], mean[mine, 1])
    return {key: round(value, 4) for key, value in figures.items()}


def unseen_kind(config: HeadConfig, train: tuple, check: tuple, kind: str, epochs: int) -> dict[str, float]:
    """Train without one kind of clip, judge on that kind alone: an unseen generator."""
    number = KINDS.index(kind)
    keep, mine = train[2] != number, check[2] == number
    torch.manual_seed(0)
    head = Head(config, train[0].shape[-1])
    fit(head, train[0][keep], train[1][keep], epochs)
    return compare(head, *(part[mine] for part in check))


@ends_with_a_sentence()
def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("data/prepared"))
    parser.add_argument("--encoder", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--project", type=int, default=128, help="numbers the features are reduced to; 0: none")
    parser.add_argument("--clips", type=int, default=800, help="pairs to train on; a third as many to judge")
    parser.add_argument("--epochs", type=int, default=12)
    args = parser.parse_args(argv)
    encoder = load_encoder(args.encoder)
    args.out.mkdir(parents=True, exist_ok=True)
    shards = Shards(args.data)
    train, check = clips_of_both(encoder, size_of(args.encoder), shards, args.clips, args.out)
    classify = encoder.cpu().classify
    refitted = refit(classify, train[0], check[0])
    torch.save(classify.state_dict(), args.out / "classify.pt")
    with torch.no_grad():
        train, check = ((x, classify(x).squeeze(3), *rest) for x, _, *rest in (train, check))

    config = replace(HeadConfig.of("residual-lstm"), project=args.project)
    torch.manual_seed(0)
    head = Head(config, train[0].shape[-1])
    fit(head, train[0], train[1], args.epochs)
    figures = {"last layer": refitted, "all": compare(head, *check)}
    for kind in KINDS:
        if (check[2] == KINDS.index(kind)).sum() > 5:
            figures[f"without {kind}"] = unseen_kind(config, train, check, kind, args.epochs)
    torch.save(head.state_dict(), args.out / "residual-lstm.pt")
    (args.out / "config.json").write_text(json.dumps(asdict(config), indent=1) + "\n")
    (args.out / "residual-lstm.json").write_text(json.dumps(figures, indent=1) + "\n")
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
