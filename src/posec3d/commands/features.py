"""`posec3d features`: what a network sees in videos."""

import logging
from pathlib import Path
from statistics import mean
from typing import Annotated
from typing import Literal

import tyro

from posec3d.commands.options import OptionalName
from posec3d.commands.options import OptionalNumber
from posec3d.commands.options import OptionalPath
from posec3d.commands.tested import check_picture_path
from posec3d.commands.tested import scoring_network
from posec3d.commands.tested import views_to_look_at

_LOGGER = logging.getLogger(__name__)


def features(
    model: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="CHECKPOINT")],
    *,
    annotations: Path,
    split: OptionalName = None,
    out: Path = Path("features.npz"),
    picture: OptionalPath = None,
    fast: bool = False,
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto",
    precision: Literal["fp32", "bf16", "fp16"] = "fp32",
    workers: OptionalNumber = None,
) -> None:
    """Write what a network sees in each video before it names an action: numbers that are near for what looks alike.

    For search, clusters, and classifiers of your own, of actions that the network was not trained on too: labels may be
    any, or none. Where there are some, it says how many videos lie nearest to one of their own class.

    posec3d features work_dirs/my/best.safetensors --annotations my.pkl --out features.npz --picture features.png

    posec3d features ntu60-keypoint --annotations my.pkl --split val

    Args:
        model: Weights of ours (.safetensors), a published name, which is downloaded, or "packaged".
        annotations: The annotation file with the videos.
        split: The split to look at; all videos without it.
        out: An .npz with `features`, a row a video, and `videos`, `labels` and `classes`.
        picture: A .png that shows which videos lie near each other.
        fast: Look at one clip a video, not mirrored, instead of at the mean over ten and their mirrors.
        device: What to compute on.
        precision: Arithmetic of the network.
        workers: Processes that prepare clips.
    """
    from posec3d.annotations.columns import labels_of
    from posec3d.annotations.columns import names_of
    from posec3d.annotations.files import load_annotations
    from posec3d.annotations.selection import usable_videos
    from posec3d.annotations.translation import translated
    from posec3d.commands.answers import check_output
    from posec3d.evaluation.feature_map import save_feature_map
    from posec3d.evaluation.features import Features
    from posec3d.evaluation.features import check_features_path
    from posec3d.evaluation.features import nearest_is_alike
    from posec3d.evaluation.features import save_features
    from posec3d.evaluation.scoring import features_of_videos
    from posec3d.runtime.devices import autocast
    from posec3d.runtime.progress import Progress

    for option, path in (("--out", out), ("--picture", picture)):
        check_output(option, path, [one for one in (model, annotations) if not one.is_dir()])
    check_features_path(out)
    if picture is not None:
        check_picture_path(picture, "the picture")
    network, card, place, arithmetic = scoring_network(model, None, device=device, runtime=None, precision=precision)
    skeleton = card.heatmaps.skeleton
    found = translated(load_annotations(annotations), classes=None, skeleton=skeleton)
    videos = usable_videos(found, split, num_classes=None, skeleton=skeleton, of_model=True)
    batches, mirror_volumes = views_to_look_at(card, videos, place, fast=fast, batch_size=1, workers=workers)
    with Progress(len(videos), "video") as progress, autocast(place, arithmetic):
        values = features_of_videos(network, card, batches, mirror_volumes=mirror_volumes, advance=progress.advance)
    seen = Features(values, labels_of(videos), tuple(names_of(videos)), found.classes)
    save_features(out, seen)
    _LOGGER.info("%d features of %d videos written to %s", values.shape[1], len(values), out)
    with Progress(int((seen.labels >= 0).sum()), "video", what="comparing") as progress:
        shares = nearest_is_alike(seen, progress.advance)
    if shares:
        print(f"nearest to one of their own class: {mean(shares.values()):.1%} of a class's videos, on average")
    if picture is not None:
        save_feature_map(picture, seen)
        _LOGGER.info("picture written to %s", picture)
