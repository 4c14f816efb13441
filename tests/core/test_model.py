from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from core.model import EXACT, DeepfakeModel, Encoder, EncoderConfig, Head, HeadConfig, ModelConfig, normalise
from core.resnext import stage

TINY = EncoderConfig(stem="lite0", depths=(1, 1))
LEARNED = ["score-lstm", "feature-lstm", "residual-lstm"]
D = 16  # features of the heads under test
T = 8


def small_head(kind):
    torch.manual_seed(0)
    layers = HeadConfig.of(kind).layers
    return Head(HeadConfig(kind, hidden=12, layers=layers), D).eval()


def awake(head):
    """A residual head starts at zero; move it as training would."""
    if head.config.kind == "residual-lstm":
        nn.init.normal_(head.out.weight, std=0.5)
    return head


def windows(batch=4, length=T, seed=1):
    g = torch.Generator().manual_seed(seed)
    features, logits = torch.randn(batch, length, D, generator=g), torch.randn(batch, length, generator=g)
    return features, logits, torch.ones(batch, length, dtype=torch.bool), (torch.arange(length) / 8).expand(batch, -1)


def rising_and_falling(batch, seed):
    """Windows that differ in the order of their frames alone: the manipulated ones rise."""
    features, logits, mask, times = windows(batch, seed=seed)
    label = torch.arange(batch) % 2
    logits = logits.sort(dim=1).values
    logits = torch.where(label.unsqueeze(1) == 1, logits, logits.flip(1))
    features = features * 0.1
    features[:, :, 0] = logits
    return (features, logits, mask, times), label.float()


