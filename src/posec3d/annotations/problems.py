"""Every way in which an annotation file can be wrong: how bad that is, and what to do about it."""

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning"]


@dataclass(frozen=True)
class Kind:
    """A kind: an error stops training or makes its result wrong. `subjects` is what its findings are about."""

    severity: Severity
    title: str
    mend: str
    subjects: Literal["video", "split", "class", "file"] = "video"


@dataclass(frozen=True)
class Finding:
    """One problem: its kind (a key of `KINDS`), the video, split or class that has it, and the value that was found."""

    kind: str
    subject: str
    found: str


# In the order in which a report tells them: what hides other problems comes first.
KINDS: dict[str, Kind] = {
    "no_videos": Kind(
        "error", "no videos", "Write at least two classes of videos, as docs/annotations.md shows.", subjects="file"
    ),
    "nobody_anywhere": Kind(
        "error",
        "no video has a visible keypoint",
        "Extract the poses again; scores must be above 0 where a keypoint is seen.",
        subjects="file",
    ),
    "one_class": Kind(
        "error",
        "one class only",
        "Give a second class, such as moments in which nothing happens.",
        subjects="file",
    ),
    "table_of_contents": Kind(
        "error",
        "a table of contents without poses: the keypoints are in other files",
        "Get the keypoint files that belong to it, and put both together: posec3d pack FILE --kpfiles FOLDER.",
    ),
    "not_a_record": Kind(
        "error",
        "not a dictionary",
        "Make each video one dictionary with frame_dir, label, img_shape, total_frames, keypoint, keypoint_score.",
    ),
    "missing_name": Kind("error", "no frame_dir", "Give each video a name of its own: frame_dir='...'."),
    "wrong_name": Kind("error", "frame_dir is not text", "Write the name as text: frame_dir=str(...)."),
    "duplicate_name": Kind(
        "error",
        "several videos with the same frame_dir",
        "Give each video a name of its own: splits and predictions tell videos apart by it.",
    ),
    "missing_keypoint": Kind(
        "error", "no keypoint", "Add keypoint: an array (people, frames, keypoints, 2) in pixels."
    ),
    "wrong_keypoint": Kind(
        "error",
        "keypoint is not an array (people, frames, keypoints, 2)",
        "Stack it to that shape, in pixels; fill frames and people that are absent with zeros.",
    ),
    "three_dimensional": Kind(
        "error",
        "3-D poses",
        "Project them to 2-D image pixels (Kinect: use the colour image coordinates of each joint) and keep (x, y). "
        "If the third value is a score, scale it to 0..1.",
    ),
    "wrong_score": Kind(
        "error",
        "keypoint_score is not an array (people, frames, keypoints)",
        "Give one score for each keypoint, 0 for a missing one, or leave keypoint_score out.",
    ),
    "total_frames": Kind(
        "error",
        "total_frames is not the number of frames of keypoint",
        "Set total_frames = keypoint.shape[1], or mend the order of the axes: people, frames, keypoints, 2.",
    ),
    "missing_size": Kind(
        "error",
        "no img_shape",
        "Add img_shape=(height, width) of the video in pixels; in Python, "
        "load_annotations(file, canvas=(height, width)) gives one size to all videos without.",
    ),
    "wrong_size": Kind(
        "error",
        "img_shape is not (height, width)",
        "Write two whole numbers above 0, in pixels, height first: img_shape=frame.shape[:2].",
    ),
    "swapped_size": Kind(
        "error",
        "img_shape looks like (width, height), or keypoints like (y, x)",
        "Write the height first, and x before y: keypoints leave the image as it is, and fit when one is exchanged.",
    ),
    "missing_label": Kind("error", "no label", "Add label=0..K-1. Only recognising, not training, does without."),
    "wrong_label": Kind("error", "label is not a whole number", "Number the classes 0..K-1 and write label=int(...)."),
    "label_out_of_range": Kind(
        "error",
        "label outside the classes",
        "Labels are 0..K-1: subtract 1 if yours start at 1, or correct the number of classes or the list of names.",
    ),
    "mixed_skeletons": Kind(
        "error",
        "another number of keypoints than most videos",
        "Keep one skeleton to a file: convert these videos or leave them out.",
    ),
    "wrong_skeleton": Kind(
        "error",
        "number of keypoints is not that of the skeleton",
        "Choose the skeleton that the poses were made with, or convert the poses.",
    ),
    "keypoint_names": Kind(
        "error",
        "keypoint_names do not fit the keypoints",
        "Name each keypoint once, in the order of the array, or leave keypoint_names out.",
        "file",
    ),
    "normalised": Kind(
        "error",
        "coordinates run from 0 to 1 or -1 to 1: not pixels",
        "Write pixels: for 0..1, x times the width and y times the height; for -1..1, (x + 1) / 2 times the width.",
    ),
    "empty_split": Kind(
        "error", "split without a video", "List names that are in the file, spelt as its frame_dir.", "split"
    ),
    "overlapping_splits": Kind(
        "error",
        "the same videos in training and evaluation",
        "Take them out of one of the two: accuracy on videos that were trained on says nothing.",
        "split",
    ),
    "unknown_in_split": Kind(
        "warning",
        "split lists videos that are not in the file",
        "They are passed over. If they should be there, compare the spelling with frame_dir.",
        "split",
    ),
    "class_not_trained": Kind(
        "warning",
        "classes without a video in a training split that have some elsewhere",
        "They are never learnt there: move some of their videos into the split.",
        "class",
    ),
    "exchanged_axes": Kind(
        "warning",
        "more people than frames",
        "Write keypoint as (people, frames, keypoints, 2): the first two look exchanged.",
    ),
    "class_without_video": Kind(
        "warning",
        "classes without a video",
        "A class with no video is never learnt: check the number of classes, or number the labels from 0 on, without "
        "gaps.",
        "class",
    ),
    "nobody_seen": Kind(
        "warning",
        "nobody is seen in the whole video",
        "All keypoints are missing, so there is nothing to learn: check the pose estimation, or leave these out.",
    ),
    "not_finite": Kind(
        "warning",
        "values that are not numbers (NaN or infinite)",
        "posec3d takes such keypoints as missing; other programs may not. Write (0, 0) with score 0 instead.",
    ),
    "body_coordinates": Kind(
        "warning",
        "coordinates are a few units large: not pixels",
        "Fine only if meant, as for body-normalised poses; heatmaps are drawn in pixels: scale and shift first.",
    ),
    "outside": Kind(
        "warning",
        "keypoints outside the image: many, or far outside",
        "Check that img_shape is the size of the frames that the poses were found in, and the pose estimation itself.",
    ),
    "score_range": Kind("warning", "scores outside 0..1", "Scale them to 0..1: a heatmap is as high as its score."),
    "zeros_without_scores": Kind(
        "warning",
        "keypoints at (0, 0), and no keypoint_score",
        "posec3d takes them as missing; other programs draw them. Add keypoint_score with 0 for missing keypoints.",
    ),
}


def problem_text(source: str, video: str, kind: str, found: str) -> str:
    """Return the sentence that says of a video what is wrong, and where all such are told."""
    return f"{short_problem_text(source, video, kind, found)} All problems of the file: posec3d check {source}"


def short_problem_text(source: str, video: str, kind: str, found: str) -> str:
    """Return the sentence that says of a video what is wrong with it, and the mend."""
    row = KINDS[kind]
    return f"{source}: video {video!r}: {row.title}: {found}. {row.mend}"
