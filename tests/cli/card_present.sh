#!/usr/bin/env bash
# tests/cli/card_present.sh - what programs say of a card: nothing where there is none, one line where
# there is one that cannot be used, whatever is opened how often; with --verbose the reason in any
# case. Needs the shop of shop.sh and other_machine.so, whose machines these are; skipped where
# lookloom-cuda.so is installed.
. tests/cli/start.sh

export ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}verify_asan_link_order=0

# Without lookloom-cuda.so beside it, as it is built where there is no nvcc.
mkdir -p "$work/bin" "$work/none/dev" "$work/none/sys/bus/pci/devices" "$work/card/dev" \
    "$work/card/sys/bus/pci/devices/0000:17:00.0"
cp "$BIN/lookloom" "$work/bin/"
if ! "$work/bin/lookloom" info --format csv | grep -q '^module,.*not installed'; then
    echo "skipped: lookloom-cuda.so is installed on this machine"
    exit 77
fi
echo 0x10de >"$work/card/sys/bus/pci/devices/0000:17:00.0/vendor"
echo 0x030200 >"$work/card/sys/bus/pci/devices/0000:17:00.0/class"
head -n 3 "$SHOP/shop/catalog.csv" >"$work/few.csv"
photo=$SHOP/shop/$(sed -n 2p "$SHOP/shop/catalog.csv" | cut -d, -f2)
index=(index "$work/few.csv" -o "$work/shop.h5" --weights "$SHOP/weights.h5"
    --image-root "$SHOP/shop" --layer gap)

on() { # MACHINE CODE COMMAND...: its stderr stays in $work/err, what it says of cards in $work/said
    local machine=$1 code=$2 got
    shift 2
    OTHER_ROOT=$work/$machine LD_PRELOAD=$TEST_BIN/other_machine.so \
        "$work/bin/lookloom" "$@" >"$work/out" 2>"$work/err"
    got=$?
    [ "$got" -eq "$code" ] || fail "exit $got instead of $code on $machine: $*: $(cat "$work/err")"
    grep -iE 'nvidia|cuda|card' "$work/err" >"$work/said"
}

silent() { [ -s "$work/said" ] && fail "$*: $(cat "$work/said")"; }

says() { # PATTERN: one line, and that one
    [ "$(wc -l <"$work/said")" -eq 1 ] && grep -qE -- "$1" "$work/said" ||
        fail "not the one line '$1': $(cat "$work/err")"
}

# shellcheck disable=SC2016
line='the NVIDIA card cannot be used, so the processor computes: .*/lookloom-cuda\.so: not installed; .*; see `lookloom info`, or ask for --backend cpu$'

on none 0 "${index[@]}"
silent index
on none 0 "${index[@]}" --verbose
says '^lookloom index: no NVIDIA card here, so the processor computes \(cuda: .*/lookloom-cuda\.so: not installed; .*\)$'
on card 0 "${index[@]}"
says "^lookloom index: $line"
on card 3 "${index[@]}" --backend cuda
says '^lookloom index: .*/lookloom-cuda\.so: not installed'
on none 3 "${index[@]}" --backend cuda
says '^lookloom index: .*/lookloom-cuda\.so: not installed'

match=(match "$work/shop.h5" "$photo" --weights "$SHOP/weights.h5" --backend auto)
on none 0 "${match[@]}"
silent match
on card 0 "${match[@]}"
says "^lookloom match: $line"

# Backends are opened for each batch and each stage, and it is said for all of them.
bench=(bench similarity --items 64 --cols 8 --seconds 0.01)
on none 0 "${bench[@]}" --backend auto
silent bench
on none 0 "${bench[@]}" --backend auto -V
says '^lookloom bench: no NVIDIA card here'
on card 0 "${bench[@]}" --backend cpu
silent bench --backend cpu
on card 0 "${bench[@]}" --backend auto --quiet
silent bench --quiet
on card 0 bench embed similarity --backend auto --batch 1,2 --items 2 --seconds 0.01 \
    --weights "$SHOP/weights.h5"
says "^lookloom bench: $line"

for command in verify info report duplicates; do
    arguments=("$command" "$work/shop.h5")
    [ "$command" = report ] && arguments+=(-o "$work/report.html")
    on card 0 "${arguments[@]}"
    silent "$command"
done
on card 0 info --format csv
grep -qE '^cuda,.*not installed' "$work/out" || fail "info: $(cat "$work/out")"
grep -qE '^module,' "$work/out" || fail "info: $(cat "$work/out")"

finish "card there: said once, and only there"
