"""The user's face: point a model at a video or at poses and get the action."""

import math
import os
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import replace
from operator import itemgetter
from pathlib import Path
from typing import get_args

import numpy as np
import torch
from jaxtyping import Float

from posec3d.annotations import Annotation
from posec3d.checkpoints import Recognizer
from posec3d.experiment import ModelCard
from posec3d.export.description import Target
from posec3d.export.description import target_of
from posec3d.export.networks import ClipNetwork
from posec3d.inference.agreement import check_together
from posec3d.inference.explanation import Explanation
from posec3d.inference.explanation import check_label
from posec3d.inference.explanation import explain
from posec3d.inference.network_choice import Arithmetic
from posec3d.inference.network_choice import networks_together
from posec3d.inference.reading import posed_by
from posec3d.inference.reading import video_of
from posec3d.inference.scorer import Scorer
from posec3d.inference.segmentation import segmented
from posec3d.inference.segments import Segment
from posec3d.inference.segments import joined
from posec3d.inference.subjects import People
from posec3d.inference.subjects import looked_at
from posec3d.inference.subjects import pairs_of_whole
from posec3d.inference.subjects import spans_of
from posec3d.inference.subjects import subjects_of
from posec3d.inference.windows import MomentAverager
from posec3d.inference.windows import Span
from posec3d.inference.windows import Who
from posec3d.inference.windows import WindowCutter
from posec3d.inference.windows import check_span
from posec3d.mapping import map_people
from posec3d.people import PeopleInFrame
from posec3d.people import PosedVideo
from posec3d.people import end_of
from posec3d.people import nobody_told
from posec3d.people import share_identities
from posec3d.people import without_strange_numbers
from posec3d.poses import Poses
from posec3d.runtime.devices import named_device
from posec3d.runtime.names import place_of
from posec3d.runtime.progress import Progress
from posec3d.video.extraction import annotation_of
from posec3d.video.extraction import scene_of
from posec3d.video.extraction import told_apart
from posec3d.video.pose_estimation import PoseEstimator

# As many windows are scored together.
_WINDOWS_AT_ONCE = 32


