"""`posec3d robustness`: what is lost when poses are worse."""

import json
import logging
from dataclasses import asdict
from pathlib import Path
from typing import Annotated
from typing import Literal

import tyro

from posec3d.commands.options import Changes
from posec3d.commands.options import OptionalName
from posec3d.commands.options import OptionalPath
from posec3d.commands.tested import annotated_videos
from posec3d.commands.tested import check_picture_path
from posec3d.commands.tested import scoring_network
from posec3d.commands.tested import what_to_test

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

    posec3d robustness work_dirs/my/config.py work_dirs/my/best.safetensors --json robustness.json

    Args:
        config: A checkpoint of ours together with --annotations, or a config file, whose test videos are taken.
        checkpoint: With a config file: the weights.
        annotations: The annotation file to test on.
        split: With --annotations: the split to test on, all videos without.
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
    from posec3d.runtime.files import replacing
    from posec3d.runtime.progress import Progress

    for option, path in (("--out", out), ("--json", json_file)):
        check_output(option, path, [one for one in (config, checkpoint, annotations) if one is not None])
    check_picture_path(out, "the picture")
    if clips < 1:
        raise ValueError(f"--clips {clips}: take at least 1")
    card, weights, videos = what_to_test(config, checkpoint, annotations, split, cfg_options)
    network, card, fabric = scoring_network(weights, card, device=device, runtime=None, precision=precision)
    if videos is None:
        assert annotations is not None
        videos = annotated_videos(annotations, split, card)
    with Progress(num_passes(card) * len(videos), "video") as progress, fabric.autocast():
        curves = measure_robustness(
            network,
            card,
            videos,
            device=fabric.device,
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
