#!/bin/sh
# Installs what the tests need and runs all of them; ends with "N passed, N failed".
set -eu
cd "$(dirname "$0")"
missing=
for program in g++ git objdump zstd qemu-x86_64 openssl chromium strace redis-server nginx; do
  command -v "$program" >/dev/null || missing=1
done
if [ -n "$missing" ] && command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
  apt-get update -q && apt-get install -qy g++ git binutils zstd qemu-user openssl chromium strace redis-server nginx
fi
# Not `npm ci`: it rejects a lock file that lacks the binaries of other platforms, which not every registry lists.
npm install --no-save
exec node scripts/test-all.mjs "$@"
