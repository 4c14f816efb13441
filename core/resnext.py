"""The blocks of a ResNeXt (Xie et al. 2017).

Not torchvision's, whose import takes as long as a whole check: it loads PyTorch's compiler. The names are the same, so
that its weights fit.
"""

from torch import Tensor, nn

EXPANSION = 4  # channels out of a block = planes * EXPANSION


class Bottleneck(nn.Module):
    """Narrow, filter in groups, widen; the stride is in the middle. (N, C, H, W) -> (N, 4 planes, H, W / stride)."""

    def __init__(self, inputs: int, planes: int, stride: int, groups: int, width_per_group: int):
        super().__init__()
        width, outputs = planes * width_per_group // 64 * groups, planes * EXPANSION
        self.conv1 = nn.Conv2d(inputs, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, 1, groups=groups, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, outputs, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = None
        if stride != 1 or inputs != outputs:
            shortcut = nn.Conv2d(inputs, outputs, 1, stride, bias=False)
            self.downsample = nn.Sequential(shortcut, nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.relu(self.bn2(self.conv2(y)))
        return self.relu(self.bn3(self.conv3(y)) + (x if self.downsample is None else self.downsample(x)))


def stage(inputs: int, planes: int, depth: int, stride: int, groups: int, width_per_group: int) -> nn.Sequential:
    """`depth` blocks at one size, the first of which shrinks the picture by `stride`."""
    blocks = [Bottleneck(inputs, planes, stride, groups, width_per_group)]
    blocks += [Bottleneck(planes * EXPANSION, planes, 1, groups, width_per_group) for _ in range(depth - 1)]
    return nn.Sequential(*blocks)
