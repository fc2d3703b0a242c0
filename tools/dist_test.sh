#!/usr/bin/env bash
# mmaction2's launcher: tools/dist_test.sh CONFIG CHECKPOINT NUM_DEVICES [options of tools/test.py].
# Testing runs in one process, which batches the views of each video; NUM_DEVICES is accepted and not needed.
set -euo pipefail
usage="usage: tools/dist_test.sh CONFIG CHECKPOINT NUM_DEVICES [options of tools/test.py]"
config=${1:?$usage} checkpoint=${2:?$usage} devices=${3:?$usage}
case $devices in *[!0-9]*) echo "$devices is no number of devices; $usage" >&2; exit 2 ;; esac
shift 3
python "$(dirname "$0")/test.py" "$config" "$checkpoint" "$@"
