import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from posec3d.heatmaps import mirror_volume
from posec3d.heatmaps import render_keypoints
from posec3d.heatmaps import render_limbs
from posec3d.skeletons import get_skeleton

COCO = get_skeleton("coco17")


def one_point(x, y, score=1.0):
    return torch.tensor([x, y]).view(1, 1, 1, 1, 2), torch.tensor([score]).view(1, 1, 1, 1)


def two_points(a, b, scores=(1.0, 1.0)):
    return torch.tensor([a, b]).view(1, 1, 1, 2, 2), torch.tensor(scores).view(1, 1, 1, 2)


def random_poses(seed, *, num_clips=2, num_people=3, num_frames=4, low=-10.0, high=70.0):
    generator = torch.Generator().manual_seed(seed)
    shape = (num_clips, num_people, num_frames, 17)
    keypoints = low + (high - low) * torch.rand(*shape, 2, generator=generator)
    return keypoints, torch.rand(shape, generator=generator)


def plain_keypoints(keypoints, scores, size, sigma=0.6, threshold=1e-4):
    """The definition, pixel by pixel (mmaction2 0.24.1, GeneratePoseTarget.generate_a_heatmap)."""
    height, width = size
    num_clips, num_people, num_frames, num_keypoints = scores.shape
    volume = np.zeros((num_clips, num_keypoints, num_frames, height, width))
    for b, m, t, v in np.ndindex(num_clips, num_people, num_frames, num_keypoints):
        (x, y), score = keypoints[b, m, t, v].double().tolist(), float(scores[b, m, t, v])
        if score < threshold:
            continue
        for row in range(max(int(y - 3 * sigma), 0), min(int(y + 3 * sigma) + 1, height)):
            for column in range(max(int(x - 3 * sigma), 0), min(int(x + 3 * sigma) + 1, width)):
                heat = score * np.exp(-((column - x) ** 2 + (row - y) ** 2) / (2 * sigma**2))
                volume[b, v, t, row, column] = max(volume[b, v, t, row, column], heat)
    return volume


@pytest.mark.parametrize("sigma", [0.6, 1.3])
@pytest.mark.parametrize("size", [(56, 56), (30, 62)])
def test_keypoints_equal_the_definition(size, sigma):
    keypoints, scores = random_poses(0)

    volume = render_keypoints(keypoints, scores, size, sigma=sigma)

    np.testing.assert_allclose(volume, plain_keypoints(keypoints, scores, size, sigma), rtol=0, atol=1e-6)


def test_a_keypoint_is_as_high_as_its_score_at_its_place():
    volume = render_keypoints(*one_point(5.0, 3.0, 0.7), (8, 10))

    assert volume.shape == (1, 1, 1, 8, 10)
    assert volume.argmax() == 3 * 10 + 5
    assert volume.max() == pytest.approx(0.7)


def test_a_limb_is_a_ridge_as_high_as_its_lower_score():
    keypoints, scores = two_points((2.0, 4.0), (9.0, 4.0), (0.9, 0.4))

    volume = render_limbs(keypoints, scores, [(0, 1)], (9, 12))

    np.testing.assert_allclose(volume[0, 0, 0, 4, 2:10], 0.4, rtol=1e-6)
    assert volume[0, 0, 0, 4, 1] < 0.2


def test_a_limb_shorter_than_a_pixel_is_its_first_keypoint():
    keypoints, scores = two_points((4.0, 4.0), (4.5, 4.0), (0.9, 0.4))

    limb = render_limbs(keypoints, scores, [(0, 1)], (9, 9))

    torch.testing.assert_close(limb, render_keypoints(*one_point(4.0, 4.0, 0.9), (9, 9)))


def test_a_limb_needs_both_ends():
    keypoints, scores = two_points((2.0, 4.0), (9.0, 4.0), (0.9, 0.0))

    assert render_limbs(keypoints, scores, [(0, 1)], (9, 12)).sum() == 0


