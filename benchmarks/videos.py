"""Made-up videos to measure on: people as `posec3d.synthetic` moves them, as many and as long as asked for."""

import numpy as np

from posec3d.annotations import Annotation
from posec3d.synthetic import make_annotations


def made_up_video(num_people: int, num_frames: int = 90, *, seed: int = 0) -> Annotation:
    """Return a video of so many people and frames, of 1080x1920 pixels, stored as released files are."""
    found = [one for one in make_annotations(2 * num_people, seed=seed, max_people=1).annotations][:num_people]
    frames = np.arange(num_frames)
    people = [one.keypoints[0, frames % one.num_frames] / one.canvas[::-1] for one in found]
    scores = [one.scores[0, frames % one.num_frames] for one in found if one.scores is not None]
    places = np.linspace(-0.15, 0.15, num_people) if num_people > 1 else np.zeros(1)
    keypoints = np.stack([person * [0.5, 1.0] + [0.25 + place, 0] for person, place in zip(people, places)])
    keypoints = np.where(np.stack(scores)[..., None] > 0, keypoints * [1920, 1080], 0)
    return Annotation("made up", 0, (1080, 1920), keypoints.astype(np.float16), np.stack(scores).astype(np.float16))