class ActionRecognizer:
    """A trained network together with all it takes to run it; or several, whose probabilities are averaged."""

    def __init__(
        self,
        model: Recognizer | ClipNetwork,
        card: ModelCard,
        *,
        others: Sequence[tuple[Recognizer | ClipNetwork, ModelCard]] = (),
        device: str | torch.device = "cpu",
    ) -> None:
        for position, (_, other) in enumerate(others, start=2):
            check_together(card, other, position)
        self.card = card
        self.device = torch.device(device)
        self._scorers = [
            Scorer(one, its_card, self.device, skeleton=card.heatmaps.skeleton)
            for one, its_card in ((model, card), *others)
        ]
        self.classes = tuple(card.class_name(label) for label in range(card.num_classes))

    def __repr__(self) -> str:
        networks = " + ".join(map(repr, self._scorers))
        body = self.card.heatmaps.skeleton
        return f"ActionRecognizer({networks}: {body.name} to {len(self.classes)} classes, on {self.device})"

    @property
    def most_people(self) -> int | None:
        """How many people are looked at together, at most, by the network that looks at fewest; None: at everybody."""
        return min((most for scorer in self._scorers if (most := scorer.card.most_people) is not None), default=None)

    @property
    def model(self) -> Recognizer | ClipNetwork:
        """The network; the first of several."""
        return self._scorers[0].model

    @classmethod
    def load(
        cls,
        model: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | None = None,
        *,
        device: str | torch.device = "cpu",
        runtime: Target | None = None,
        precision: Arithmetic = "fp32",
    ) -> "ActionRecognizer":
        """Take the model of a checkpoint file, a published one by name ("ntu60-keypoint"), or the two of the package.

        A work directory of `posec3d train` stands for its best weights, on coordinates too where it has such.

        Of several models, such as one of keypoints and one of limbs, probabilities are averaged (PoseC3D, section 4.3);
        they must know the same classes, and the first one's skeleton must have the keypoints of the others.

        Published weights are downloaded once. Files of other frameworks do not say how they are run and are refused.
        A file that `posec3d export` wrote runs on its runtime; any other model runs on torch, or is exported for
        `runtime`, once.
        """
        given = [model] if isinstance(model, str | os.PathLike) else model or ()
        for option, value, known in (("runtime", runtime, Target), ("precision", precision, Arithmetic)):
            if value is not None and value not in get_args(known):
                raise ValueError(f"{option}={value!r}: take one of {', '.join(get_args(known))}")
        names = [os.fspath(one) for one in given]
        if not all(names):
            raise ValueError("model='': give a checkpoint, a work directory or a published name, or leave it out")
        exported = runtime in ("onnx", "openvino") or any(target_of(Path(name)) is not None for name in names)
        if precision == "bf16" and not exported:
            raise ValueError("--precision bf16: goes with --runtime openvino; leave it out for torch")
        if not exported:
            device = named_device(device)
        first, *others = networks_together(names, runtime, precision, str(device))
        return cls(*first, others=others, device="cpu" if exported else device)

    def recognize(
        self,
        source: str | os.PathLike[str] | PosedVideo | Annotation | Poses,
        *,
        people: People = "scene",
        window: float | None = None,
        stride: float | None = None,
        shortest: float = 0.0,
        threshold: float = 0.0,
        estimator: PoseEstimator | None = None,
    ) -> list[Segment]:
        """Return what the people of a video do, in order of time.

        `source` is a recorded video, a pose file of one video, or poses at hand. Without `window` there is one answer
        for the whole video: for everybody together ("scene"), for each person, or for every two people who are near
        each other ("pairs"). With a `window` in seconds there is a timeline: answers of windows that overlap, one every
        `stride` (a quarter of the window), averaged for each moment, and equal ones joined; with `shortest`, none lasts
        fewer seconds. Below `threshold` the action is "unsure". `estimator` finds the people; MoveNet without one.

        Raises ValueError and FileNotFoundError for a source that cannot be read, for one in which nobody is found, and
        for poses that lack keypoints of the model's skeleton.
        """
        check_asked(people, threshold)
        if not 0 <= shortest < math.inf:
            raise ValueError(f"shortest={shortest:g}: give seconds, 0 or more")
        for option, seconds in (("stride", stride), ("shortest", shortest)):
            if seconds and window is None:
                raise ValueError(f"{option}={seconds:g}: needs window; without it there is one answer for all of it")
        video = video_of(source, self.card.heatmaps.skeleton, estimator)
        if isinstance(source, Annotation) and people == "scene" and window is None and self._fits(video):
            # As it is stored: the same scores as `posec3d test`, to the last guess.
            return self._answers(video, {None: source}, threshold)
        video = self.fitting(video)
        if window is None:
            return self._whole(video, people, threshold)
        span = Span(window, window / 4 if stride is None else stride)
        check_span(span, video)
        moments = self._moments(video, people, span, threshold)
        return segmented(moments, shortest) if shortest else joined(moments)

    def recognize_all(
        self, videos: Iterable[str | os.PathLike[str] | PosedVideo | Annotation | Poses]
    ) -> Iterator[Segment]:
        """Recognise one video after the other as a whole, everybody together."""
        if isinstance(videos, str | os.PathLike | Annotation | Poses | PosedVideo):
            raise TypeError(f"{type(videos).__name__}: give a list of videos; recognize takes a single one")
        return (self.recognize(video)[0] for video in videos)

    def explain(
        self,
        source: str | os.PathLike[str] | PosedVideo | Annotation | Poses,
        label: int | str | None = None,
        *,
        estimator: PoseEstimator | None = None,
    ) -> Explanation:
        """Tell which keypoints and moments speak for a class, by number or name; the likeliest one without `label`.

        Sources are those of `recognize`. Which class that is, and how likely, is what it answers; of several networks,
        what all say together. What speaks for it tells the one that is surest of it, among those with the keypoints of
        the first.
        """
        if isinstance(label, str):
            label = place_of(label, self.classes, f"the model knows no action {label!r}")
        check_label(label, self.card)
        video = video_of(source, self.card.heatmaps.skeleton, estimator)
        annotation = source if isinstance(source, Annotation) and self._fits(video) else self.judged(video)
        of_each = [scorer.probabilities([annotation], num_clips=None, mirrored=True)[0] for scorer in self._scorers]
        probabilities = np.mean(of_each, axis=0)
        label = int(probabilities.argmax()) if label is None else label
        body = self.card.heatmaps.skeleton.keypoints
        networks = [
            (float(own[label]), scorer.model, scorer.card, repr(scorer))
            for own, scorer in zip(of_each, self._scorers, strict=True)
            if isinstance(scorer.model, Recognizer) and scorer.card.heatmaps.skeleton.keypoints == body
        ]
        if not networks:
            raise ValueError("an exported file only answers and explains nothing; give the checkpoint it was made of")
        _, model, card, network = max(networks, key=itemgetter(0))
        explained = explain(model, card, annotation, label)
        told = network if len(self._scorers) > 1 else ""
        return replace(explained, probability=float(probabilities[label]), network=told)

    def judged(self, video: PosedVideo) -> Annotation:
        """Return the video with the people whom the networks may look at; ValueError if nobody is in it."""
        return annotation_of(self._looked_at(self.fitting(video)))

    def fitting(self, video: PosedVideo) -> PosedVideo:
        """Return the video with identities and with the keypoints of the model's skeleton, without NaN.

        Raises ValueError for one in which nobody is found, and for poses that lack keypoints of the skeleton.
        """
        known = replace(video, frames=[without_strange_numbers(frame) for frame in video.frames])
        followed, skeleton = told_apart(known), self.card.heatmaps.skeleton
        fitted = map_people(followed, skeleton)
        if any((frame.scores > 0).any() for frame in fitted.frames):
            return fitted
        if any((frame.scores > 0).any() for frame in followed.frames):
            raise ValueError(
                f"{video.name}: no keypoint that is seen in it is one of skeleton {skeleton.name!r}: "
                f"{', '.join(skeleton.keypoints)}"
            )
        highest = max((frame.scores.max(initial=0) for frame in known.frames), default=0)
        if highest > 0:
            raise ValueError(
                f"{video.name}: scores of keypoints are {highest:.2g} at most, too low to follow anybody by; give "
                "those of a pose estimator, from 0 to 1"
            )
        raise ValueError(nobody_told(video))

    def probabilities(
        self, videos: Sequence[Annotation], *, num_clips: int | None = None, mirrored: bool = True
    ) -> Float[np.ndarray, "N K"]:
        """Return the probability of each class for each video: the mean over clips, and their mirrors if `mirrored`.

        By default over the views that `posec3d test` scores; the mean over networks, if there are several.

        Raises ValueError for videos without frames, on a canvas that is none, or with other keypoints than the model's.
        """
        own = self.card.heatmaps.skeleton
        videos = [
            video if video.keypoints.shape[2] == own.num_keypoints else self.judged(posed_by(video, own))
            for video in videos
        ]
        for video in videos:
            _check_frames(video)
        of_each = [scorer.probabilities(videos, num_clips=num_clips, mirrored=mirrored) for scorer in self._scorers]
        mean: Float[np.ndarray, "N K"] = np.mean(of_each, axis=0)
        return mean

    def window_probabilities(
        self, frames: Sequence[PeopleInFrame], people: People, canvas: tuple[int, int]
    ) -> dict[Who, Float[np.ndarray, " K"]]:
        """Return the probabilities of one window, by whom they are about: one clip, not mirrored."""
        return self._windows_probabilities([frames], people, canvas)[0]

    def _fits(self, video: PosedVideo) -> bool:
        return video.skeleton == self.card.heatmaps.skeleton and any(frame.num_people for frame in video.frames)

    def _windows_probabilities(
        self, windows: Sequence[Sequence[PeopleInFrame]], people: People, canvas: tuple[int, int]
    ) -> list[dict[Who, Float[np.ndarray, " K"]]]:
        num_keypoints = self.card.heatmaps.skeleton.num_keypoints
        subjects = [subjects_of(frames, people, num_keypoints=num_keypoints, canvas=canvas) for frames in windows]
        judged = [annotation for one in subjects for annotation in one.values()]
        rows = iter(self.probabilities(judged, num_clips=1, mirrored=False))
        return [{who: next(rows) for who in one} for one in subjects]

    def _moments(self, video: PosedVideo, people: People, span: Span, threshold: float) -> list[Segment]:
        cutter = WindowCutter(span)
        windows = [window for frame in video.frames for window in cutter.push(frame)] + cutter.finish()
        averager = MomentAverager(span, video.name, self.classes, threshold)
        segments: list[Segment] = []
        with Progress(len(windows), "window", what=f"recognising {video.name}") as progress:
            for first in range(0, len(windows), _WINDOWS_AT_ONCE):
                batch = windows[first : first + _WINDOWS_AT_ONCE]
                said = self._windows_probabilities([window.frames for window in batch], people, video.canvas)
                for window, probabilities in zip(batch, said, strict=True):
                    segments += averager.push(window, probabilities, end_of(video))
                progress.advance(len(batch))
        return segments + averager.finish(end_of(video))

    def _whole(self, video: PosedVideo, people: People, threshold: float) -> list[Segment]:
        return self._answers(video, self._subjects_of_whole(video, people), threshold)

    def _answers(self, video: PosedVideo, subjects: Mapping[Who, Annotation], threshold: float) -> list[Segment]:
        """Return one segment for each of whom: everybody over all the video, people while they are seen."""
        if not subjects:
            return []
        spans = spans_of(video.frames)
        end = end_of(video)
        times = [*(frame.seconds for frame in video.frames), end]
        rows = self.probabilities(list(subjects.values()))
        segments = []
        for who, probabilities in zip(subjects, rows, strict=True):
            first = max((spans[one][0] for one in who or ()), default=0)
            last = min((spans[one][1] for one in who or ()), default=len(video.frames))
            segments.append(Segment(video.name, times[first], times[last], who, probabilities, self.classes, threshold))
        return segments

    def _looked_at(self, video: PosedVideo) -> PosedVideo:
        return looked_at(video, [scorer.card.most_people for scorer in self._scorers])

    def _subjects_of_whole(self, video: PosedVideo, people: People) -> dict[Who, Annotation]:
        if people == "scene":
            follows = any(scorer.card.follows_people for scorer in self._scorers)
            return {None: annotation_of(self._looked_at(video)) if follows else scene_of(video)}
        num_keypoints = self.card.heatmaps.skeleton.num_keypoints
        if people == "pairs":
            return pairs_of_whole(video.frames, num_keypoints=num_keypoints, canvas=video.canvas)
        found: dict[Who, Annotation] = {}
        for identity, (first, last) in sorted(spans_of(video.frames).items()):
            alone = share_identities(video.frames[first:last], {identity})
            for annotation in subjects_of(alone, "each", num_keypoints=num_keypoints, canvas=video.canvas).values():
                found[identity,] = annotation
        return found


def check_asked(people: People, threshold: float) -> None:
    """Raise ValueError for people that nobody can be asked about, and for a probability that is none."""
    if people not in get_args(People):
        raise ValueError(f"people={people!r}: take one of {', '.join(get_args(People))}")
    if not 0 <= threshold <= 1:
        raise ValueError(f"threshold={threshold:g}: a probability lies between 0 and 1")


def _check_frames(video: Annotation) -> None:
    if not video.num_frames:
        raise ValueError(f"video {video.video!r} has no frames; leave it out")
    if len(video.canvas) != 2 or min(video.canvas) < 1:
        raise ValueError(f"video {video.video!r} is on a canvas {video.canvas}; give (height, width) in pixels")
