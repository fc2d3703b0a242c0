"""What is done with an upload: recognise, draw, and explain any of its answers."""

import os
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
from pydantic import BaseModel
from pydantic import ConfigDict
from pydantic import Field
from pydantic import ValidationError
from pydantic import field_validator

from posec3d.config_files import first_problem
from posec3d.inference.annotated_video import annotate
from posec3d.inference.decisions import write_decision
from posec3d.inference.output import recognized_as_dict
from posec3d.inference.reading import read_people
from posec3d.inference.recognizer import ActionRecognizer
from posec3d.inference.segments import Segment
from posec3d.inference.subjects import People
from posec3d.people import PosedVideo
from posec3d.people import share_identities
from posec3d.serving.jobs import Job
from posec3d.skeletons import get_skeleton
from posec3d.video.extraction_run import failure_told
from posec3d.video.pose_estimation import PoseEstimator
from posec3d.video.sources import is_posed
from posec3d.video.sources import pictures_of

# Kinds of files that hold their pictures themselves. A play list names other files, of this computer or elsewhere,
# whatever it is called, and FFmpeg would open them for whoever sent it.
_CONTAINERS = "mov,matroska,avi,flv,mpeg,mpegts,mpegvideo,asf,ogg,mxf,gif,yuv4mpegpipe"


