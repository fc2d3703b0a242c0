"""PoseC3D: recognise human actions from poses, drawn as stacks of heatmaps and read by a 3-D CNN."""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from posec3d.annotations import Annotation as Annotation
    from posec3d.annotations import AnnotationSet as AnnotationSet
    from posec3d.annotations import load_annotations as load_annotations
    from posec3d.annotations import save_annotations as save_annotations
    from posec3d.inference.recognizer import ActionRecognizer as ActionRecognizer
    from posec3d.inference.segments import Segment as Segment
    from posec3d.inference.segments import joined as joined
    from posec3d.inference.streaming import StreamingRecognizer as StreamingRecognizer
    from posec3d.people import PeopleInFrame as PeopleInFrame
    from posec3d.people import PosedVideo as PosedVideo
    from posec3d.pose_files import load_pose_file as load_pose_file
    from posec3d.poses import Poses as Poses

__version__ = "0.1.0"

# Imported when first asked for, so that `posec3d --help` need not wait for torch.
_HOME = {
    "ActionRecognizer": "posec3d.inference.recognizer",
    "Annotation": "posec3d.annotations",
    "AnnotationSet": "posec3d.annotations",
    "PeopleInFrame": "posec3d.people",
    "PosedVideo": "posec3d.people",
    "Poses": "posec3d.poses",
    "Segment": "posec3d.inference.segments",
    "StreamingRecognizer": "posec3d.inference.streaming",
    "joined": "posec3d.inference.segments",
    "load_pose_file": "posec3d.pose_files",
    "load_annotations": "posec3d.annotations",
    "save_annotations": "posec3d.annotations",
}

__all__ = [*_HOME, "__version__"]


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'posec3d' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)
