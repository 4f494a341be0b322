#!/usr/bin/env bash
# Installs the Debian 12 packages that are missing: `deps.sh build` what the programs, the demo and the benchmarks
# need, `deps.sh bench` what profiles need besides, `deps.sh` what the tests need (clang, Check, the clients' languages).
# Without root and sudo it prints the line to type and exits 2.
set -euo pipefail
packages=(
  gcc make cmake ninja-build pkg-config git ca-certificates
  libzmq3-dev libczmq-dev librocksdb-dev libmsgpack-dev
  libssl-dev libmbedtls-dev libsodium-dev libzstd-dev libxxhash-dev
  uthash-dev libjansson-dev libjemalloc-dev libcurl4-openssl-dev
)
if [ "${1:-}" = bench ]; then
  packages+=(linux-perf)
elif [ "${1:-}" != build ]; then
  packages+=(
    g++ clang libclang-rt-14-dev clang-format-14 check binutils spin
    python3 python3-zmq python3-msgpack python3-nacl python3-cryptography python3-xxhash
  )
  # For tests/interop/javascript.  Debian's npm is some 400 packages: not if node and npm are there from elsewhere.
  { command -v node && command -v npm; } >/dev/null || packages+=(nodejs npm)
fi
missing=()
for package in "${packages[@]}"; do
  state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$state" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0
line="apt-get install -y --no-install-recommends ${missing[*]}"
if [ "$(id -u)" = 0 ]; then
  as_root=()
elif command -v sudo >/dev/null && { [ -t 0 ] || sudo -n true 2>/dev/null; }; then
  as_root=(sudo)
else
  echo "These packages are missing.  As root, type:" >&2
  echo "  apt-get update && $line" >&2
  exit 2
fi
echo "Installing ${#missing[@]} packages: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive $line >/dev/null
