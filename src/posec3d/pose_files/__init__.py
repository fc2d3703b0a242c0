"""Poses that other programs have found, read from their files."""

from posec3d.pose_files.reading import holds_frames
from posec3d.pose_files.reading import is_pose_file
from posec3d.pose_files.reading import load_pose_file

__all__ = ["holds_frames", "is_pose_file", "load_pose_file"]