@pytest.mark.slow
@pytest.mark.parametrize("kind", LEARNED)
def test_a_trained_head_sees_the_order_of_the_frames(kind):
    head = small_head(kind)
    optimiser = torch.optim.Adam(head.parameters(), 0.02)
    for step in range(80):
        given, label = rising_and_falling(32, seed=step)
        loss = nn.functional.binary_cross_entropy_with_logits(head(*given), label)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    (features, logits, mask, times), label = rising_and_falling(64, seed=1000)
    order = torch.randperm(T, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        answers = head(features, logits, mask, times)
        shuffled = head(features[:, order], logits[:, order], mask, times)
    assert ((answers > 0) == (label == 1)).float().mean() > 0.9
    assert (answers - shuffled).abs().mean() > 1


def test_the_mean_does_not_see_the_order_of_the_frames():
    features, logits, mask, times = windows()
    head = small_head("mean")
    assert torch.allclose(head(features, logits, mask, times), head(features, logits.flip(1), mask, times), atol=1e-6)


def test_a_head_that_reduces_its_features_begins_as_the_mean_of_frames_and_is_far_smaller():
    config = HeadConfig.of("residual-lstm")
    given = windows()
    reduced = Head(replace(config, project=4), D).eval()
    assert torch.allclose(reduced(*given), given[1].mean(dim=1), atol=1e-6)
    nn.init.normal_(reduced.out.weight, std=0.5)
    shuffled = (given[0][:, torch.randperm(T)], *given[1:])
    assert not torch.allclose(reduced(*given), reduced(*shuffled), atol=1e-4)
    count = [sum(p.numel() for p in Head(replace(config, project=n), 2048).parameters()) for n in (0, 128)]
    assert count[1] < count[0] / 3


@pytest.mark.slow
def test_a_configuration_from_before_the_projection_builds_the_same_head():
    given = ModelConfig(TINY).to_json()
    del given["head"]["project"]
    assert ModelConfig.from_json(given) == ModelConfig(TINY)
    assert not any(name.startswith("head.reduce") for name in DeepfakeModel(ModelConfig.from_json(given)).state_dict())


@pytest.mark.parametrize("kind", LEARNED)
def test_nothing_leaks_from_one_window_of_a_batch_to_another(kind):
    head, given = awake(small_head(kind)), windows()
    before = head(*given)
    changed = [tensor.clone() for tensor in given]
    changed[0][2] += 5
    changed[1][2] -= 3
    changed[2][2, 3:] = False
    after = head(*changed)
    others = [0, 1, 3]
    assert torch.equal(before[others], after[others])
    assert not torch.isclose(before[2], after[2], atol=1e-3)


@pytest.mark.parametrize("kind", ["mean", *LEARNED])
def test_a_window_alone_gets_the_answer_it_gets_in_a_batch(kind):
    head, given = awake(small_head(kind)), windows()
    together = head(*given)
    alone = torch.cat([head(*(tensor[i : i + 1] for tensor in given)) for i in range(4)])
    assert torch.allclose(together, alone, atol=1e-5)


@pytest.mark.parametrize("kind", ["mean", *LEARNED])
def test_padding_behind_a_window_changes_nothing(kind):
    head, (features, logits, mask, times) = awake(small_head(kind)), windows()
    padded = (
        torch.cat([features, torch.full((4, 3, D), 7.0)], dim=1),
        torch.cat([logits, torch.full((4, 3), -9.0)], dim=1),
        torch.cat([mask, torch.zeros(4, 3, dtype=torch.bool)], dim=1),
        torch.cat([times, torch.full((4, 3), 99.0)], dim=1),
    )
    assert torch.allclose(head(features, logits, mask, times), head(*padded), atol=1e-5)


@pytest.mark.parametrize("kind", ["mean", *LEARNED])
def test_what_lies_in_a_masked_frame_changes_nothing(kind):
    head, (features, logits, mask, times) = awake(small_head(kind)), windows()
    mask = mask.clone()
    mask[:, [0, 4]] = False
    other_features, other_logits = features.clone(), logits.clone()
    other_features[:, [0, 4]], other_logits[:, [0, 4]] = 50.0, -50.0
    assert torch.allclose(
        head(features, logits, mask, times), head(other_features, other_logits, mask, times), atol=1e-5
    )


def test_the_heads_of_the_paper_leave_out_frames_without_a_face():
    for kind in ("score-lstm", "feature-lstm"):
        head, (features, logits, mask, times) = small_head(kind), windows()
        mask = mask.clone()
        mask[:, [1, 5]] = False
        kept = [i for i in range(T) if i not in (1, 5)]
        short = head(features[:, kept], logits[:, kept], mask[:, kept], times[:, kept])
        assert torch.allclose(head(features, logits, mask, times), short, atol=1e-5)


def test_the_default_head_knows_how_much_time_a_missing_face_took():
    head, (features, logits, mask, times) = awake(small_head("residual-lstm")), windows()
    assert not torch.allclose(head(features, logits, mask, times), head(features, logits, mask, times * 4), atol=1e-4)


@pytest.mark.parametrize("kind", LEARNED)
def test_every_frame_with_a_face_gets_gradient(kind):
    head, (features, logits, mask, times) = awake(small_head(kind)), windows()
    mask = mask.clone()
    mask[:, 2] = False
    features.requires_grad_()
    logits.requires_grad_()
    head(features, logits, mask, times).sum().backward()
    reached = torch.zeros(4, T)
    for tensor in (features, logits):
        if tensor.grad is not None:
            reached += tensor.grad.abs().reshape(4, T, -1).sum(dim=2)
    assert (reached[mask] > 0).all()
    assert (reached[~mask] == 0).all()


def test_the_default_head_starts_as_the_mean_of_the_frame_logits():
    features, logits, mask, times = windows()
    mask = mask.clone()
    mask[0, 4:] = False
    answers = small_head("residual-lstm")(features, logits, mask, times)
    expected = torch.cat([logits[:1, :4].mean(dim=1), logits[1:].mean(dim=1)])
    assert torch.allclose(answers, expected, atol=1e-6)


def test_the_score_head_has_the_shape_of_the_paper():
    head = Head(HeadConfig.of("score-lstm"), 2048)
    assert (head.lstm.input_size, head.lstm.hidden_size, head.lstm.num_layers) == (1, 256, 2)


def test_the_feature_head_has_the_shape_of_the_paper():
    config = EncoderConfig()
    head = Head(HeadConfig.of("feature-lstm"), config.features)
    assert (head.lstm.input_size, head.lstm.hidden_size, head.lstm.num_layers) == (2048, 2048, 1)
    assert head.dropout.p == 0.4


@pytest.mark.slow
def test_the_encoder_of_the_paper_is_resnext_50_32x4d():
    from torchvision.models import resnext50_32x4d

    with torch.device("meta"):
        ours = DeepfakeModel(ModelConfig()).encoder
        theirs = resnext50_32x4d()
    names = {"conv1": "stem.0", "bn1": "stem.1", "layer1": "stem.4", "layer2": "stem.5"}
    names |= {"layer3": "stage3", "layer4": "stage4"}
    known = {key: tuple(value.shape) for key, value in ours.state_dict().items()}
    for key, value in theirs.state_dict().items():
        part, _, rest = key.partition(".")
        if part != "fc":
            assert known[f"{names[part]}.{rest}"] == tuple(value.shape), key


@pytest.mark.slow
@torch.no_grad()
def test_a_stage_computes_what_torchvisions_does():
    from torchvision.models.resnet import Bottleneck, ResNet

    torch.manual_seed(0)
    theirs = ResNet(Bottleneck, [2, 1, 1, 1], groups=32, width_per_group=4).layer2.eval()
    ours = stage(256, 128, 1, 2, groups=32, width_per_group=4).eval()
    ours.load_state_dict(theirs.state_dict())
    pixels = torch.randn(2, 256, 8, 8)
    assert torch.allclose(ours(pixels), theirs(pixels), atol=1e-5)


@pytest.fixture(scope="module")
def tiny():
    torch.manual_seed(0)
    return DeepfakeModel(ModelConfig(TINY, HeadConfig(hidden=8), size=64)).eval()


@torch.no_grad()
@pytest.mark.parametrize("config", [TINY, EncoderConfig("lite0-whole", (1,))], ids=lambda config: config.stem)
def test_the_encoder_gives_features_a_logit_and_a_map_of_a_sixteenth(config):
    features, logits, where = Encoder(config).eval()(torch.randn(3, 3, 64, 64))
    assert (features.shape, logits.shape, where.shape) == ((3, 2048), (3,), (3, 1, 4, 4))


@torch.no_grad()
def test_the_first_layers_compute_in_float32_and_the_next_in_the_precision_asked_for(tiny):
    seen = {}
    exact = EXACT[tiny.config.encoder.stem]
    for place in (exact - 1, exact):
        layer = tiny.encoder.stem[place].body  # its shortcut may bring float32 along
        layer.register_forward_hook(lambda module, given, made, place=place: seen.update({place: made.dtype}))
    with torch.autocast("cpu", torch.bfloat16):
        tiny.encode(torch.zeros(1, 3, 64, 64))
    assert seen == {exact - 1: torch.float32, exact: torch.bfloat16}


def test_the_size_of_a_batch_changes_no_crops_answer(tiny):
    crops = torch.randn(5, 3, 64, 64)
    together = tiny.encode(crops)
    for part, name in enumerate(("features", "logits", "maps")):
        alone = torch.cat([tiny.encode(crops[i : i + 1])[part] for i in range(5)])
        assert torch.allclose(together[part], alone, atol=1e-4), name


@torch.no_grad()
def test_a_window_of_crops_gives_what_its_two_stages_give(tiny):
    crops = torch.randn(2, 3, 3, 64, 64)
    mask, times = torch.ones(2, 3, dtype=torch.bool), torch.arange(3.0).expand(2, -1)
    features, logits, _ = tiny.encode(crops.flatten(0, 1))
    staged = tiny.judge(features.view(2, 3, -1), logits.view(2, 3), mask, times)
    assert torch.allclose(tiny(crops, mask, times), staged, atol=1e-5)


def test_crops_are_normalised_in_the_order_red_green_blue():
    crops = np.zeros((1, 2, 2, 3), np.uint8)
    crops[..., 0] = 255
    red, green, blue = normalise(crops)[0, :, 0, 0].tolist()
    assert red == pytest.approx((1 - 0.485) / 0.229, abs=1e-5)
    assert green == pytest.approx(-0.456 / 0.224, abs=1e-5)
    assert blue == pytest.approx(-0.406 / 0.225, abs=1e-5)


def test_a_configuration_survives_its_json():
    config = ModelConfig(TINY, HeadConfig.of("score-lstm"), size=128, margin=1.5)
    assert ModelConfig.from_json(config.to_json()) == config


@torch.no_grad()
def test_the_lite_stem_halves_the_picture_four_times():
    from core.stem import LiteStem

    assert LiteStem().eval()(torch.zeros(1, 3, 224, 224)).shape == (1, 112, 14, 14)
