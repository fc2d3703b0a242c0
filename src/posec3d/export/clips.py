"""Clips that an export is measured with: of videos at hand, or of made-up people."""

import logging
from collections.abc import Sequence
from dataclasses import replace

from torch import Tensor

from posec3d.annotations import Annotation
from posec3d.clips.dataset import collate
from posec3d.clips.pipeline import scored_views
from posec3d.experiment import ModelCard
from posec3d.mapping import map_keypoints
from posec3d.skeletons import get_skeleton
from posec3d.synthetic import make_annotations

_LOGGER = logging.getLogger(__name__)


def clips_of(videos: Sequence[Annotation], card: ModelCard, limit: int) -> list[tuple[Tensor, Tensor]]:
    """Return keypoints and scores of one test clip a video, each a batch of one, of at most `limit` videos.

    The videos are taken evenly from their whole order, which in most files goes by class.
    """
    chosen = [videos[place * len(videos) // limit] for place in range(limit)] if len(videos) > limit else videos
    clips = card.clips
    views = [
        scored_views(
            video,
            skeleton=card.heatmaps.skeleton,
            length=clips.length,
            num_clips=1,
            most_people=clips.most_people,
            seen_only=clips.crop_to == "seen",
            canvas=clips.test_canvas,
            fit=clips.test_fit,
            mirrored=False,
        )
        for video in chosen
    ]
    batches = [collate([(view, -1)]) for view in views]
    return [(batch.keypoints[0], batch.scores[0]) for batch in batches]


def made_up_videos(card: ModelCard, number: int) -> list[Annotation]:
    """Return videos of made-up people with the skeleton of a card.

    A skeleton that those of COCO cannot stand in for, such as a hand's, gets their first keypoints in turn: good
    enough to compare two runtimes, and for nothing else.
    """
    skeleton, coco = card.heatmaps.skeleton, get_skeleton("coco17")
    videos = []
    for video in make_annotations(number, seed=0).annotations:
        poses = video.poses()
        try:
            keypoints, scores = map_keypoints(poses.keypoints, poses.scores, coco, skeleton)
        except ValueError:
            places = [place % coco.num_keypoints for place in range(skeleton.num_keypoints)]
            keypoints, scores = poses.keypoints[:, :, places], poses.scores[:, :, places]
        videos.append(replace(video, keypoints=keypoints, scores=scores))
    return videos
