#!/usr/bin/env bash
# mmaction2's launcher: tools/dist_train.sh CONFIG NUM_DEVICES [options of tools/train.py]
set -euo pipefail
usage="usage: tools/dist_train.sh CONFIG NUM_DEVICES [options of tools/train.py]"
config=${1:?$usage} devices=${2:?$usage}
shift 2
torchrun --standalone --nproc_per_node="$devices" "$(dirname "$0")/train.py" "$config" --devices "$devices" "$@"
