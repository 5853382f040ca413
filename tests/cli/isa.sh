#!/usr/bin/env bash
# tests/cli/isa.sh - a small night under each instruction set oneDNN can be limited to and this
# processor has: the same bytes for any --jobs, the neighbours of the night without a limit, and an
# index that says what made it. Needs the shop of shop.sh.
. tests/cli/start.sh

index() { # index OUTPUT OPTIONS...
    local output=$1
    shift
    "$lookloom" index "$work/few.csv" -o "$output" --weights "$SHOP/weights.h5" \
        --image-root "$SHOP/shop" --quiet "$@" || fail "index $output"
}

made_by() { "$lookloom" info --format csv "$1" | grep "^$2,"; } # made_by INDEX FACT

head -n 7 "$SHOP/shop/catalog.csv" >"$work/few.csv"
index "$work/free.h5" --backend cpu
for isa in SSE41 AVX AVX2 AVX512_CORE; do
    export DNNL_MAX_CPU_ISA=$isa
    index "$work/$isa.h5" --backend cpu --jobs 1
    if ! made_by "$work/$isa.h5" device | grep -qi ", $isa\"*\$"; then
        echo "$isa: not on this processor: $(made_by "$work/$isa.h5" device)"
        continue
    fi
    index "$work/$isa-2.h5" --backend cpu --jobs 2
    [ "$(made_by "$work/$isa.h5" generation)" = "$(made_by "$work/$isa-2.h5" generation)" ] ||
        fail "$isa: generations differ between --jobs 1 and 2"
    "$lookloom" diff --exact "$work/$isa.h5" "$work/$isa-2.h5" || fail "$isa: --jobs changes bytes"
    "$lookloom" diff --tolerance 1e-5 "$work/free.h5" "$work/$isa.h5" || fail "$isa: other scores"
    "$lookloom" verify --quiet "$work/$isa.h5" || fail "$isa: verify"
    echo "$isa: $(made_by "$work/$isa.h5" engines)"
    made_by "$work/$isa.h5" engines | grep -q '(conv1_1.*conv5_3.*fc1.*fc2.*dots' ||
        fail "$isa: engines left out"
done
[ $failures = 0 ]
