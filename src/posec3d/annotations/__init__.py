"""What is on disk: reading, writing and checking annotation files."""

from posec3d.annotations.schema import Annotation
from posec3d.annotations.schema import AnnotationSet

__all__ = ["Annotation", "AnnotationSet"]
