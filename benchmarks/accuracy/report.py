"""Tabulate scores: each stream, and keypoints fused 1:1 with each other one, of one clip a video and of 20 views.

  python -m benchmarks.accuracy.report scores/jhmdb21-*.npz

Files are called SET-SPLIT-KIND-SEED-VIEWS.npz, as `benchmarks.accuracy.run` leaves them. Of each row: the mean
over splits of a seed's accuracies, then mean and standard deviation over seeds. "added up" are the scores of all seeds.

  python -m benchmarks.accuracy.report ablation/jhmdb14.*.npz --against jhmdb14.recipe

compares each set with another, split by split and seed by seed: mean top-1, and the mean difference in points with its
standard error over these pairs.
"""

import argparse
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from posec3d.evaluation.fusion import fuse
from posec3d.evaluation.metrics import measure
from posec3d.evaluation.scores import Scores
from posec3d.evaluation.scores import load_scores

_KINDS = ("keypoint", "limb", "motion", "rocket")
_STREAMS = (*_KINDS, *(f"keypoint + {kind}" for kind in _KINDS[1:]))
# Of one set and number of views: by split, seed and kind.
_Runs = dict[tuple[str, str, str], Scores]


def main() -> None:
    """Print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scores", type=Path, nargs="+")
    parser.add_argument("--against", help="the set to compare with")
    given = parser.parse_args()
    groups: defaultdict[tuple[str, str], _Runs] = defaultdict(dict)
    for path in given.scores:
        name, split, kind, seed, views = path.stem.split("-")
        groups[name, views][split, seed, kind] = load_scores(path)
    if given.against is not None:
        names = sorted({name for name, _ in groups})
        if given.against not in names:
            parser.error(f"--against {given.against}: no scores of that set; there are {', '.join(names)}")
        _print_differences(groups, given.against)
        return
    print("| set | views | stream | top-1 | mean class | splits x seeds |\n|---|---|---|---|---|---|")
    for (name, views), runs in sorted(groups.items()):
        fused: _Runs = {
            (split, seed, f"keypoint + {kind}"): fuse([runs[split, seed, "keypoint"], scores], [1, 1])
            for (split, seed, kind), scores in runs.items()
            if kind != "keypoint" and (split, seed, "keypoint") in runs
        }
        for stream in _STREAMS:
            chosen = {(s, n): one for (s, n, kind), one in {**runs, **fused}.items() if kind == stream}
            if chosen:
                print(f"| {name} | {views} | {stream} | {_row(chosen)} |")
            together = _added_up(chosen)
            if together:
                print(
                    f"| {name} | {views} | {stream}, {len({n for _, n in chosen})} seeds added up | {_row(together)} |"
                )


def _print_differences(groups: Mapping[tuple[str, str], _Runs], against: str) -> None:
    print(f"| set | views | stream | top-1 | than {against} | pairs |\n|---|---|---|---|---|---|")
    for (name, views), runs in sorted(groups.items()):
        others = {} if name == against else groups.get((against, views), {})
        for stream in sorted({kind for _, _, kind in runs}):
            pairs = [run for run in runs if run[2] == stream and run in others]
            if not pairs:
                continue
            own, other = (np.array([_top1(of[run]) for run in pairs]) for of in (runs, others))
            difference = own - other
            error = f" ± {difference.std(ddof=1) / np.sqrt(len(pairs)):.1f}" if len(pairs) > 1 else ""
            print(
                f"| {name} | {views} | {stream} | {own.mean():.1f} | {difference.mean():+.1f}{error} | {len(pairs)} |"
            )


def _top1(scores: Scores) -> float:
    assert scores.labels is not None
    return 100 * measure(scores.values, scores.labels).top1


def _added_up(runs: Mapping[tuple[str, str], Scores]) -> dict[tuple[str, str], Scores]:
    """Return each split's scores of all seeds added up; nothing unless every split has the same seeds, two or more."""
    of_split: defaultdict[str, dict[str, Scores]] = defaultdict(dict)
    for (split, seed), scores in runs.items():
        of_split[split][seed] = scores
    seeds = {tuple(sorted(some)) for some in of_split.values()}
    if len(seeds) != 1 or len(min(seeds)) < 2:
        return {}
    return {(split, "all"): fuse([*some.values()], [1] * len(some)) for split, some in of_split.items()}


def _row(runs: Mapping[tuple[str, str], Scores]) -> str:
    of_seed: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)
    for (_, seed), scores in runs.items():
        assert scores.labels is not None
        accuracy = measure(scores.values, scores.labels)
        of_seed[seed].append((100 * accuracy.top1, 100 * accuracy.mean_class))
    means = np.array([np.mean(values, axis=0) for values in of_seed.values()])
    spread = means.std(0, ddof=1) if len(means) > 1 else np.full(2, np.nan)
    cells = [
        f"{mean:.2f}" if np.isnan(deviation) else f"{mean:.2f} ± {deviation:.2f}"
        for mean, deviation in zip(means.mean(0), spread, strict=True)
    ]
    sizes = {len(values) for values in of_seed.values()}
    return f"{cells[0]} | {cells[1]} | {'/'.join(map(str, sorted(sizes)))} x {len(of_seed)}"


if __name__ == "__main__":
    main()
