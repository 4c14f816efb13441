"""What a network starts from, and what of it is trained how fast."""

import sys

import pytest
from torch import nn

from core.model import Encoder, EncoderConfig
from training.imagenet import start_from_imagenet
from training.train import TrainConfig, frozen_layers, parameter_groups, set_train

RESNEXT = "torchvision ResNeXt50_32X4D_Weights.IMAGENET1K_V2"


def begun(stem, depths, origin):
    """An encoder ready for steps, the names of what is trained slowly and quickly, and the stem's layers that are frozen."""
    config, encoder = TrainConfig(stem=stem, depths=depths), Encoder(EncoderConfig(stem, depths))
    groups = parameter_groups(encoder, config, origin)
    assert [group["base"] for group in groups] == [config.lr_stem, config.lr_new]
    set_train(encoder)
    names = {id(p): name for name, p in encoder.named_parameters()}
    slow, quick = ({names[id(p)] for p in group["params"]} for group in groups)
    still = {name for name, p in encoder.named_parameters() if not p.requires_grad}
    assert not still & (slow | quick) and len(names) == len(still) + len(slow) + len(quick)
    norms = [name for name, module in encoder.named_modules() if isinstance(module, nn.BatchNorm2d)]
    assert {n for n in norms if not encoder.get_submodule(n).training} == {n for n in norms if f"{n}.weight" in still}
    return slow, quick, {name.split(".")[1] for name in still}


@pytest.mark.parametrize(("stem", "depths"), [("conv", (1, 1, 1, 1)), ("lite0", (1, 1)), ("lite0-whole", (1,))])
def test_a_network_of_random_numbers_is_trained_whole_and_quickly(stem, depths):
    slow, quick, frozen = begun(stem, depths, "none")
    assert quick and not slow and not frozen


def test_a_resnext_of_imagenet_keeps_its_first_layers_and_is_quick_in_what_is_new_alone():
    slow, quick, frozen = begun("conv", (1, 1, 1, 1), RESNEXT)
    assert quick == {f"{part}.{kind}" for part in ("classify", "locate") for kind in ("weight", "bias")}
    assert {".".join(name.split(".")[:2]) for name in slow} == {"stem.4", "stem.5", "stage3.0", "stage4.0"}
    assert frozen == {"0", "1"}  # the other two learn nothing


def test_lite0_of_imagenet_keeps_its_first_six_layers_and_is_slow_in_the_others():
    slow, quick, frozen = begun("lite0", (1, 1), "EfficientNet-Lite0")
    assert frozen == {"0", "1", "3", "4", "5"}  # one has nothing to learn
    assert {name.split(".")[1] for name in slow} == {str(number) for number in range(6, 14)}
    assert {name.split(".")[0] for name in quick} == {"stage3", "stage4", "classify", "locate"}


def test_as_many_layers_are_frozen_as_a_run_asks_for():
    assert frozen_layers(TrainConfig(frozen=2), "weights mine") == 2
    assert frozen_layers(TrainConfig(frozen=0), "weights mine") == 0


def test_imagenet_weights_of_a_resnext_are_not_fetched_for_another_one(monkeypatch):
    monkeypatch.setitem(sys.modules, "torchvision.models", None)  # to import it fails
    assert start_from_imagenet(Encoder(EncoderConfig("conv", (1, 1, 1, 1)))) == "none"
