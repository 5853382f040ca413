#!/usr/bin/env bash
# tests/cli/index.sh - `lookloom index` as people run it: what it publishes, what it refuses, and
# what it leaves behind. Needs the shop of shop.sh.
. tests/cli/start.sh

head_of() { head -n "$(($1 + 1))" "$SHOP/shop/catalog.csv"; } # the first N items

index() { # index CATALOG OUTPUT OPTIONS...
    local catalog=$1 output=$2
    shift 2
    "$lookloom" index "$catalog" -o "$output" --weights "$SHOP/weights.h5" \
        --image-root "$SHOP/shop" "$@"
}

# Around the end of a batch: one photo less, as many, one more. Of eight, since bytes at the default
# size cost four times the photos: match.sh has those, and property_forward every size's products.
same_bytes() {
    for n in 1 7 8 9 33; do
        local batch=8
        [ "$n" = 33 ] && batch=32 # the default, and one more
        head_of $n >"$work/$n.csv"
        expect 0 "$n items" index "$work/$n.csv" "$work/$n-1.h5" --batch $batch --jobs 1
        expect 0 "$n items" index "$work/$n.csv" "$work/$n-2.h5" --batch $batch --jobs 2
        expect 0 '' "$lookloom" diff --exact "$work/$n-1.h5" "$work/$n-2.h5"
        expect 0 'all is well' "$lookloom" verify "$work/$n-2.h5"
        local one two
        one=$("$lookloom" info --format csv "$work/$n-1.h5" | grep '^generation,')
        two=$("$lookloom" info --format csv "$work/$n-2.h5" | grep '^generation,')
        [ "$one" = "$two" ] || fail "N = $n: generations differ between --jobs 1 and 2"
    done
}

rejects() {
    {
        head_of 9
        echo 'web,https://shop.example/a.jpg,hat,red,plain,women,1.00,Hat,P1'
        echo 'gone,images/nowhere.jpg,hat,red,plain,women,1.00,Hat,P2'
        echo 'text,catalog.csv,hat,red,plain,women,1.00,Hat,P3'
    } >"$work/mixed.csv"
    expect 1 'nothing published: 3 of 12 photos were rejected; --max-rejected 100 accepts' \
        index "$work/mixed.csv" "$work/mixed.h5"
    [ -e "$work/mixed.h5" ] && fail "an index appeared in spite of its rejects"
    expect 0 '9 items' index "$work/mixed.csv" "$work/mixed.h5" --max-rejected 100
    expect 0 'web,https://shop.example/a.jpg,is a URL; lookloom reads files' \
        "$lookloom" info --rejected --format csv "$work/mixed.h5"
    expect 0 'gone,images/nowhere.jpg,No such file or directory' \
        "$lookloom" info --rejected --format csv "$work/mixed.h5"
    expect 0 'text,catalog.csv,unsupported format' \
        "$lookloom" info --rejected --format csv "$work/mixed.h5"
    expect 1 'is a URL' "$BIN/lookloom-query" "$work/mixed.h5" web
}

the_index_before() {
    cp "$work/mixed.h5" "$work/kept.h5"
    head_of 3 >"$work/few.csv"
    expect 1 '6 of 9 ids vanished; --max-removed 100 accepts' index "$work/few.csv" "$work/kept.h5"
    cmp -s "$work/mixed.h5" "$work/kept.h5" || fail "a refused run changed the index"
    expect 0 '3 items' index "$work/few.csv" "$work/kept.h5" --max-removed 100
    cmp -s "$work/mixed.h5" "$work/kept.previous.h5" || fail "the index before is not kept"
    [ -e "$work/kept.h5.work" ] && fail "the work folder is still there"
    cp "$work/few.csv" "$work/text.h5"
    expect 3 'text.h5' index "$work/few.csv" "$work/text.h5"
    cmp -s "$work/few.csv" "$work/text.h5" || fail "a file that is no index was overwritten"
}

too_large_for_the_disk() {
    awk 'BEGIN { print "id,image"; for (i = 0; i < 1000000; i++) print i ",x.jpg" }' >"$work/huge.csv"
    expect 3 'huge.h5: needs 4.1 TB, the disk has .* free' \
        index "$work/huge.csv" "$work/huge.h5"
    [ -e "$work/huge.h5.work" ] && fail "a refused run left its work folder"
    rm "$work/huge.csv"
}

