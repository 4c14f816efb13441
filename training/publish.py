"""A run -> the files that ship: model.safetensors (fp16), config.json and the model card.

    python -m training.publish --encoder runs/first --head runs/first-head --name unmask-resnext-lstm --version 1 --out core/weights

The encoder's last layer comes from the head's run, where it was trained anew. The temporal head ships only if it was
not worse than the mean of frames on kinds of clips it had not seen; otherwise it stays as it began, adding nothing.
`python -m training.usual --weights core/weights` comes next, which new weights need anew, then `training.calibrate` and the
card; then the finished folder can go to the Hugging Face Hub:

    python -m training.publish --out core/weights --hub owner/name
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import torch

from core.model import DeepfakeModel, HeadConfig, ModelConfig
from core.pretrained import save_weights
from training.commands import ends_with_a_sentence
from training.head import load_encoder, size_of
from training.hub import upload
from training.manifest import DataError

WORST_LOSS = -0.005  # of AUC: what the lower bound of the head's gain may fall to


def head_pays(figures: dict) -> bool:
    """Whether the mean of the lower bounds over unseen kinds stays above WORST_LOSS."""
    unseen = [row["gain_low"] for name, row in figures.items() if name.startswith("without ")]
    return bool(unseen) and sum(unseen) / len(unseen) > WORST_LOSS


def head_config(head_run: Path | None) -> HeadConfig:
    """The shape of the head of a run; earlier runs did not write it down."""
    if head_run and (head_run / "config.json").exists():
        return HeadConfig.from_json(json.loads((head_run / "config.json").read_text()))
    return HeadConfig.of("residual-lstm")


def assemble(encoder_run: Path, head_run: Path | None) -> tuple[DeepfakeModel, bool]:
    """The whole network, and whether its temporal head adds anything. Raises DataError where a run is missing."""
    if head_run and not any((head_run / name).exists() for name in ("classify.pt", "residual-lstm.pt")):
        raise DataError(f"{head_run} is no finished run of training.head; name one that is, or leave --head out.")
    encoder = load_encoder(encoder_run)
    model = DeepfakeModel(ModelConfig(encoder.config, head_config(head_run), size_of(encoder_run)))
    model.encoder = encoder
    if head_run and (head_run / "classify.pt").exists():
        model.encoder.classify.load_state_dict(torch.load(head_run / "classify.pt", weights_only=True))
    pays = False
    if head_run and (head_run / "residual-lstm.pt").exists():
        pays = head_pays(json.loads((head_run / "residual-lstm.json").read_text()))
        if pays:
            model.head.load_state_dict(torch.load(head_run / "residual-lstm.pt", weights_only=True))
    return model.eval(), pays


@ends_with_a_sentence()
def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encoder", type=Path, help="a run of training.train; without it --out stays as it is")
    parser.add_argument("--head", type=Path, help="a run of training.head")
    parser.add_argument("--name", default="unmask-resnext-lstm")
    parser.add_argument("--version")
    parser.add_argument("--out", type=Path, default=Path("core/weights"))
    parser.add_argument("--hub", metavar="OWNER/NAME", help="upload the finished folder")
    args = parser.parse_args(argv)
    if args.hub and args.encoder:
        parser.error("--hub takes a finished folder: calibrate and write the card first, then leave --encoder out")
    if args.hub:
        print(upload(args.out, args.hub))
        return
    if not (args.encoder and args.version):
        parser.error("--encoder and --version are needed")
    model, pays = assemble(args.encoder, args.head)
    info = {"name": args.name, "version": args.version, "trained": True, "head_adds": pays}
    sha256 = save_weights(args.out, model, info)
    size = (args.out / "model.safetensors").stat().st_size / 2**20
    print(f"{args.out}: {size:.1f} MiB, sha256 {sha256}, temporal head {'on' if pays else 'adds nothing'}")


if __name__ == "__main__":
    main()