class Asked(BaseModel):
    """What may be asked about an upload, as fields of a form: the options of `posec3d recognize`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    people: People = "scene"
    window: float | None = Field(None, gt=0)
    stride: float | None = Field(None, gt=0)
    shortest: float = Field(0.0, ge=0, allow_inf_nan=False)
    threshold: float = Field(0.3, ge=0, le=1)
    top: int = Field(5, ge=1)
    skeleton: str | None = None
    canvas: tuple[int, int] | None = None
    fps: float | None = Field(None, gt=0)
    film: bool = False

    @field_validator("canvas", mode="before")
    @classmethod
    def _split(cls, given: object) -> object:
        """Height and width come as two words."""
        words = given.split() if isinstance(given, str) else given
        if isinstance(words, list) and (len(words) != 2 or not all(word.isdecimal() for word in words)):
            raise ValueError("give height and width in pixels as two numbers, such as 1080 1920")
        return words


def asked_by(fields: Mapping[str, str]) -> Asked:
    """Return what a form asks for; fields that are empty count as left out. ValueError for what cannot be."""
    try:
        asked = Asked.model_validate({name: value for name, value in fields.items() if value.strip()})
    except ValidationError as error:
        if error.errors()[0]["type"] == "extra_forbidden":
            raise ValueError(
                f"{error.errors()[0]['loc'][0]}: no such field; there are file, {', '.join(Asked.model_fields)}"
            ) from error
        raise ValueError(first_problem(error)) from error
    if asked.skeleton is not None:
        try:
            get_skeleton(asked.skeleton)
        except KeyError as error:
            raise ValueError(error.args[0]) from error
    for name in ("stride", "shortest"):
        if getattr(asked, name) and asked.window is None:
            raise ValueError(f"{name}: needs window; without windows there is one answer for the whole video")
    return asked


@dataclass(frozen=True)
class Model:
    """What answers: a recogniser, what finds people for it, and the names of its networks."""

    recognizer: ActionRecognizer
    estimator: PoseEstimator
    names: Sequence[str]

    def described(self) -> dict[str, Any]:
        """Return what may be told of it as JSON."""
        return {
            "model": " + ".join(self.names),
            "classes": list(self.recognizer.classes),
            "skeleton": self.recognizer.card.heatmaps.skeleton.name,
            "device": str(self.recognizer.device),
            "most_people": self.recognizer.most_people,
        }


class Recognition(Job):
    """The answers for a file, `upload` in a folder below that of the job; and a film with them drawn in, if asked."""

    def __init__(self, folder: Path, upload: Path, asked: Asked, model: Model) -> None:
        super().__init__(folder)
        self.upload = upload
        self.asked = asked
        self.model = model
        self.video: PosedVideo | None = None
        self.segments: Sequence[Segment] = ()

    def work(self) -> None:
        """Find the people, name what they do, draw it."""
        asked = self.asked
        video = self.model.recognizer.fitting(self._people())
        segments = self.model.recognizer.recognize(
            video,
            people=asked.people,
            window=asked.window,
            stride=asked.stride,
            shortest=asked.shortest,
            threshold=asked.threshold,
        )
        self.video, self.segments = video, segments
        told = recognized_as_dict(self.upload.name, video, segments, top=asked.top)
        self.answer = {"model": " + ".join(self.model.names), **told}
        if asked.film:
            film = self.folder / "film.mp4"
            annotate(film, self.upload, video, segments, top=asked.top)
            self.files["film"] = film

    def failure(self, error: Exception) -> str:
        """Name the file as whoever sent it does."""
        return failure_told(Path(self.upload.name), error).replace(f"{self.upload.parent}{os.sep}", "")

    def _people(self) -> PosedVideo:
        asked, posed = self.asked, is_posed(self.upload)
        for name in ("skeleton", "canvas"):
            if getattr(asked, name) is not None and not posed:
                raise ValueError(f"{name} is for pose files; leave it out")
        if asked.fps is not None and not posed:
            raise ValueError("fps is for pose files; videos say theirs; leave it out")
        if not posed and pictures_of(self.upload) is None and self.upload.stat().st_size:
            _refuse_play_lists(self.upload)
        skeleton = None if asked.skeleton is None else get_skeleton(asked.skeleton)
        videos = read_people(
            self.upload,
            None if posed else self.model.estimator,
            skeleton=skeleton,
            canvas=asked.canvas,
            frames_per_second=asked.fps,
        )
        if len(videos) != 1:
            raise ValueError(f"{self.upload}: holds {len(videos)} videos; send one at a time")
        return videos[0]


class Decision(Job):
    """A film of what spoke for one answer of a recognition that is done."""

    def __init__(self, folder: Path, recognition: Recognition, place: int) -> None:
        super().__init__(folder)
        self._recognition = recognition
        self._place = place

    def work(self) -> None:
        """Draw what spoke for the answer, in its time and its people alone."""
        video, segment = self._recognition.video, self._recognition.segments[self._place]
        assert video is not None
        recognizer = self._recognition.model.recognizer
        stretch, first = stretch_of(video, segment, at_least=self._recognition.asked.window or 0.0)
        source = None if is_posed(self._recognition.upload) else self._recognition.upload
        film = self.folder / "decision.mp4"
        label = int(segment.probabilities.argmax())
        said = write_decision(film, recognizer, stretch, label=label, source=source, first_frame=first)
        self.answer = {"said": said}
        self.files["film"] = film

    def failure(self, error: Exception) -> str:
        """Name the file as whoever sent it does."""
        return self._recognition.failure(error)


def stretch_of(video: PosedVideo, segment: Segment, *, at_least: float = 0.0) -> tuple[PosedVideo, int]:
    """Return the frames of a segment with its people alone, and which frame of the video is their first.

    Of a segment shorter than `at_least` seconds, such as the window, so much around it is taken: networks saw that.
    """
    start, end = segment.start_seconds, segment.end_seconds
    missing = max(0.0, at_least - (end - start)) / 2
    start, end = start - missing, end + missing
    inside = [place for place, frame in enumerate(video.frames) if start - 1e-6 <= frame.seconds < end - 1e-6]
    frames = video.frames[inside[0] : inside[-1] + 1]
    if segment.people is not None:
        frames = share_identities(frames, set(segment.people))
    return replace(video, frames=frames), inside[0]


def _refuse_play_lists(upload: Path) -> None:
    try:
        av.open(str(upload), "r", options={"format_whitelist": _CONTAINERS}, metadata_errors="replace").close()
    except av.FFmpegError as error:
        raise ValueError(
            f"{upload.name}: not a video of a kind that is taken here; send an .mp4, .mov, .mkv, .webm or .avi, "
            f"or a pose file ({error.strerror})"
        ) from error
