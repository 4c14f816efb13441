"""A quicker backward pass for the filters of single channels, on a processor.

In bfloat16 PyTorch's gradients of a depthwise convolution of 5 x 5, or of one with a stride, take five to thirty times as
long as in float32 (Lite0's at 224 pixels: 1.2 of 2.2 s a step); forward it is the other way round.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core.stem import SameConv


class _Depthwise(torch.autograd.Function):
    """Forward in the precision that comes, backward in float32."""

    @staticmethod
    def forward(ctx, x: Tensor, weight: Tensor, stride: tuple[int, int], padding: tuple[int, int]) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.shape = (stride, padding)
        return F.conv2d(x, weight, None, stride, padding, 1, len(weight))

    @staticmethod
    def backward(ctx, grad: Tensor):
        (x, weight), (stride, padding) = ctx.saved_tensors, ctx.shape
        wanted = [ctx.needs_input_grad[0], ctx.needs_input_grad[1], False]
        given = (grad.float(), x.float(), weight.float(), None, stride, padding, (1, 1), False, (0, 0), len(weight))
        for_x, for_weight, _ = torch.ops.aten.convolution_backward(*given, wanted)
        return for_x if for_x is None else for_x.to(x.dtype), for_weight, None, None


def quicken(network: nn.Module) -> None:
    """Let the depthwise convolutions of `network` that are slow go backward in float32."""
    for conv in network.modules():
        if isinstance(conv, SameConv) and conv.groups > 1 and (conv.kernel_size[0] > 3 or conv.stride[0] > 1):
            conv._conv_forward = _forward_of(conv)


def _forward_of(conv: SameConv):
    return lambda x, weight, bias: _Depthwise.apply(x, weight, conv.stride, conv.padding)
