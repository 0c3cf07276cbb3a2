#!/bin/sh
# Builds (unless --skip-build), proves and publishes into ./index (unless --publish-to says otherwise).
VLLM_CPU_WHEELS_PROGRAM=./test_and_publish.sh exec node "$(dirname "$0")/dist/cli/index.js" run --publish-to=index:./index "$@"
