"""The encoder as a processor likes it: the same function with fewer passes over memory.

`fused` folds every batch norm into the convolution before it. `compiled` hands that to OpenVINO where it is installed,
which also joins the activations to the convolutions and, in bf16, keeps all that lies between two of them in bf16.
"""

import os
import sys
from collections.abc import Callable
from copy import deepcopy
from functools import cache
from importlib.util import find_spec
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from core.model import IMAGENET_MEAN, IMAGENET_STD, Encoder
from core.resnext import Bottleneck
from core.settings import is_on
from core.stem import InvertedBottleneck, SameConv

if TYPE_CHECKING:
    from openvino import Core, Model

PASS = 8  # crops at a time on a processor: no slower than more, and the wide first layers take little memory

Encode = Callable[[np.ndarray], tuple[Tensor, Tensor]]  # crops (N, S, S, 3) uint8 -> features (N, 2048), logits (N,)


def fused(encoder: Encoder) -> Encoder:
    """A copy, for inference alone, in which batch norms are part of the convolutions; the encoder must be in eval mode.

    Children are looked at in the order in which they were made, which is the order of use wherever a norm follows a
    convolution.
    """
    encoder = deepcopy(encoder)
    for module in list(encoder.modules()):
        for (name, conv), (next_name, norm) in pairwise(module.named_children()):
            if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                setattr(module, name, fuse_conv_bn_eval(conv, norm))
                setattr(module, next_name, nn.Identity())
        if isinstance(module, nn.ReLU | nn.ReLU6):
            module.inplace = True  # what comes before is a convolution or a sum, which nobody else reads
    return encoder


def has_openvino() -> bool:
    """Whether the quicker back end is there, and not switched off by UNMASK_OPENVINO=0."""
    return is_on(os.environ, "UNMASK_OPENVINO", True) and find_spec("openvino") is not None


@cache
def runtime() -> "Core":
    """OpenVINO, once for the life of a process.

    It gives the thread that begins it a stack for signals, and takes the stack away at its end: where another thread ended
    it, the next Ctrl-C would find none and crash the process.
    """
    sys.modules.setdefault("openvino_telemetry", None)  # else the import itself reports to a web service
    import openvino

    return openvino.Core()


def compiled(encoder: Encoder, size: int, precision: str) -> Encode:
    """The encoder in OpenVINO on as many threads as torch may use; float32 in and out, safe to call from several threads.

    size: pixels, side of a crop. precision: "fp32" or "bf16".
    """
    options = {"INFERENCE_NUM_THREADS": torch.get_num_threads()}
    hints = ("f32", {"fp32": "f32", "bf16": "bf16"}[precision])
    core, parts = runtime(), []
    for graph, hint in zip(graphs(fused(encoder), size), hints, strict=True):
        parts.append(core.compile_model(graph, "CPU", {**options, "INFERENCE_PRECISION_HINT": hint}))

    def encode(crops: np.ndarray) -> tuple[Tensor, Tensor]:
        first, rest = (part.create_infer_request() for part in parts)
        found = []
        for start in range(0, len(crops), PASS):
            first.infer([crops[start : start + PASS]], share_outputs=True)
            rest.set_input_tensor(first.get_output_tensor())
            found.append([torch.from_numpy(numbers) for numbers in rest.infer().values()])
        features, logits = (torch.cat(numbers) for numbers in zip(*found, strict=True))
        if len(features) != len(crops):  # where memory is short it says nothing and gives fewer
            raise MemoryError(f"{len(features)} of {len(crops)} crops were encoded")
        return features, logits

    return encode


def graphs(encoder: Encoder, size: int) -> tuple["Model", "Model"]:
    """A fused encoder as OpenVINO's operations: what computes in float32, and all the rest.

    Two graphs, as OpenVINO has one precision for the whole of each. Written out by hand, as tracing and converting take
    1.6 s at each start and this a tenth of it.
    """
    from openvino import Model
    from openvino import opset13 as ops

    crops = ops.parameter([-1, size, size, 3], np.uint8)
    mean, deviation = (255 * np.float32(v).reshape(1, 3, 1, 1) for v in (IMAGENET_MEAN, IMAGENET_STD))
    planes = ops.convert(ops.transpose(crops, [0, 3, 1, 2]), "f32")  # in this order, as bytes are the quickest to move
    first, rest = encoder.stem_parts()
    exact = Model([nodes(first, ops.multiply(ops.subtract(planes, mean), 1 / deviation))], [crops])
    handed_on = ops.parameter(exact.output(0).get_partial_shape(), np.float32)
    middle = nodes(nn.Sequential(rest, encoder.stage3), handed_on)
    features = ops.reduce_mean(nodes(encoder.stage4, middle), [2, 3])
    weight, bias = (constant(p) for p in encoder.classify.parameters())
    logits = ops.squeeze(ops.add(ops.matmul(features, weight, False, True), bias), [1])
    return exact, Model([features, logits], [handed_on])


def nodes(module: nn.Module, x):
    """The node that computes `module` of node `x`."""
    from openvino import opset13 as ops

    match module:
        case nn.Identity():
            return x
        case nn.Sequential():
            for child in module:
                x = nodes(child, x)
            return x
        case InvertedBottleneck():
            y = nodes(module.body, x)
            return ops.add(x, y) if module.has_shortcut else y
        case Bottleneck():
            y = x
            for conv in (module.conv1, module.conv2):
                y = ops.relu(nodes(conv, y))
            shortcut = nodes(module.downsample, x) if module.downsample else x
            return ops.relu(ops.add(nodes(module.conv3, y), shortcut))
        case nn.ReLU6():
            return ops.clamp(x, 0, 6)
        case nn.ReLU():
            return ops.relu(x)
        case nn.MaxPool2d():
            k, s, p = ([n, n] for n in (module.kernel_size, module.stride, module.padding))
            return ops.max_pool(x, s, [1, 1], p, p, k).output(0)
        case nn.Conv2d():
            return convolution(module, x)
    raise TypeError(f"no node for {type(module).__name__}")


def convolution(conv: nn.Conv2d, x):
    """A convolution with its bias; a SameConv with a stride pads one side more than the other."""
    from openvino import opset13 as ops

    before = after = list(conv.padding)
    if isinstance(conv, SameConv) and conv.stride[0] == 2:
        before, after = [conv.before] * 2, [conv.after] * 2
    if conv.groups == 1:
        y = ops.convolution(x, constant(conv.weight), list(conv.stride), before, after, [1, 1])
    else:
        weight = constant(conv.weight.unflatten(0, (conv.groups, -1)))
        y = ops.group_convolution(x, weight, list(conv.stride), before, after, [1, 1])
    return ops.add(y, constant(conv.bias.view(1, -1, 1, 1)))


def constant(tensor: Tensor):
    """The node of a parameter; handed over as an array, OpenVINO would take it apart number by number."""
    from openvino.op import Constant

    return Constant(tensor.detach().cpu().numpy())
