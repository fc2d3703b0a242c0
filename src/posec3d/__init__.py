"""PoseC3D: recognise human actions from poses, drawn as stacks of heatmaps and read by a 3-D CNN."""

__version__ = "0.1.0"
