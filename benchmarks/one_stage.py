"""One stage in a process of its own; its rows go to standard output as JSON."""

import json
import sys

from posec3d.runtime.allocator import keep_freed_memory
from posec3d.runtime.openmp import wait_briefly


def main(stage: str, rounds: int, default_allocator: bool) -> None:
    """Measure a stage by its name."""
    wait_briefly()
    if not default_allocator:
        keep_freed_memory()
    # Each imports much that the others do not need.
    if stage == "samples":
        from benchmarks.stages.samples import measure_samples as measure
    elif stage == "views":
        from benchmarks.stages.samples import measure_views as measure
    elif stage == "annotations":
        from benchmarks.stages.annotations import measure_annotations as measure
    elif stage == "networks":
        from benchmarks.stages.networks import measure_networks as measure
    elif stage == "training":
        from benchmarks.stages.training import measure_training as measure
    elif stage == "testing":
        from benchmarks.stages.networks import measure_tested_video as measure
    else:
        from benchmarks.stages.accelerator import measure_accelerator as measure
    print(json.dumps([row.as_dict() for row in measure(rounds)]))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3] == "1")
