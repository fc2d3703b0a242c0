"""What is on disk: reading, writing and checking annotation files."""

from posec3d.annotations.annotation import Annotation
from posec3d.annotations.files import load_annotations
from posec3d.annotations.files import save_annotations
from posec3d.annotations.schema import AnnotationSet

__all__ = ["Annotation", "AnnotationSet", "load_annotations", "save_annotations"]
