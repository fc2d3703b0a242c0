"""`posec3d robustness`: what is lost when poses are worse."""

import json
import logging
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Annotated
from typing import Literal

import tyro

from posec3d.commands.options import Changes
from posec3d.commands.options import OptionalName
from posec3d.commands.options import OptionalPath
from posec3d.commands.tested import annotated_videos
from posec3d.commands.tested import check_picture_path
from posec3d.commands.tested import parts_to_test
from posec3d.commands.tested import scoring_network
from posec3d.commands.tested import what_to_test

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

    from posec3d.annotations import Annotation
    from posec3d.checkpoints import Recognizer
    from posec3d.experiment import ModelCard
    from posec3d.export.networks import ClipNetwork
    from posec3d.runtime.devices import Precision

_LOGGER = logging.getLogger(__name__)


def robustness(
    config: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="CONFIG|CHECKPOINT")],
    checkpoint: Annotated[
        Path | None, tyro.conf.Positional, tyro.conf.arg(metavar="[CHECKPOINT]", help_behavior_hint="")
    ] = None,
    *,
    annotations: OptionalPath = None,
    split: OptionalName = None,
    out: Path = Path("robustness.png"),
    json_file: Annotated[OptionalPath, tyro.conf.arg(name="json")] = None,
    clips: int = 1,
    mirrored: bool = False,
    seed: int = 0,
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto",
    precision: Literal["fp32", "bf16", "fp16"] = "fp32",
    cfg_options: Changes = (),
) -> None:
    """Score the same videos again and again while their poses get worse, and draw what is lost.

    Four things go wrong: a limb keypoint a frame is not found (the paper's experiment), keypoints are noisy, nobody is
    found in a frame, and somebody else is taken for the person.

    posec3d robustness work_dirs/my/best.safetensors --annotations my.pkl --split test

    posec3d robustness work_dirs/my --json robustness.json

    Args:
        config: A checkpoint of ours together with --annotations; a work directory, whose networks answer together; or
            a config file, whose test videos are taken.
        checkpoint: With a config file: the weights.
        annotations: The annotation file to test on.
        split: The split to test on, instead of the config's; with --annotations, all videos without it.
        out: Where the picture goes, a .png.
        json_file: Where the numbers go.
        clips: Clips a video that are scored.
        mirrored: Score the mirror of each clip, too.
        seed: Start of the random numbers that say what goes wrong.
        device: What to compute on.
        precision: Arithmetic of the network.
        cfg_options: Changes to the config.
    """
    from posec3d.commands.answers import check_output
    from posec3d.evaluation.robustness import measure_robustness
    from posec3d.evaluation.robustness import num_passes
    from posec3d.evaluation.robustness import table_of
    from posec3d.evaluation.robustness_chart import save_robustness_curves
    from posec3d.runtime.devices import autocast
    from posec3d.runtime.files import replacing
    from posec3d.runtime.progress import Progress

    read = [one for one in (config, checkpoint, annotations) if one is not None and not one.is_dir()]
    for option, file in (("--out", out), ("--json", json_file)):
        check_output(option, file, read)
    check_picture_path(out, "the picture")
    if clips < 1:
        raise ValueError(f"--clips {clips}: take at least 1")
    networks: list[tuple[Recognizer | ClipNetwork, ModelCard]] = []
    places: list[tuple[torch.device, Precision]] = []
    videos: Sequence[Annotation] = ()
    for config_file, weights in parts_to_test(config, checkpoint):
        given_card, path, of_config = what_to_test(config_file, weights, annotations, split, cfg_options)
        # The second of a work directory, on coordinates, has one precision, whatever is said around it.
        used = "fp32" if networks else precision
        network, card, place, arithmetic = scoring_network(
            path, given_card, device=device, runtime=None, precision=used
        )
        networks.append((network, card))
        places.append((place, arithmetic))
        if of_config is None:
            assert annotations is not None
            of_config = annotated_videos(annotations, split, card)
        videos = of_config
    if len(networks) > 1:
        _LOGGER.info("%s: its two networks together", config)
    total = num_passes(card) * len(networks) * len(videos)
    with Progress(total, "video") as progress, autocast(*places[0]):
        curves = measure_robustness(
            networks,
            videos,
            num_clips=clips,
            mirrored=mirrored,
            seed=seed,
            advance=progress.advance,
        )
    print(table_of(curves))
    save_robustness_curves(out, curves, len(videos))
    _LOGGER.info("curves of %d videos written to %s", len(videos), out)
    if json_file is not None:
        content = {"videos": len(videos), "clips": clips, "mirrored": mirrored, "seed": seed}
        with replacing(json_file) as unfinished:
            unfinished.write_text(
                json.dumps({**content, "curves": [asdict(curve) for curve in curves]}, indent=2) + "\n",
                encoding="utf-8",
            )
        _LOGGER.info("numbers written to %s", json_file)
