#!/bin/sh
# Builds, proves and publishes wheels; every option is in --help.
command -v node >/dev/null || { echo "[ERROR] Node.js is missing. Install version 20 or newer (Debian 13: apt-get install nodejs)" >&2; exit 3; }
program="$(dirname "$0")/dist/cli/index.js"
[ -f "$program" ] || { echo "[ERROR] $program is missing. Bring it back: git -C \"$(dirname "$0")\" checkout -- dist (or: npm ci && npm run build)" >&2; exit 4; }
VLLM_CPU_WHEELS_PROGRAM=./build_wheels.sh exec node "$program" run "$@"
