"""Who is who over time: the people of each frame get the identities of those in the frames before."""

from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import fields
from dataclasses import replace

import numpy as np
from jaxtyping import Bool
from jaxtyping import Float
from jaxtyping import Float32
from jaxtyping import Int64
from scipy.optimize import linear_sum_assignment

from posec3d.people import UNKNOWN
from posec3d.people import PeopleInFrame
from posec3d.skeletons import Skeleton

# Lengths are in units of a person's size, the square root of the area of their box by 0.53, as OKS measures people
# whose outline is unknown; seconds are seconds. Chosen on made-up scenes, where 2/3 and 3/2 of each do about as well.
# How far apart annotators of COCO put a keypoint: `sigmas` of OKS, cocoeval.py of pycocotools 2.0.
_SPREADS = {
    "nose": 0.026,
    "eye": 0.025,
    "ear": 0.035,
    "shoulder": 0.079,
    "elbow": 0.072,
    "wrist": 0.062,
    "hip": 0.107,
    "knee": 0.087,
    "ankle": 0.089,
}
_OTHER_SPREAD, _CENTRE_SPREAD = 0.08, 1.0
# The centre of the box counts as a keypoint of so little sureness that it decides only where no other is shared.
_CENTRE_SCORE = 0.1
_LIMB_SPEED = 1.0  # of a keypoint, beside the speed of the whole body
_BODY_SPEED = 4.0  # of a body that is seen for the first time
_SPEED_CHANGE = 4.0  # variance that a second adds to the speed of a body
_SPEED_SECONDS = 1.5  # after which a speed has fallen to 1/e
_MOVE_ERROR = 0.1  # with which the move of a body is measured
_SIZE_SHARE = 0.2  # of the size just measured in the size that a person is taken to have
_ANYWHERE = 4.0  # how far away somebody else is
_OUTLIERS = 0.1  # the share of keypoints that are anywhere though the person is right
_SMALLEST_SCORE = 0.05  # keypoints below it say nothing
_SMALLEST_SIZE = 10.0  # pixels
_CUT = 0.2  # agreement (1 at the expected place, 0 far off) that somebody reaches unless the scene is cut


@dataclass(frozen=True)
class _People:
    """N people: V1 points, which are the keypoints and the centre of their box, in pixels, and how they move.

    Points of score 0 were never seen; `unseen_seconds` is how long ago each of the others was. `sizes` are in pixels,
    `speeds` in pixels a second. `uncertainty` is the covariance of a body's place and speed, the same along x and y.
    """

    ids: Int64[np.ndarray, " N"]
    points: Float[np.ndarray, "N V1 2"]
    scores: Float[np.ndarray, "N V1"]
    unseen_seconds: Float[np.ndarray, "N V1"]
    sizes: Float[np.ndarray, " N"]
    speeds: Float[np.ndarray, "N 2"]
    uncertainty: Float[np.ndarray, "N 2 2"]

    @property
    def missed_seconds(self) -> Float[np.ndarray, " N"]:
        """How long ago each person was seen: as long as their centre, which every sight of them shows."""
        return self.unseen_seconds[:, -1]

    def only(self, which: Int64[np.ndarray, " K"] | Bool[np.ndarray, " N"]) -> "_People":
        """Return the people at these places, in this order."""
        return _People(*(getattr(self, field.name)[which] for field in fields(self)))