@pytest.mark.parametrize("draw", [render_keypoints, lambda k, s, size: render_limbs(k, s, COCO.limbs, size)])
def test_missing_and_unreal_keypoints_draw_nothing(draw):
    keypoints, scores = random_poses(1, low=5, high=50)
    scores[:] = 0
    keypoints[0], scores[0] = float("nan"), 1
    keypoints[1, 0, 0], scores[1, 0, 0] = float("inf"), 1
    scores[1, 1, 1] = float("nan")

    assert draw(keypoints, scores, (56, 56)).abs().sum() == 0


@pytest.mark.parametrize(
    ("score", "drawn"),
    [
        (1.0001e-4, True),
        (np.float32(1e-4), False),
        (np.nextafter(np.float32(1e-4), np.float32(1)), True),
        (9e-5, False),
    ],
)
def test_the_threshold_is_compared_as_in_float64(score, drawn):
    # float32(1e-4) is a little less than 1e-4, so the reference leaves it out.
    assert bool(render_keypoints(*one_point(4.0, 4.0, float(score)), (8, 8)).any()) == drawn


def test_the_threshold_is_an_argument():
    assert render_keypoints(*one_point(4.0, 4.0, 5e-4), (8, 8), threshold=1e-3).sum() == 0


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(["keypoint", "limb"]))
def test_people_merge_by_maximum_in_any_order_and_number(seed, kind):
    keypoints, scores = random_poses(seed, num_clips=1)

    def draw(people):
        if kind == "keypoint":
            return render_keypoints(keypoints[:, people], scores[:, people], (56, 56))
        return render_limbs(keypoints[:, people], scores[:, people], COCO.limbs, (56, 56))

    apart = torch.stack([draw([person]) for person in range(3)])
    torch.testing.assert_close(draw([0, 1, 2]), apart.amax(0))
    torch.testing.assert_close(draw([2, 0, 1]), draw([0, 1, 2]))
    assert apart.min() >= 0
    assert apart.max() <= 1


def test_nobody_is_an_empty_volume():
    keypoints, scores = torch.zeros(2, 0, 4, 17, 2), torch.zeros(2, 0, 4, 17)

    assert render_keypoints(keypoints, scores, (8, 8)).shape == (2, 17, 4, 8, 8)
    assert render_limbs(keypoints, scores, COCO.limbs, (8, 8)).sum() == 0


@pytest.mark.parametrize("kind", ["keypoint", "limb"])
def test_gradients_in_coordinates_and_scores_are_right(kind):
    # Away from pixel borders of the windows and from ties, where the maximum has no gradient. float32 inside, so the
    # difference quotient is coarse: 2 % is what a step of 1e-3 allows.
    keypoints = torch.tensor([[3.3, 4.4], [7.7, 5.5]]).view(1, 1, 1, 2, 2).requires_grad_()
    scores = torch.tensor([0.8, 0.6]).view(1, 1, 1, 2).requires_grad_()
    weights = torch.rand(10, 12, generator=torch.Generator().manual_seed(0))

    def value(keypoints, scores):
        if kind == "keypoint":
            return (render_keypoints(keypoints, scores, (10, 12)) * weights).sum()
        return (render_limbs(keypoints, scores, [(0, 1)], (10, 12)) * weights).sum()

    value(keypoints, scores).backward()

    for tensor in (keypoints, scores):
        flat = tensor.detach().clone().view(-1)
        for index in range(len(flat)):
            values = []
            for step in (1e-3, -1e-3):
                moved = flat.clone()
                moved[index] += step
                values.append(
                    value(moved.view_as(tensor), scores.detach())
                    if tensor is keypoints
                    else value(keypoints.detach(), moved.view_as(tensor))
                )
            slope = float(values[0] - values[1]) / 2e-3
            assert float(tensor.grad.view(-1)[index]) == pytest.approx(slope, rel=0.02, abs=2e-3)


def test_a_device_is_not_waited_for_to_draw_keypoints():
    # Tensors without values: what asks for one fails.
    poses = torch.zeros(2, 3, 4, 17, 2, device="meta"), torch.ones(2, 3, 4, 17, device="meta")

    volume = render_keypoints(*poses, (56, 48), dtype=torch.bfloat16)

    assert volume.shape == (2, 17, 4, 56, 48)
    assert volume.dtype == torch.bfloat16


