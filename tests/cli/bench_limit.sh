#!/usr/bin/env bash
# tests/cli/bench_limit.sh - no stage passes what the processor multiplies by more than Winograd and
# symmetry explain, whatever a library was told of the processor. Needs the shop of shop.sh.
set -uo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export OPENBLAS_CORETYPE=Prescott # a limit that OpenBLAS measures is then a fifth of what it should be

# On a busy machine a limit may be measured while others compute, and a stage while they do not: so
# three tries. A limit that is wrong by itself is wrong in all of them.
for try in 1 2 3; do
    "$BIN/lookloom" bench embed --weights "$SHOP/weights.h5" --items 16 --batch 16 --seconds 0.01 \
        --format csv >"$work/embed" 2>"$work/err" || exit 1
    "$BIN/lookloom" bench similarity --items 1500 --seconds 0.01 --format csv >"$work/similarity" \
        2>>"$work/err" || exit 1
    echo "try $try"
    cat "$work/embed" "$work/similarity" "$work/err"
    grep -q 'multiply-add [a-z0-9]* on [0-9]* thread.*GFLOP/s' "$work/embed" || exit 1
    grep -q 'multiply-add .*; symmetry needs half' "$work/similarity" || exit 1
    grep -q 'times the limit' "$work/err" || exit 0
done
exit 1
