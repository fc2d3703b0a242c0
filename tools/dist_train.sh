#!/usr/bin/env bash
# mmaction2's launcher: tools/dist_train.sh CONFIG NUM_DEVICES [options of tools/train.py]
set -euo pipefail
config=$1 devices=$2
shift 2
torchrun --standalone --nproc_per_node="$devices" "$(dirname "$0")/train.py" "$config" --devices "$devices" "$@"
