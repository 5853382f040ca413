#!/usr/bin/env bash
# tests/agree/index_emulated.sh COUNT LAYER - the first COUNT items of the shop of tests/cli/shop.sh,
# indexed by the cpu backend and by the cuda backend on an emulated card (index_emulated.c).
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
head -n "$(($1 + 1))" "$SHOP/shop/catalog.csv" >"$SHOP/shop/first-$1-$2.csv"
export XDG_CACHE_HOME=$folder
"$TEST_BIN/index_emulated" "$SHOP/shop/first-$1-$2.csv" "$SHOP/weights.h5" "$folder" "$2"
