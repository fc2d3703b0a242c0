"""Give a network of Penn Action's 13 joints the 17 of COCO, which videos are looked for: the same answers.

  python -m benchmarks.accuracy.packaged work_dirs/everyday33/last.safetensors src/posec3d/weights/starter.safetensors

The first convolution gets channels for eyes and ears, with weights of zero; the nose takes the place of the head.
"""

import argparse
from dataclasses import replace
from pathlib import Path

from posec3d.checkpoints import read_checkpoint
from posec3d.checkpoints import save_checkpoint
from posec3d.skeletons import get_skeleton
from posec3d.skeletons import spelt_out

_FIRST = "backbone.conv1a.conv.weight"


def main() -> None:
    """Write the other file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("out", type=Path)
    given = parser.parse_args()
    weights, card = read_checkpoint(given.checkpoint)
    assert card is not None
    coco = get_skeleton("coco17")
    place = {spelt_out(name): index for index, name in enumerate(card.heatmaps.skeleton.keypoints)}
    place["nose"] = place["head"]
    first = weights[_FIRST]
    wider = first.new_zeros((first.shape[0], coco.num_keypoints, *first.shape[2:]))
    for index, name in enumerate(coco.keypoints):
        if name in place:
            wider[:, index] = first[:, place[name]]
    card = replace(card, heatmaps=replace(card.heatmaps, skeleton=coco))
    save_checkpoint(given.out, {**weights, _FIRST: wider}, card)


if __name__ == "__main__":
    main()
