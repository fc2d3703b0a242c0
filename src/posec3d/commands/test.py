"""`posec3d test`: score the test videos with a checkpoint, and measure."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Annotated
from typing import Literal

import tyro

from posec3d.commands.options import Changes
from posec3d.commands.options import OptionalName
from posec3d.commands.options import OptionalNumber
from posec3d.commands.options import OptionalPath
from posec3d.commands.options import OptionalRuntime
from posec3d.commands.tested import annotated_videos
from posec3d.commands.tested import check_picture_path
from posec3d.commands.tested import parts_to_test
from posec3d.commands.tested import scoring_network
from posec3d.commands.tested import views_to_look_at
from posec3d.commands.tested import what_to_test

if TYPE_CHECKING:
    from collections.abc import Sequence

    from posec3d.annotations import Annotation
    from posec3d.evaluation.scores import Scores
    from posec3d.experiment import ModelCard

Metric = Literal["top_k_accuracy", "mean_class_accuracy", "per_class_accuracy"]
_LOGGER = logging.getLogger(__name__)

# Options of mmaction2's and pyskl's tools/test.py that ask for what is done anyway,
DONE_ANYWAY = (("--launcher", "none"),)
# and those that are said in another way here.
REFUSED = {
    "--dump": "use --out",
    "--launcher": "use one process; views are batched",
    "--local_rank": "use one process; views are batched",
    "--gpu-collect": "use one process; nothing is collected",
    "--tmpdir": "use one process; nothing is collected",
    "--options": "use --cfg-options",
    "--eval-options": "--eval needs no options",
    "--onnx": "give a file that `posec3d export CHECKPOINT --to onnx` wrote instead of the checkpoint",
    "--tensorrt": "`posec3d export CHECKPOINT --to onnx` writes what TensorRT reads; here --runtime openvino is fast",
    "--show": "there is nothing to show",
    "--show-dir": "there is nothing to show",
    "--compile": "the network is not compiled",
    "-C": "give the checkpoint as the second argument",
}


def test(
    config: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="CONFIG")],
    checkpoint: Annotated[
        Path | None, tyro.conf.Positional, tyro.conf.arg(metavar="CHECKPOINT", help_behavior_hint="")
    ] = None,
    *,
    annotations: OptionalPath = None,
    split: OptionalName = None,
    eval: tuple[Metric, ...] = ("top_k_accuracy", "mean_class_accuracy"),
    out: OptionalPath = None,
    confusion: OptionalPath = None,
    average_clips: Literal["prob", "score"] = "prob",
    fast: bool = False,
    fuse_conv_bn: bool = False,
    batch_size: int = 1,
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto",
    runtime: OptionalRuntime = None,
    precision: Literal["fp32", "bf16", "fp16"] = "fp32",
    workers: OptionalNumber = None,
    cfg_options: Changes = (),
) -> None:
    """Score the test videos with a checkpoint, and measure top-1, top-5 and mean class accuracy.

    For the videos of a config; for any annotation file with a checkpoint of ours, which says itself how it is run; or
    with each network of a work directory, and both together:

    posec3d test slowonly_r50_u48_240e_gym_keypoint checkpoints/SOME_CHECKPOINT.pth --out result.pkl

    posec3d test work_dirs/my/best.safetensors --annotations my.pkl --split test --out result.json

    posec3d test work_dirs/my --confusion which_for_which.png --eval top_k_accuracy per_class_accuracy

    Args:
        config: A config file; or a work directory alone; or a checkpoint of ours or an exported file with
            --annotations.
        checkpoint: Weights: of ours (.safetensors), or of mmaction2 or pyskl (.pth); a published name is downloaded. Or
            a file that posec3d export wrote.
        annotations: Test on this annotation file instead of the config's.
        split: The split to test on, instead of the config's; with --annotations, all videos without it.
        eval: What to measure; per_class_accuracy is a table of each class's recall, precision and F1.
        out: Where the scores go. A .pkl holds a list of one score array a video; .json and .npz also say ids, labels
            and class names.
        confusion: A .png that shows which classes are taken for which.
        average_clips: Average the views' probabilities (prob) or logits (score).
        fast: Score one clip a video, not mirrored, instead of ten and their mirrors.
        fuse_conv_bn: For commands of the original: batch normalisation is always folded into the convolutions.
        batch_size: Videos that are prepared together.
        device: What to compute on.
        runtime: What runs the network: torch, or onnx or openvino, for which the checkpoint is exported, once; files
            that posec3d export wrote run on their own.
        precision: Arithmetic of the network.
        workers: Processes that prepare clips.
        cfg_options: Changes to the config, such as data.val.annotations=my.pkl clips.test_clips=1.
    """
    from posec3d.commands.answers import check_output
    from posec3d.evaluation.charts import save_confusion_matrix
    from posec3d.evaluation.fusion import fuse
    from posec3d.evaluation.scores import check_scores_path
    from posec3d.evaluation.scores import save_scores

    for option, path in (("--out", out), ("--confusion", confusion)):
        read = [one for one in (config, checkpoint, annotations) if one is not None and not one.is_dir()]
        check_output(option, path, read)
    if out is not None:
        check_scores_path(out)
    if confusion is not None:
        check_picture_path(confusion, "the confusion matrix")
    if fuse_conv_bn:
        _LOGGER.info("--fuse-conv-bn: this is always done")
    parts = parts_to_test(config, checkpoint)
    if len(parts) > 1 and average_clips == "score":
        raise ValueError(
            f"--average-clips score: {config} has two networks, whose logits do not compare; leave it out, or give one "
            f"of {' and '.join(str(weights or config_file) for config_file, weights in parts)}"
        )
    streams = []
    for place, (config_file, weights) in enumerate(parts):
        scores = _scores_of(
            *what_to_test(config_file, weights, annotations, split, cfg_options),
            annotations=annotations,
            split=split,
            average=average_clips,
            fast=fast,
            batch_size=batch_size,
            device=device,
            # The second, on coordinates, has one way to run and one precision.
            runtime=None if place else runtime,
            precision="fp32" if place else precision,
            workers=workers,
        )
        if len(parts) > 1:
            print(f"{weights or config_file}:")
            _print_accuracy(scores, eval)
        streams.append(scores)
    scores = fuse(streams, [1.0] * len(streams)) if len(streams) > 1 else streams[0]
    if len(parts) > 1:
        print("both together:")
    _print_accuracy(scores, eval)
    if out is not None:
        save_scores(out, scores)
        _LOGGER.info("scores of %d videos written to %s", len(scores.values), out)
    if confusion is not None:
        assert scores.labels is not None
        save_confusion_matrix(confusion, scores.values, scores.labels, scores.classes)
        _LOGGER.info("confusion matrix written to %s", confusion)


def _scores_of(
    card: "ModelCard | None",
    weights: Path,
    videos: "Sequence[Annotation] | None",
    *,
    annotations: Path | None,
    split: str | None,
    average: Literal["prob", "score"],
    fast: bool,
    batch_size: int,
    device: Literal["auto", "cpu", "cuda", "mps"],
    runtime: Literal["torch", "onnx", "openvino"] | None,
    precision: Literal["fp32", "bf16", "fp16"],
    workers: int | None,
) -> "Scores":
    """Score the videos of a config, or of an annotation file, with one network."""
    from tqdm import tqdm

    from posec3d.annotations.columns import labels_of
    from posec3d.annotations.columns import names_of
    from posec3d.evaluation.scores import Scores
    from posec3d.evaluation.scoring import score_videos
    from posec3d.runtime.devices import autocast

    network, card, place, arithmetic = scoring_network(
        weights, card, device=device, runtime=runtime, precision=precision
    )
    if videos is None:
        assert annotations is not None
        videos = annotated_videos(annotations, split, card)
    batches, mirror_volumes = views_to_look_at(card, videos, place, fast=fast, batch_size=batch_size, workers=workers)
    with tqdm(total=len(videos), unit="video", dynamic_ncols=True, disable=None) as bar, autocast(place, arithmetic):
        values = score_videos(
            network,
            card,
            batches,
            mirror_volumes=mirror_volumes,
            average=average,
            advance=bar.update,
        )
    return Scores(values, labels_of(videos), tuple(names_of(videos)), card.classes)


def _print_accuracy(scores: "Scores", metrics: tuple[Metric, ...]) -> None:
    from posec3d.evaluation.metrics import measure

    assert scores.labels is not None
    accuracy = measure(scores.values, scores.labels)
    if "top_k_accuracy" in metrics:
        print(f"top1_acc: {accuracy.top1:.4f}")
        print(f"top5_acc: {accuracy.top5:.4f}")
    if "mean_class_accuracy" in metrics:
        print(f"mean_class_accuracy: {accuracy.mean_class:.4f}")
    if "per_class_accuracy" in metrics:
        _print_classes(scores)


def _print_classes(scores: "Scores") -> None:
    from posec3d.evaluation.metrics import measure_classes

    assert scores.labels is not None
    names = scores.classes or [str(label) for label in range(scores.values.shape[1])]
    classes = measure_classes(scores.values, scores.labels)
    width = max(len("class"), *(len(names[one.label]) for one in classes))
    print(f"{'class':{width}}  videos  recall  precision      F1  else most often")
    for one in classes:
        recall, precision = (f"{share:.4f}" if share == share else "-" for share in (one.recall, one.precision))
        other = "" if one.mistaken_for is None else f"{names[one.mistaken_for[0]]} ({one.mistaken_for[1]})"
        shares = f"{recall:>6}  {precision:>9}  {one.f1:.4f}"
        print(f"{names[one.label]:{width}}  {one.num_videos:6}  {shares}  {other}".rstrip())
