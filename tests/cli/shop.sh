#!/usr/bin/env bash
# tests/cli/shop.sh - the shop every whole-program test works on: 66 drawn garments, an untrained
# network, an index. Made once per build folder; $SHOP names the folder.
set -euo pipefail

mkdir -p "$SHOP"
[ -s "$SHOP/shop/catalog.csv" ] || "$BIN/lookloom-generate" 66 -o "$SHOP/shop" --seed 7
[ -s "$SHOP/weights.h5" ] || "$BIN/lookloom" weights synth --seed 1 -o "$SHOP/weights.h5" -q
rm -rf "$SHOP/shop.h5" "$SHOP/shop.previous.h5" # this build's index, not an earlier one's
"$BIN/lookloom" index "$SHOP/shop/catalog.csv" -o "$SHOP/shop.h5" --weights "$SHOP/weights.h5"