class PeopleTracker:
    """Gives people their identities, frame after frame of one video, looking only back.

    Everyone is expected to move on at their speed. Who is found where somebody is expected, judged by all keypoints
    that were seen of both, is the same person; who fits nobody is somebody new. Who is not found is expected for
    `longest_gap` seconds more. If two or more people were there and nobody is where they ought to be, the scene was
    cut, and everyone is new.

    Identities are 1, 2, 3 and so on in the order of appearance. They rest on movement alone: people who change places
    while both are hidden are mixed up, and who comes back after a longer gap is somebody new.
    """

    def __init__(self, skeleton: Skeleton, *, longest_gap: float = 1.5) -> None:
        self._spreads = np.array([*(_spread(name) for name in skeleton.keypoints), _CENTRE_SPREAD])
        self._longest_gap = longest_gap
        self._known = _first_seen(
            np.zeros((0, skeleton.num_keypoints, 2), np.float32), np.zeros((0, skeleton.num_keypoints), np.float32)
        )
        self._seconds: float | None = None
        self._num_people = 0

    def update(
        self, keypoints: Float32[np.ndarray, "M V 2"], scores: Float32[np.ndarray, "M V"], seconds: float
    ) -> Int64[np.ndarray, " M"]:
        """Return who the people of the next frame are: each identity once, and UNKNOWN for those of whom nothing shows.

        `seconds` is the time of the frame; the rate may vary, and a time that goes back counts as no time.
        """
        elapsed = 0.0 if self._seconds is None else max(seconds - self._seconds, 0.0)
        self._seconds = seconds
        visible = (scores > _SMALLEST_SCORE).any(axis=1)
        expected, seen = _moved_on(self._known, elapsed), _first_seen(keypoints[visible], scores[visible])
        rows, columns = _same_people(expected, seen, self._known.missed_seconds == 0, self._spreads)

        is_stranger = np.ones(len(seen.ids), bool)
        is_stranger[columns] = False
        is_hidden = expected.missed_seconds <= self._longest_gap
        is_hidden[rows] = False
        identities = np.empty(len(seen.ids), np.int64)
        identities[columns] = expected.ids[rows]
        identities[is_stranger] = self._num_people + 1 + np.arange(is_stranger.sum())
        self._num_people += int(is_stranger.sum())
        seen = replace(seen, ids=identities)
        found = _corrected(expected.only(rows), seen.only(columns))
        self._known = _joined(found, seen.only(is_stranger), expected.only(is_hidden))

        ids = np.full(len(keypoints), UNKNOWN, np.int64)
        ids[visible] = identities
        return ids


def identify(frames: Sequence[PeopleInFrame], skeleton: Skeleton) -> list[PeopleInFrame]:
    """Return the frames of one video with identities by a PeopleTracker, whatever they had before.

    People of whom nothing shows are left out.
    """
    tracker = PeopleTracker(skeleton)
    identified = []
    for frame in frames:
        ids = tracker.update(frame.keypoints, frame.scores, frame.seconds)
        shown = ids != UNKNOWN
        identified.append(PeopleInFrame(frame.seconds, frame.keypoints[shown], frame.scores[shown], ids[shown]))
    return identified


def _spread(keypoint: str) -> float:
    """Return the spread of a keypoint by the first word of its name that has one."""
    return next((_SPREADS[word] for word in keypoint.split("_") if word in _SPREADS), _OTHER_SPREAD)


def _first_seen(keypoints: Float32[np.ndarray, "M V 2"], scores: Float32[np.ndarray, "M V"]) -> _People:
    """Return people as they are known from one sight of them, as yet UNKNOWN."""
    num_people = len(keypoints)
    seen = scores > _SMALLEST_SCORE
    low = np.where(seen[..., None], keypoints, np.inf).min(axis=1)
    high = np.where(seen[..., None], keypoints, -np.inf).max(axis=1)
    centres = ((low + high) / 2)[:, None]
    box = (high - low).astype(np.float64)
    # Keypoints in a row have no area, and one alone not even a length.
    sizes = np.maximum(np.sqrt(0.53 * box.prod(axis=1)), np.maximum(0.2 * np.hypot(*box.T), _SMALLEST_SIZE))
    return _People(
        ids=np.full(num_people, UNKNOWN, np.int64),
        points=np.concatenate([np.where(seen[..., None], keypoints, centres), centres], axis=1).astype(np.float64),
        scores=np.pad(np.where(seen, scores, 0), ((0, 0), (0, 1)), constant_values=_CENTRE_SCORE).astype(np.float64),
        unseen_seconds=np.zeros((num_people, scores.shape[1] + 1)),
        sizes=sizes,
        speeds=np.zeros((num_people, 2)),
        uncertainty=np.tile(np.diag([0, _BODY_SPEED**2]), (num_people, 1, 1)),
    )


