"""The sixteen blocks of EfficientNet-Lite0: eleven down to a sixteenth of the size, five more to a half of that.

Here because ImageNet weights of this small net can be had from a package registry where those of a ResNeXt cannot.
Source: Tan and Le 2019 (EfficientNet); the Lite variant has ReLU6 and no squeeze-and-excitation. TensorFlow pads the
strided convolutions on one side only, and the published weights expect that.
"""

from torch import Tensor, nn
from torch.nn import functional as F

# inputs, outputs, kernel, stride, expansion
BLOCKS = (
    (32, 16, 3, 1, 1),
    (16, 24, 3, 2, 6),
    (24, 24, 3, 1, 6),
    (24, 40, 5, 2, 6),
    (40, 40, 5, 1, 6),
    (40, 80, 3, 2, 6),
    (80, 80, 3, 1, 6),
    (80, 80, 3, 1, 6),
    (80, 112, 5, 1, 6),
    (112, 112, 5, 1, 6),
    (112, 112, 5, 1, 6),
    (112, 192, 5, 2, 6),
    (192, 192, 5, 1, 6),
    (192, 192, 5, 1, 6),
    (192, 192, 5, 1, 6),
    (192, 320, 3, 1, 6),
)
IN_STEM = 11  # of them


class SameConv(nn.Conv2d):
    """A convolution padded as TensorFlow's "SAME" pads an even-sized picture."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1):
        super().__init__(inputs, outputs, kernel, stride, 0 if stride == 2 else kernel // 2, groups=groups, bias=False)
        self.before = (kernel - 2) // 2
        self.after = kernel - 2 - self.before

    def forward(self, x: Tensor) -> Tensor:
        if self.stride[0] == 2:
            x = F.pad(x, (self.before, self.after, self.before, self.after))
        return super().forward(x)


def norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01)


class InvertedBottleneck(nn.Module):
    """Expand, filter each channel by itself, project; the shortcut joins the narrow ends."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int):
        super().__init__()
        middle = inputs * expansion
        self.has_shortcut = stride == 1 and inputs == outputs
        expand = [SameConv(inputs, middle, 1), norm(middle), nn.ReLU6()] if expansion > 1 else []
        self.body = nn.Sequential(
            *expand,
            SameConv(middle, middle, kernel, stride, groups=middle),
            norm(middle),
            nn.ReLU6(),
            SameConv(middle, outputs, 1),
            norm(outputs),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x) if self.has_shortcut else self.body(x)


class LiteStem(nn.Sequential):
    """Normalised crops (N, 3, S, S) -> (N, 112, S / 16, S / 16)."""

    channels = BLOCKS[IN_STEM - 1][1]

    def __init__(self):
        first = [SameConv(3, 32, 3, 2), norm(32), nn.ReLU6()]
        super().__init__(*first, *(InvertedBottleneck(*shape) for shape in BLOCKS[:IN_STEM]))


class LiteStage(nn.Sequential):
    """What follows the stem: (N, 112, H, W) -> (N, 320, H / 2, W / 2)."""

    channels = BLOCKS[-1][1]

    def __init__(self):
        super().__init__(*(InvertedBottleneck(*shape) for shape in BLOCKS[IN_STEM:]))
