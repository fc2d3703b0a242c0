"""`posec3d demo`: the whole line once, on motions that the package makes up itself."""

import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lightning_fabric import Fabric

    from posec3d.annotations import Annotation
    from posec3d.evaluation.scores import Scores
    from posec3d.experiment import Experiment
    from posec3d.recipes import Kind

_LOGGER = logging.getLogger(__name__)


def demo(
    *,
    out: Path = Path("demo_output"),
    videos: int = 600,
    epochs: int = 12,
    seed: int = 0,
) -> None:
    """Train on generated motions, test, fuse keypoint and limb, and draw; then film motions, and recognise the films.

    Takes some minutes on two cores. What it shows is that everything works, not how good it is: the motions are made
    up.

    Args:
        out: The folder for the annotation file, the checkpoints, the picture and the films.
        videos: How many videos to make up, as many of each motion; of each, about four in five are for training.
        epochs: How often the training videos are gone through.
        seed: Start of all random numbers.
    """
    from posec3d.annotations.files import save_annotations
    from posec3d.commands.demo_films import recognize_films
    from posec3d.evaluation.fusion import fuse
    from posec3d.evaluation.metrics import measure
    from posec3d.runtime.devices import start_fabric
    from posec3d.sources import videos_to_test
    from posec3d.synthetic import MOTIONS
    from posec3d.synthetic import make_annotations

    motions = MOTIONS[:12]
    if videos < 2 * len(motions):
        raise ValueError(
            f"--videos {videos}: give {2 * len(motions)} or more, one of each motion to train on and to test"
        )
    started = time.perf_counter()
    fabric = start_fabric(accelerator="auto", devices=1, precision="fp32")
    file = out / "annotations.pkl"
    made_up = make_annotations(videos, seed=seed, motions=motions)
    save_annotations(file, made_up)
    _LOGGER.info("%d videos of %d motions written to %s", videos, len(made_up.classes or ()), file)
    experiments = {kind: _experiment(kind, file, made_up.classes or (), epochs) for kind in ("keypoint", "limb")}
    tested = videos_to_test(experiments["keypoint"])
    scores = {kind: _learn(experiment, tested, out / kind, fabric, seed) for kind, experiment in experiments.items()}
    fused = fuse(list(scores.values()), [1.0, 1.0])
    assert fused.labels is not None
    print(f"\n{len(tested)} videos that training has not seen, {len(made_up.classes or ())} classes:")
    for name, one in (*scores.items(), ("keypoint + limb", fused)):
        print(f"  {name:16}{measure(one.values, fused.labels)}")
    picture = out / "figures.gif"
    _draw(experiments["keypoint"], tested, fused, picture)
    print(f"\npicture: {picture}")
    recognize_films(motions, out / "keypoint" / "last.safetensors", out / "films", seed=seed)
    print(f"\nto go on: posec3d recognize {out}/films/wave.mp4 --model {out}/keypoint/last.safetensors --window 1")
    _LOGGER.info("%.0f s in all", time.perf_counter() - started)


def _experiment(kind: "Kind", file: Path, classes: tuple[str, ...], epochs: int) -> "Experiment":
    """A network of a hundredth of the published one's cost, on clips of a third of the frames and half the side."""
    from posec3d.experiment import Clips
    from posec3d.experiment import Data
    from posec3d.experiment import Experiment
    from posec3d.experiment import Heatmaps
    from posec3d.experiment import Network
    from posec3d.experiment import Source
    from posec3d.experiment import Training

    return Experiment(
        data=Data(
            train=Source(annotations=str(file), split="train"),
            val=Source(annotations=str(file), split="val"),
            num_classes=len(classes),
            classes=classes,
        ),
        heatmaps=Heatmaps(kind=kind),
        network=Network(base_channels=16, stage_blocks=(1, 1, 1), dropout=0.2),
        clips=Clips(length=16, train_short_side=28, train_canvas=24, test_canvas=24, test_clips=3),
        training=Training(epochs=epochs, batch_size=16, learning_rate=0.6),
    )


def _learn(
    experiment: "Experiment", tested: "Sequence[Annotation]", folder: Path, fabric: "Fabric", seed: int
) -> "Scores":
    """Train one network without looking at the tested videos, and score these."""
    import numpy as np

    from posec3d.checkpoints import load_model
    from posec3d.clips.dataset import label_of
    from posec3d.evaluation.scores import Scores
    from posec3d.evaluation.scoring import score_videos
    from posec3d.evaluation.scoring import views_loader
    from posec3d.sources import training_videos
    from posec3d.training.loop import train

    _LOGGER.info("\ntraining on %s heatmaps", experiment.heatmaps.kind)
    result = train(experiment, training_videos(experiment)[0], None, work_dir=folder, fabric=fabric, seed=seed)
    model, card = load_model(result.last)
    batches = views_loader(card, tested, num_clips=card.clips.test_clips, mirrored=True, batch_size=8)
    values = score_videos(model.to(fabric.device), card, batches, views_at_once=48)
    return Scores(
        values, np.array([label_of(video) for video in tested]), tuple(video.video for video in tested), card.classes
    )


def _draw(experiment: "Experiment", tested: "Sequence[Annotation]", fused: "Scores", picture: Path) -> None:
    """Draw the three figures of the video, among those recognised rightly, in which most moves."""
    import numpy as np

    from posec3d.clips.pipeline import scored_views
    from posec3d.video.figures import volume_figures
    from posec3d.video.writing import save_gif

    assert fused.labels is not None
    assert fused.classes is not None
    skeleton = experiment.heatmaps.skeleton
    said = fused.values.argmax(1)
    candidates = np.flatnonzero(said == fused.labels) if (said == fused.labels).any() else np.arange(len(said))
    clips = {
        video: scored_views(tested[video], skeleton=skeleton, num_clips=1, mirrored=False)[0]
        for video in candidates.tolist()
    }
    chosen = max(clips, key=lambda video: float(np.abs(np.diff(clips[video].keypoints, axis=1)).mean()))
    title = f"{fused.classes[int(said[chosen])]}  {fused.values[chosen].max():.0%}"
    save_gif(picture, volume_figures(clips[chosen], skeleton, title=title))