def _moved_on(people: _People, seconds: float) -> _People:
    """Return where people are expected after this time: further on at their speed, which falls off."""
    left = np.exp(-seconds / _SPEED_SECONDS)
    path = _SPEED_SECONDS * (1 - left)  # at a speed of 1
    step = np.array([[1, path], [0, left]])
    change = _SPEED_CHANGE * np.array([[seconds**3 / 3, seconds**2 / 2], [seconds**2 / 2, seconds]])
    return replace(
        people,
        points=people.points + (people.speeds * path)[:, None],
        unseen_seconds=people.unseen_seconds + seconds,
        speeds=people.speeds * left,
        uncertainty=step @ people.uncertainty @ step.T + change,
    )


def _same_people(
    expected: _People, seen: _People, just_seen: Bool[np.ndarray, " N"], spreads: Float[np.ndarray, " V1"]
) -> tuple[Int64[np.ndarray, " K"], Int64[np.ndarray, " K"]]:
    """Return who is who, as places among those expected and those seen; nobody if the scene was cut."""
    shared = np.minimum(expected.scores[:, None], seen.scores)
    distances = ((expected.points[:, None] - seen.points) ** 2).sum(axis=-1) / expected.sizes[:, None, None] ** 2
    of_body = np.minimum(expected.uncertainty[:, 0, 0, None], (_ANYWHERE / 2) ** 2)  # nobody goes one way for long
    variances = (spreads**2 + of_body + (_LIMB_SPEED * expected.unseen_seconds) ** 2)[:, None]
    # How much likelier each keypoint is where it is seen if this is the person than if it is somebody else.
    elsewhere = -distances / 2 / _ANYWHERE**2 - np.log(_ANYWHERE**2)
    here = -distances / 2 / variances - np.log(variances)
    ratio = np.logaddexp(np.log(1 - _OUTLIERS) + here, np.log(_OUTLIERS) + elsewhere) - elsewhere
    evidence = (shared * ratio).sum(axis=-1)
    rows, columns = linear_sum_assignment(np.maximum(evidence, 0), maximize=True)
    same = evidence[rows, columns] > 0
    rows, columns = rows[same], columns[same]

    agreement = (shared * np.exp(-distances / 2 / variances)).sum(axis=-1) / shared.sum(axis=-1)
    in_place = just_seen[rows] & (agreement[rows, columns] > _CUT)
    is_cut = just_seen.sum() > 1 and len(seen.ids) > 1 and not in_place.any()
    return (rows[:0], columns[:0]) if is_cut else (rows, columns)


def _corrected(expected: _People, seen: _People) -> _People:
    """Return people, one and the same in each row, as they are after they were seen: a Kalman filter of their place."""
    offsets = seen.points - expected.points
    weights = np.minimum(expected.scores, seen.scores)
    move = (weights[..., None] * offsets).sum(axis=1) / weights.sum(axis=1, keepdims=True)
    uncertain = expected.uncertainty
    gain = uncertain[:, 0] / (uncertain[:, 0, :1] + _MOVE_ERROR**2)  # of place and of speed
    shows = seen.scores > 0
    return _People(
        ids=seen.ids,
        points=np.where(shows[..., None], seen.points, expected.points + (gain[:, :1] * move)[:, None]),
        scores=np.where(shows, seen.scores, expected.scores),
        unseen_seconds=np.where(shows, 0.0, expected.unseen_seconds),
        sizes=expected.sizes * (seen.sizes / expected.sizes) ** _SIZE_SHARE,
        speeds=expected.speeds + gain[:, 1:] * move,
        uncertainty=uncertain - gain[:, :, None] * uncertain[:, :1],
    )


def _joined(*groups: _People) -> _People:
    return _People(*(np.concatenate([getattr(group, field.name) for group in groups]) for field in fields(_People)))
