#!/usr/bin/env bash
# mmaction2's launcher: tools/dist_test.sh CONFIG CHECKPOINT NUM_DEVICES [options of tools/test.py].
# Testing runs in one process, which batches the views of each video; NUM_DEVICES is accepted and not needed.
set -euo pipefail
config=$1 checkpoint=$2
shift 3
python "$(dirname "$0")/test.py" "$config" "$checkpoint" "$@"
