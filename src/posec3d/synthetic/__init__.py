"""Made-up people in motion, for demos, tests and tutorials: no data set needed."""

from posec3d.synthetic.motions import MOTIONS
from posec3d.synthetic.motions import motion_3d
from posec3d.synthetic.videos import make_annotations

__all__ = ["MOTIONS", "make_annotations", "motion_3d"]
