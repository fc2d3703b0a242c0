from pathlib import Path

import numpy as np
import pytest
import torch

from posec3d.annotations import load_annotations
from posec3d.checkpoints import load_model
from posec3d.config_files import load_experiment
from posec3d.evaluation.scoring import score_videos
from posec3d.evaluation.scoring import views_loader
from posec3d.experiment import card_of
from posec3d.models.builders import build_posec3d
from posec3d.models.heatmap_convolution import HeatmapConv3d
from posec3d.skeletons import get_skeleton

PUBLISHED = [
    "slowonly_r50_u48_240e_gym_keypoint",
    "slowonly_r50_u48_240e_ntu60_xsub_limb",
    "slowonly_kinetics400_pretrained_r50_u48_120e_hmdb51_split1_keypoint",
]


@pytest.fixture
def two_threads():
    """With a single thread torch takes another convolution for small batches, which rounds in another order.

    The recorded logits reach 194, where one rounding is 1.5e-5 and ten make the tolerance.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(max(2, before))
    yield
    torch.set_num_threads(before)


@pytest.fixture
def plain(monkeypatch):
    """The plain convolution of all layers: the recorded logits are so large that the order of a sum shows in them."""
    monkeypatch.setattr(HeatmapConv3d, "is_sparse", lambda *_: False)


def recorded_volume(seeds):
    """The input of the recorded logits, as the notes beside them define it."""
    values, mask = (torch.rand(2, 17, 48, 56, 56, generator=torch.Generator().manual_seed(int(seed))) for seed in seeds)
    return values * (mask > 0.9)


def test_keypoints_to_logits_is_one_module():
    model = build_posec3d(num_classes=7, base_channels=4, stage_blocks=(1, 1, 1)).eval()
    keypoints, scores = torch.rand(3, 2, 8, 17, 2) * 20, torch.rand(3, 2, 8, 17)

    logits = model(keypoints, scores, (24, 24))

    assert logits.shape == (3, 7)
    torch.testing.assert_close(model.classify(model.heatmaps(keypoints, scores, (24, 24))), logits)


def test_padding_people_changes_nothing():
    model = build_posec3d(
        num_classes=7, limbs=get_skeleton("coco17").limbs, base_channels=4, stage_blocks=(1, 1)
    ).eval()
    keypoints, scores = torch.rand(2, 1, 8, 17, 2) * 20, torch.rand(2, 1, 8, 17)
    padded = torch.cat([keypoints, torch.zeros_like(keypoints)], 1), torch.cat([scores, torch.zeros_like(scores)], 1)

    torch.testing.assert_close(model(*padded, (24, 24)), model(keypoints, scores, (24, 24)), rtol=0, atol=0)


def test_gradients_reach_the_keypoints():
    model = build_posec3d(num_classes=3, base_channels=4, stage_blocks=(1, 1)).eval()
    keypoints = (torch.rand(1, 1, 8, 17, 2) * 20).requires_grad_()
    scores = torch.rand(1, 1, 8, 17).requires_grad_()

    model(keypoints, scores, (24, 24))[0, 1].backward()

    assert keypoints.grad.abs().sum() > 0
    assert scores.grad.abs().sum() > 0


@pytest.mark.parametrize("name", PUBLISHED)
def test_exact_logits_are_those_of_mmaction2_to_its_own_rounding(golden, name):
    model, _ = load_model(golden / f"{name}-random.pth", card_of(load_experiment(Path(f"{name}.py"))))
    with np.load(golden / "networks.npz") as recorded, torch.inference_mode():
        volume = recorded_volume(recorded[f"{name}/input_rand_seed"])[:1]
        rounded = model.classify(volume)
        exact = model.double().classify(volume.double())

        # Of recorded logits up to 56, 194 and 239 the nearest are 2.0e-4 off, the farthest 3.3e-4.
        np.testing.assert_allclose(exact, recorded[f"{name}/logits"][:1], rtol=0, atol=4e-4)
    torch.testing.assert_close(rounded.double(), exact, rtol=0, atol=4e-4)


@pytest.mark.skipif(
    torch.backends.cpu.get_cpu_capability() != "AVX512" or torch.cpu._is_amx_tile_supported(),
    reason="equal to the recorded logits on AMD's AVX-512; others sum in another order: AVX2 is up to 1.8e-4 away, and "
    "Intel's AVX-512 (Emerald Rapids, with AMX) 2.7e-4",
)
@pytest.mark.usefixtures("two_threads", "plain")
@pytest.mark.parametrize("name", PUBLISHED)
def test_logits_equal_those_of_mmaction2(golden, name):
    model, _ = load_model(golden / f"{name}-random.pth", card_of(load_experiment(Path(f"{name}.py"))))
    with np.load(golden / "networks.npz") as recorded, torch.inference_mode():
        logits = model.classify(recorded_volume(recorded[f"{name}/input_rand_seed"]))

        np.testing.assert_allclose(logits, recorded[f"{name}/logits"], rtol=0, atol=1e-4)


@pytest.mark.usefixtures("two_threads", "plain")
def test_logits_of_a_file_of_mmaction2_1_equal_those_it_gives(golden):
    path = golden / "mmaction2-1.2.0-trained-epoch-1.pth"
    model, _ = load_model(path, card_of(load_experiment(Path("slowonly_r50_u48_240e_ntu60_xsub_keypoint.py"))))
    with np.load(path.with_suffix(".npz")) as recorded, torch.inference_mode():
        logits = model.classify(recorded_volume(recorded["input_rand_seed"]))

        np.testing.assert_allclose(logits, recorded["logits"], rtol=0, atol=1e-4)


@pytest.mark.usefixtures("two_threads")
@pytest.mark.parametrize("name", PUBLISHED)
def test_the_compiled_first_layer_changes_logits_by_rounding_only(golden, name, monkeypatch):
    model, _ = load_model(golden / f"{name}-random.pth", card_of(load_experiment(Path(f"{name}.py"))))
    with np.load(golden / "networks.npz") as recorded, torch.inference_mode():
        volume = recorded_volume(recorded[f"{name}/input_rand_seed"])[:1]
    with torch.inference_mode():
        fast = model.classify(volume)
        monkeypatch.setattr(HeatmapConv3d, "is_sparse", lambda *_: False)
        plain = model.classify(volume)

    # 1e-5 of the largest, which is up to 194; they differ in 1e-6.
    assert (fast - plain).abs().max() <= 1e-5 * plain.abs().max()
    assert not torch.equal(fast, plain)


def test_frames_that_clips_share_are_looked_at_once_with_the_same_logits():
    model = build_posec3d(num_classes=7, base_channels=4, stage_blocks=(1, 1, 1)).eval()
    torch.nn.init.normal_(model.cls_head.fc_cls.weight)
    volume = model.heatmaps(torch.rand(1, 2, 5, 17, 2) * 40, torch.rand(1, 2, 5, 17), (40, 40))
    places = torch.tensor([[0, 1, 2, 3], [1, 1, 4, 4], [4, 2, 0, 0]])
    looked_at = []
    model.backbone.layer1.register_forward_pre_hook(lambda _, given: looked_at.append(given[0].shape[2]))

    with torch.inference_mode():
        logits = model.cls_head.fc_cls(model.features_shared(volume, places))
        assert looked_at == [5]
        expected = model.classify(volume[0].transpose(0, 1)[places].transpose(1, 2))

    torch.testing.assert_close(logits, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("temporal_strides", "shared"), [((1, 2, 1), True), ((2, 1, 1), False)])
def test_frames_are_shared_unless_the_first_stage_divides_time(temporal_strides, shared):
    model = build_posec3d(
        num_classes=7, base_channels=4, stage_blocks=(1, 1, 1), temporal_strides=temporal_strides
    ).eval()
    torch.nn.init.normal_(model.cls_head.fc_cls.weight)
    volume = model.heatmaps(torch.rand(1, 2, 5, 17, 2) * 40, torch.rand(1, 2, 5, 17), (40, 40))
    places = torch.tensor([[0, 1, 2, 3], [1, 1, 4, 4], [4, 2, 0, 0]])

    with torch.inference_mode():
        logits = model.cls_head.fc_cls(model.features_shared(volume, places))
        expected = model.classify(volume[0].transpose(0, 1)[places].transpose(1, 2))

    assert model.backbone.sees_frames_singly == shared
    torch.testing.assert_close(logits, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("backbone", "num_stages"), [("slowonly", 3), ("c3d", 4), ("x3d", 3)])
def test_every_stage_needs_a_temporal_stride_if_any_has_one(backbone, num_stages):
    strides = (1,) * (num_stages - 1)

    with pytest.raises(ValueError, match=rf"temporal_strides=.* is not one for each of {num_stages} stages; give"):
        build_posec3d(num_classes=3, backbone=backbone, temporal_strides=strides)
    build_posec3d(num_classes=3, backbone=backbone, temporal_strides=(*strides, 3))


@pytest.mark.parametrize(
    ("name", "num_videos"),
    [
        *((name, 1) for name in PUBLISHED),
        *(pytest.param(name, 10, marks=pytest.mark.slow) for name in PUBLISHED),
    ],
)
def test_scores_of_twenty_views_equal_those_of_mmaction2(golden, name, num_videos):
    card = card_of(load_experiment(Path(f"{name}.py")))
    model, _ = load_model(golden / f"{name}-random.pth", card)
    with np.load(golden / "networks.npz") as recorded:
        order = recorded[f"{name}/test_frame_dirs"].tolist()
        videos = sorted(
            load_annotations(golden / "annotations_list.pkl").annotations, key=lambda video: order.index(video.video)
        )[:num_videos]
        batches = views_loader(card, videos, num_clips=10, mirrored=True)

        scores = score_videos(model, card, batches)

        np.testing.assert_allclose(scores, recorded[f"{name}/test_scores"][:num_videos], rtol=0, atol=1e-4)
