#!/usr/bin/env bash
# tests/cli/info_card.sh - `lookloom info` with a card: the devices, their memory, the driver, the
# libraries. The program beside the emulated module, as an unpacked archive would lie.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/bin" "$work/lib/lookloom"
cp "$BIN/lookloom" "$work/bin/"
cp "$TEST_BIN/lookloom-cuda-emulated.so" "$work/lib/lookloom/lookloom-cuda.so"
"$work/bin/lookloom" info --format csv >"$work/said"
for want in 'cuda,"Emulated H200, 9.0, 132 SMs"' \
    'device,"0: Emulated H200, 9.0, 132 SMs, 15 GB, 15 GB free"' \
    'engines,"driver 13.0, CUDA 13.0, cuDNN '; do
    if ! grep -qF "$want" "$work/said"; then
        echo "FAILED: no line '$want' in"
        cat "$work/said"
        exit 1
    fi
done
grep -F 'engines,"driver' "$work/said" | grep -q 'cuBLASLt'
