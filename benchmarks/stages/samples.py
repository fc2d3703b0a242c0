"""A training sample, and the views of a tested video: from the annotation to the drawn volume, on one core."""

import numpy as np
import torch

from benchmarks import reference
from benchmarks.timing import Row
from benchmarks.timing import compared
from benchmarks.timing import medians
from benchmarks.videos import made_up_video
from posec3d.clips.dataset import collate
from posec3d.clips.pipeline import scored_views
from posec3d.clips.pipeline import train_clip
from posec3d.models.frame_sharing import shared_frames
from posec3d.models.recognizer import HeatmapLayer
from posec3d.poses import Poses
from posec3d.skeletons import get_skeleton

_SKELETON = get_skeleton("coco17")
_CASES = [(kind, num_people) for kind in ("keypoint", "limb") for num_people in (1, 2)]


def measure_samples(rounds: int) -> list[Row]:
    """Time the drawing of one training clip, 48x56x56."""
    torch.set_num_threads(1)
    rows = []
    for kind, num_people in _CASES:
        times = _sample_times(kind, num_people, rounds)
        rows += compared(
            "training sample", _case(kind, num_people), times, reference="reference", asked=dict.fromkeys(_OURS, 60.0)
        )
    return rows


_OURS = ("posec3d float32", "posec3d bfloat16")


def _sample_times(kind: str, num_people: int, rounds: int) -> dict[str, float]:
    video, limbs = made_up_video(num_people), _SKELETON.limbs if kind == "limb" else None
    layer, rng = HeatmapLayer(limbs=limbs), np.random.RandomState()

    def clip() -> Poses:
        rng.seed([0, 1, 2])
        return train_clip(video, rng, skeleton=_SKELETON)

    def ours() -> torch.Tensor:
        batch = collate([([clip()], 0)])
        volume: torch.Tensor = layer(batch.keypoints[:, 0], batch.scores[:, 0], (56, 56))
        return volume

    def in_bfloat16() -> torch.Tensor:
        with torch.autocast("cpu", torch.bfloat16):
            return ours()

    theirs = medians({"reference": lambda: torch.from_numpy(reference.drawn(clip(), limbs)[None])}, rounds=rounds)
    # In training one sample follows the other: so they are timed, not each after the caches have seen another.
    return theirs | medians({_OURS[0]: ours, _OURS[1]: in_bfloat16}, rounds=rounds, calls=50)


def measure_views(rounds: int) -> list[Row]:
    """Time the drawing of ten clips of a video of 90 frames and their mirrors, 48x64x64 each."""
    torch.set_num_threads(1)
    rows = []
    for kind, num_people in _CASES:
        times = _view_times(kind, num_people, max(3, rounds // 3))
        rows += compared(
            "20 views of a video", _case(kind, num_people), times, reference="reference", asked={"posec3d float32": 60}
        )
    return rows


def _view_times(kind: str, num_people: int, rounds: int) -> dict[str, float]:
    video, limbs = made_up_video(num_people), _SKELETON.limbs if kind == "limb" else None
    layer = HeatmapLayer(limbs=limbs)

    def theirs() -> torch.Tensor:
        views = scored_views(video, skeleton=_SKELETON)
        return torch.from_numpy(np.stack([reference.drawn(view, limbs) for view in views]))

    def ours() -> list[torch.Tensor]:
        batch = collate([(scored_views(video, skeleton=_SKELETON), 0)])
        parts = zip(torch.split(batch.keypoints[0], 10), torch.split(batch.scores[0], 10), strict=True)
        shared = [shared_frames(*part) for part in parts]
        return [layer(keypoints, scores, (64, 64)) for keypoints, scores, _ in shared]

    return medians({"reference": theirs, "posec3d float32": ours}, rounds=rounds)


def _case(kind: str, num_people: int) -> str:
    return f"{kind}, {num_people} {'person' if num_people == 1 else 'people'}"
