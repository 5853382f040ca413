#!/usr/bin/env bash
# tests/agree/emulated_shop.sh PROGRAM COUNT [WORD...] - run a program on the first COUNT items of the
# shop of tests/cli/shop.sh: PROGRAM CATALOG WEIGHTS FOLDER WORD..., with a cache of its own.
set -euo pipefail

program=$1 count=$2
shift 2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
catalog=$SHOP/shop/first-$program-$count-${1:-all}.csv # beside the photos
head -n "$((count + 1))" "$SHOP/shop/catalog.csv" >"$catalog"
export XDG_CACHE_HOME=$folder OPENBLAS_NUM_THREADS=1
"$TEST_BIN/$program" "$catalog" "$SHOP/weights.h5" "$folder" "$@"
