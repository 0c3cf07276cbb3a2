#!/bin/sh
# Builds (unless --skip-build), proves and publishes into ./index (unless --publish-to says otherwise).
command -v node >/dev/null || { echo "[ERROR] Node.js is missing. Install version 20 or newer (Debian 13: apt-get install nodejs)" >&2; exit 3; }
program="$(dirname "$0")/dist/cli/index.js"
[ -f "$program" ] || { echo "[ERROR] $program is missing. Bring it back: git -C \"$(dirname "$0")\" checkout -- dist (or: npm ci && npm run build)" >&2; exit 4; }
VLLM_CPU_WHEELS_PROGRAM=./test_and_publish.sh exec node "$program" run --publish-to=index:./index "$@"
