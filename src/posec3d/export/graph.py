"""What is exported: keypoints and scores in, the drawing and the network inside, probabilities and logits out."""

import copy
import logging
from functools import partial

import torch
from jaxtyping import Bool
from jaxtyping import Float
from jaxtyping import Int64
from torch import Tensor
from torch import nn
from torch.export import ExportedProgram

from posec3d.experiment import ModelCard
from posec3d.heatmaps_dense import LARGEST_CANVAS
from posec3d.heatmaps_dense import draw_keypoints
from posec3d.heatmaps_dense import draw_limbs
from posec3d.models.layers import fuse_normalisation
from posec3d.models.recognizer import PoseC3D

# In their order. `mirrored` is there only where the published test protocol mirrors drawn volumes.
INPUTS = ("keypoints", "scores", "canvas", "mirrored")
OUTPUTS = ("probabilities", "logits")
_SMALLEST_CANVAS = 8


class ExportGraph(nn.Module):
    """A recogniser as one graph: B clips of M people over T frames, on a canvas (height, width), all of any number.

    `mirrored` says of each clip whether its drawn volume is mirrored; only for cards whose `test_mirror` is "volume".
    """

    def __init__(self, model: PoseC3D, card: ModelCard, *, half: bool = False) -> None:
        super().__init__()
        self.model = copy.deepcopy(model).cpu().eval()
        fuse_normalisation(self.model)
        self.dtype = torch.bfloat16 if half else torch.float32
        self.model.to(self.dtype)
        self.heatmaps = card.heatmaps

    def forward(
        self,
        keypoints: Float[Tensor, "B M T V 2"],
        scores: Float[Tensor, "B M T V"],
        canvas: Int64[Tensor, "2"],
        mirrored: Bool[Tensor, " B"] | None = None,
    ) -> tuple[Float[Tensor, "B K"], Float[Tensor, "B K"]]:
        height, width = canvas.tolist()
        for size in (height, width):
            torch._check(size >= _SMALLEST_CANVAS)  # type: ignore[no-untyped-call]
            torch._check(size <= LARGEST_CANVAS)  # type: ignore[no-untyped-call]
        rows, columns = torch.arange(height)[None], torch.arange(width)[None]
        volume = self._draw(keypoints, scores, rows, columns, mirrored)
        logits = self.model.classify(volume.to(self.dtype)).float()
        return logits.softmax(-1), logits

    def _draw(
        self, keypoints: Tensor, scores: Tensor, rows: Tensor, columns: Tensor, mirrored: Tensor | None
    ) -> Float[Tensor, "B C T H W"]:
        heatmaps = self.heatmaps
        if mirrored is not None:
            # Mirroring the volume is drawing it with its columns from right to left.
            columns = torch.where(mirrored[:, None], columns.flip(-1), columns)
        keypoints, scores = self.model.heatmaps.points(keypoints, scores)
        draw = draw_keypoints if heatmaps.limbs is None else partial(draw_limbs, limbs=heatmaps.limbs)
        volume = draw(keypoints, scores, rows=rows, columns=columns, sigma=heatmaps.sigma, threshold=heatmaps.threshold)
        if mirrored is None:
            return volume
        swapped = volume.index_select(1, torch.tensor(heatmaps.mirrored_channels))
        return torch.where(mirrored[:, None, None, None, None], swapped, volume)


def trace(model: PoseC3D, card: ModelCard, *, half: bool = False) -> ExportedProgram:
    """Return the graph of a recogniser as torch.export writes it; the network computes in bfloat16 if `half`."""
    num_keypoints = card.heatmaps.skeleton.num_keypoints
    # None of these numbers stays in the graph; 1 would, also after strides over time.
    shape = (2, 3, max(card.clips.length, 8), num_keypoints)
    inputs = [torch.rand(*shape, 2) * 20, torch.rand(shape), torch.tensor([20, 24])]
    free = {place: torch.export.Dim.DYNAMIC for place in range(3)}
    shapes: list[object] = [free, free, None]
    if mirrors_volumes(card):
        inputs.append(torch.tensor([False, True]))
        shapes.append({0: torch.export.Dim.DYNAMIC})
    graph = ExportGraph(model, card, half=half).eval()
    logging.getLogger("torch.export").setLevel(logging.ERROR)
    with torch.no_grad():
        return torch.export.export(graph, tuple(inputs), dynamic_shapes=tuple(shapes))


def mirrors_volumes(card: ModelCard) -> bool:
    """Tell whether the graph of a card has the input `mirrored`."""
    return card.clips.test_mirror == "volume"