@pytest.mark.parametrize("kind", ["keypoint", "limb"])
def test_what_torch_draws_lies_channels_last_in_the_precision_asked_for(kind):
    keypoints, scores = random_poses(4, low=10, high=40)
    scores.requires_grad_()

    def draw(dtype):
        if kind == "keypoint":
            return render_keypoints(keypoints, scores, (56, 48), dtype=dtype)
        return render_limbs(keypoints, scores, COCO.limbs, (56, 48), dtype=dtype)

    volume = draw(torch.bfloat16)

    assert volume.is_contiguous(memory_format=torch.channels_last_3d)
    torch.testing.assert_close(volume, draw(torch.float32).bfloat16(), rtol=0, atol=0)


def test_half_precision_input_is_drawn_in_full():
    keypoints, scores = random_poses(2, low=10, high=40)

    volume = render_keypoints(keypoints.bfloat16(), scores.bfloat16(), (56, 56))

    torch.testing.assert_close(
        volume, render_keypoints(keypoints.bfloat16().float(), scores.bfloat16().float(), (56, 56))
    )


def test_a_mirrored_volume_is_the_volume_of_the_mirrored_image():
    # x becomes W - 1 - x: one pixel from the mirror of keypoints.
    keypoints, scores = random_poses(3, low=10, high=40)
    mirrored = torch.stack([55 - keypoints[..., 0], keypoints[..., 1]], -1)[:, :, :, list(COCO.mirrored_keypoints)]

    drawn = render_keypoints(mirrored, scores[..., list(COCO.mirrored_keypoints)], (56, 56))
    turned = mirror_volume(render_keypoints(keypoints, scores, (56, 56)), COCO.mirrored_keypoints)

    # Windows are not symmetric: at their edge a value of up to exp(-4.5) stands on one side only.
    torch.testing.assert_close(drawn, turned, rtol=0, atol=0.0112)


def test_volumes_equal_those_of_mmaction2_for_random_points(golden):
    with np.load(golden / "rendering.npz") as recorded:
        for case in range(4):
            keypoints, scores = (torch.from_numpy(recorded[f"{case}/{name}"])[None] for name in ("keypoint", "score"))
            size = tuple(recorded[f"{case}/canvas_hw"].tolist())
            drawn = {
                "keypoint": (render_keypoints(keypoints, scores, size), 1e-6),
                "limb": (render_limbs(keypoints, scores, COCO.limbs, size), 1e-5),
            }
            for kind, (volume, tolerance) in drawn.items():
                expected = recorded[f"{case}/{kind}_heatmaps_TKHW"].transpose(3, 0, 1, 2)
                np.testing.assert_allclose(volume[0], expected, rtol=0, atol=tolerance)


def test_volumes_equal_those_of_mmaction2_for_whole_clips(golden):
    with np.load(golden / "pipeline.npz") as recorded:
        for name in {name.split("/")[0] for name in recorded}:
            keypoints, scores = (
                torch.from_numpy(recorded[f"{name}/val_{part}"])[None] for part in ("keypoint", "score")
            )
            size = tuple(recorded[f"{name}/val_canvas_hw"].tolist())
            drawn = {
                "keypoint": (render_keypoints(keypoints, scores, size)[0], 1e-6),
                "limb": (render_limbs(keypoints, scores, COCO.limbs, size)[0], 1e-5),
            }
            for kind, (volume, tolerance) in drawn.items():
                frames = recorded[f"{name}/val_{kind}_frames_0_17_47"].transpose(3, 0, 1, 2)
                np.testing.assert_allclose(volume[:, [0, 17, 47]], frames, rtol=0, atol=tolerance)
                # The recorded sum runs over channels, frames and columns; 50,000 float32 numbers round at 1e-4.
                total = recorded[f"{name}/val_{kind}_volume_sum_per_channel"]
                np.testing.assert_allclose(volume.sum((0, 1, 3)), total, rtol=1e-5, atol=1e-3)