choices() {
    head_of 5 >"$work/5.csv"
    for matrix in float32 float16 uint16 none; do
        expect 0 '5 items' index "$work/5.csv" "$work/$matrix.h5" --matrix $matrix --neighbors 3 \
            --within collection --layer gap
        expect 0 'all is well' "$lookloom" verify "$work/$matrix.h5"
    done
    expect 0 '' "$lookloom" diff --tolerance 0.001 "$work/float32.h5" "$work/float16.h5"
    expect 0 'no reuse next night' index "$work/5.csv" "$work/lean.h5" --no-features --batch 8 \
        --preprocess torchvision --resize bilinear --exif apply --alpha white --decoder stb \
        --layer pool5 --backend cpu --precision fp32 --device 0 --id-column id \
        --image-column image --delimiter , --progress json --max-pixels 1000000 --max-bytes 1M
    expect 0 'all is well' "$lookloom" verify --rows 5 --jobs 2 --progress none "$work/lean.h5"
    expect 1 'differ|only in' "$lookloom" diff --exact "$work/float32.h5" "$work/lean.h5"
    expect 0 '2 items' index "$work/5.csv" "$work/women.h5" --layer gap \
        --keep "id=$(sed -n 2p "$work/5.csv" | cut -d, -f1)" \
        --keep "id=$(sed -n 3p "$work/5.csv" | cut -d, -f1)"
    awk -F, 'NR == 1 { print "id,kind" } NR > 1 { print $2 "," $3 }' "$work/5.csv" >"$work/t.csv"
    expect 0 '5 items' index "$work/t.csv" "$work/template.h5" --image-template '{id}' --layer gap
    expect 0 '' "$lookloom" info --run "$work/lean.h5"
    grep -q '"rejected_by_reason"' "$work/out" || fail "no summary in /run"
}

wrong_command_lines() {
    expect 2 'no command .nonsense.' "$lookloom" nonsense
    expect 2 'usage: lookloom' "$lookloom"
    expect 0 'usage: lookloom' "$lookloom" --help
    expect 0 '^lookloom [0-9]' "$lookloom" --version
    expect 2 'INDEX.h5' "$lookloom" index "$work/5.csv"
    expect 0 'default: 64000000' "$lookloom" index --help
    expect 2 'matrix' index "$work/5.csv" "$work/x.h5" --matrix float64
    expect 2 'neighbors' index "$work/5.csv" "$work/x.h5" --neighbors 1025
    expect 2 'patience' index "$work/5.csv" "$work/x.h5" --patience 0
    expect 2 'nocolumn' index "$work/5.csv" "$work/x.h5" --within nocolumn
    expect 2 'delimiter' index "$work/5.csv" "$work/x.h5" --delimiter x
    expect 3 'nowhere.csv: No such file' index "$work/nowhere.csv" "$work/x.h5"
    expect 3 'No such file' index "$work/5.csv" "$work/no/such/folder/x.h5"
    expect 3 'cuda|CUDA|driver' index "$work/5.csv" "$work/x.h5" --backend cuda
    expect 2 'no weights; run: lookloom weights fetch keras' env -u LOOKLOOM_WEIGHTS \
        XDG_DATA_HOME="$work" HOME="$work" "$lookloom" index "$work/5.csv" -o "$work/x.h5"
    expect 3 'No such file' "$lookloom" verify "$work/nowhere.h5"
    head -c 3000 "$work/lean.h5" >"$work/cut.h5"
    expect 1 'cut.h5' "$lookloom" verify -q "$work/cut.h5"
    [ -s "$work/out" ] || fail "what verify found is no result on stdout"
    expect 2 'known: keras' "$lookloom" weights fetch nonsense
    expect 2 'expected fetch keras' "$lookloom" weights synth
    mkdir -p "$work/folder"
    expect 3 'folder: is a folder' "$lookloom" weights synth -o "$work/folder"
    expect 3 'folder: is a folder' "$lookloom" weights fetch keras -o "$work/folder"
    expect 3 'no/w.h5: No such file' "$lookloom" weights synth -o "$work/no/w.h5"
    expect 0 'untrained' "$lookloom" weights info "$SHOP/weights.h5"
    expect 0 'cpu' "$lookloom" info --format json
    expect 2 "no stage 'nonsense'" "$lookloom" bench nonsense
    [ -e "$work/x.h5" ] && fail "a failed run left an index"
    for words in --help --version 'index --help' 'info' "info --run $work/lean.h5" \
        "verify $work/lean.h5" "weights info $SHOP/weights.h5"; do
        # shellcheck disable=SC2086
        "$lookloom" $words >/dev/full 2>"$work/err"
        [ $? -eq 3 ] && grep -q 'standard output: No space left on device' "$work/err" ||
            fail "lookloom $words on a full disk: $(cat "$work/err")"
    done
}

same_bytes
rejects
the_index_before
too_large_for_the_disk
choices
wrong_command_lines
finish "index: all as promised"
