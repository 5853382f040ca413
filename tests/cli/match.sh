#!/usr/bin/env bash
# tests/cli/match.sh - `lookloom match` as people run it: photos that are in the index find
# themselves with a score of exactly 1, bad ones get a line each, and what cannot be compared is
# refused. Needs the shop of shop.sh.
. tests/cli/start.sh

match() { "$lookloom" match "$@" --weights "$SHOP/weights.h5"; }

# --min-score 1 lists what scores exactly 1: a float32 is compared with 1.0.
own_photos() {
    local photos
    mapfile -t photos < <(ls "$SHOP"/shop/images/* | head -n 50)
    [ "${#photos[@]}" -eq 50 ] || fail "${#photos[@]} photos to match"
    expect 0 '' match "$SHOP/shop.h5" "${photos[@]}" --min-score 1 --top 1 --format csv --jobs 2
    awk -F, -v root="$SHOP/shop/" '
        NR == 1 { next }
        { n++; if ($1 != root $5 || $2 != 1 || $4 != "1.000000") { print "not itself: " $0; bad = 1 } }
        END { if (n != 50) print n " answers"; exit bad || n != 50 }' "$work/out" ||
        fail "photos that do not find themselves"
    grep -q 'a little less than 1' "$work/err" && fail "doubts: $(cat "$work/err")"
}

answers() {
    local a b kind
    a=$(sed -n 2p "$SHOP/shop/catalog.csv" | cut -d, -f2)
    b=$(sed -n 3p "$SHOP/shop/catalog.csv" | cut -d, -f2)
    kind=$(sed -n 2p "$SHOP/shop/catalog.csv" | cut -d, -f3)
    cp "$SHOP/shop/$a" "$work/a.jpg"
    cp "$SHOP/shop/$b" "$work/b.jpg"
    cd "$work" || exit 3
    expect 0 'untrained weights: scores promise nothing' match "$SHOP/shop.h5" a.jpg --format json \
        --progress none --backend cpu --device 0 --patience 5 --batch 32 --distinct kind --top 66
    [ "$(grep -c . out)" -eq 1 ] || fail "one photo is not one line of json"
    grep -q '^{"id":"a.jpg","generation":"[0-9a-f]*","complete":true,"exact":true,"best_score":1.0,"similar":\[{"rank":1,' out ||
        fail "json: $(cat out)"
    [ "$(grep -o '"rank"' out | wc -l)" -eq "$(tail -n +2 "$SHOP/shop/catalog.csv" | cut -d, -f3 | sort -u | wc -l)" ] ||
        fail "--distinct kind: $(cat out)"
    expect 0 '' match "$SHOP/shop.h5" a.jpg b.jpg --format jsonl --top 66 --where "kind=$kind" -q
    [ "$(wc -l <out)" -eq 2 ] || fail "jsonl: $(cat out)"
    [ -s err ] && fail "-q talks: $(cat err)"
    [ "$(grep -o '"rank"' out | wc -l)" -eq "$((2 * $(cut -d, -f3 "$SHOP/shop/catalog.csv" | grep -cxF "$kind")))" ] ||
        fail "--where kind=$kind: $(cat out)"
    expect 0 'a little less than 1' match "$SHOP/shop.h5" a.jpg b.jpg --format table --top 2 \
        --max-score 0.999 --batch 7
    grep -qE '^a.jpg +1  0\.[0-9]{6}  ' out || fail "table: $(cat out)"
    [ "$(wc -l <out)" -eq 5 ] || fail "table: $(cat out)"
    grep -q '  1\.000000  ' out && fail "--max-score lets twins through"
}

bad_photos() {
    head -c 3000 a.jpg >cut.jpg
    echo 'no photo' >text.jpg
    mkdir -p folder.jpg
    mkfifo pipe.jpg
    : >empty.jpg
    expect 1 '' match "$SHOP/shop.h5" cut.jpg a.jpg text.jpg folder.jpg nowhere.jpg pipe.jpg \
        empty.jpg $'\xff.jpg' b.jpg --where kind=none --format json
    [ "$(sed -E 's/^\{"id":"([^"]*).*\}(,?)$/\1\2/' out)" = '[
a.jpg,
b.jpg
]' ] || fail "good photos beside bad ones: $(cat out)"
    for name in cut text folder nowhere pipe empty a b; do
        [ "$(grep -cE "^lookloom match: $name.jpg: .+" err)" -eq 1 ] ||
            fail "not one line about $name.jpg: $(cat err)"
    done
    grep -q ' a.jpg: a.jpg: no other item passes the filters' err || fail "hint: $(cat err)"
    grep -q 'the name is not UTF-8' err || fail "a name that is not UTF-8: $(cat err)"
    expect 1 '' match "$SHOP/shop.h5" nowhere.jpg text.jpg --format json
    [ "$(tr -d '\n' <out)" = '[]' ] || fail "no array of no answers: $(cat out)"
}

refusals() {
    "$TEST_BIN/make_sample" wide.h5 20 64 5 none || fail "make_sample"
    "$TEST_BIN/make_sample" lean.h5 20 64 5 none no-features || fail "make_sample"
    expect 2 'expected INDEX.h5 IMAGE' match "$SHOP/shop.h5"
    expect 3 'lean.h5: no /features to match a photo with' match lean.h5 a.jpg
    expect 3 "wide.h5: layer 'fc2' does not give 64 features" match wide.h5 a.jpg
    expect 3 'absent.h5: No such file' match absent.h5 a.jpg
    expect 2 'not between 1 and' match "$SHOP/shop.h5" a.jpg --top 0
    expect 2 'write 0.80' match "$SHOP/shop.h5" a.jpg --min-score 80
    expect 2 '--max-score: 0.1 is below --min-score 0.5' match "$SHOP/shop.h5" a.jpg \
        --min-score 0.5 --max-score 0.1
    expect 2 "no column 'brand'" match "$SHOP/shop.h5" a.jpg --distinct brand
    expect 2 'is not COLUMN=VALUE' match "$SHOP/shop.h5" a.jpg --where shoe
    expect 2 'same: unknown option' match "$SHOP/shop.h5" a.jpg --same kind
    expect 3 'cuda|CUDA|driver' match "$SHOP/shop.h5" a.jpg --backend cuda
    expect 2 'no weights; run: lookloom weights fetch keras' env -u LOOKLOOM_WEIGHTS \
        XDG_DATA_HOME="$work" HOME="$work" "$lookloom" match "$SHOP/shop.h5" a.jpg
    expect 3 'a.jpg: ' "$lookloom" match "$SHOP/shop.h5" a.jpg --weights a.jpg
    # an index of other weights: its SHA-256 is not this file's
    "$TEST_BIN/make_sample" other.h5 5 4096 4 none || fail "make_sample"
    expect 2 'weights.h5: not the weights of the index, vgg16: SHA-256 [0-9a-f]{12}..., not ' \
        match other.h5 a.jpg
    [ "$(wc -l <err)" -eq 1 ] || fail "more than a line about other weights: $(cat err)"
    "$lookloom" match "$SHOP/shop.h5" a.jpg --weights "$SHOP/weights.h5" -q >/dev/full 2>err
    [ $? -eq 3 ] && grep -q 'standard output: No space left on device' err ||
        fail "a full disk: $(cat err)"
}

own_photos
answers
bad_photos
refusals
finish "match: all as promised"
