#!/bin/sh
# Builds, proves and publishes wheels; every option is in --help.
VLLM_CPU_WHEELS_PROGRAM=./build_wheels.sh exec node "$(dirname "$0")/dist/cli/index.js" run "$@"
