#!/usr/bin/env bash
# tests/cli/forecast.sh - what `lookloom index --dry-run` foretells and what then comes, --memory, and
# the second half of a night on drawn features. Needs the shop of shop.sh.
. tests/cli/start.sh

# expect CODE PATTERN COMMAND...: exit code and a line of stderr or stdout
expect() {
    local code=$1 pattern=$2 got
    shift 2
    "$@" >"$work.out" 2>"$work.err"
    got=$?
    [ "$got" -eq "$code" ] || fail "exit $got instead of $code: $* : $(cat "$work.err")"
    [ -z "$pattern" ] || grep -qE -- "$pattern" "$work.out" "$work.err" ||
        fail "no '$pattern' from: $* : $(cat "$work.out" "$work.err")"
    cat "$work.out" "$work.err" >"$work.said"
    rm -f "$work.out" "$work.err"
}
trap 'rm -rf "$work" "$work.said"' EXIT

index() { # index CATALOG OUTPUT OPTIONS...
    local catalog=$1 output=$2
    shift 2
    "$lookloom" index "$catalog" -o "$output" --weights "$SHOP/weights.h5" \
        --image-root "$SHOP/shop" "$@"
}

# bytes of "2.0 TB", "812 KB"
bytes() { awk '{ n = $1; u = index("BKMGT", substr($2, 1, 1)); for (; u > 1; u--) n *= 1000; printf "%.0f", n }'; }

a_dry_run_writes_nothing() {
    head -n 21 "$SHOP/shop/catalog.csv" >"$work/20.csv"
    expect 0 '20 items, 19 neighbours each, matrix float32' \
        index "$work/20.csv" "$work/20.h5" --layer gap --dry-run
    for line in /features /similarity /neighbors/index 'the new index' 'free space needed' \
        'memory, at the least' 'decode and embed' 'compare' 'in all'; do
        grep -qF "$line" "$work.said" || fail "the forecast does not speak of $line"
    done
    [ "$(ls "$work")" = 20.csv ] || fail "a dry run left $(ls "$work")"
    local said
    said=$(sed -nE 's/^  the new index +//p' "$work.said" | bytes)
    expect 0 '20 items' index "$work/20.csv" "$work/20.h5" --layer gap
    local got
    got=$(stat -c %s "$work/20.h5")
    [ "$said" -ge "$got" ] && [ "$said" -le $((got + 200000)) ] ||
        fail "an index of $got bytes was forecast as $said"
    expect 0 'the index before' index "$work/20.csv" "$work/20.h5" --layer gap --dry-run
    head -n 3 "$work/20.csv" >"$work/2.csv"
    expect 1 'nothing would be published: 18 of 20 ids vanished' \
        index "$work/2.csv" "$work/20.h5" --layer gap --dry-run
    [ "$(stat -c %s "$work/20.h5")" = "$got" ] || fail "a dry run changed the index"
    expect 2 'no weights; run: lookloom weights fetch keras' env -u LOOKLOOM_WEIGHTS \
        XDG_DATA_HOME="$work" HOME="$work" "$lookloom" index "$work/20.csv" -o "$work/x.h5" --dry-run
    rm "$work"/*
}

the_disk_cannot_hold_it() {
    awk 'BEGIN { print "id,image"; for (i = 0; i < 1000000; i++) print i ",x.jpg" }' >"$work/huge.csv"
    for dry in --dry-run ''; do
        # shellcheck disable=SC2086
        expect 3 'huge.h5: needs 4.1 TB, the disk has .* free; --matrix uint16 halves to 2.1 TB; --matrix none leaves 34 GB' \
            index "$work/huge.csv" "$work/huge.h5" $dry
        expect 3 'huge.h5: needs 2.1 TB, the disk has .* free; --matrix none leaves 34 GB' \
            index "$work/huge.csv" "$work/huge.h5" --matrix uint16 $dry
    done
    expect 3 '^  /similarity +4.0 TB' index "$work/huge.csv" "$work/huge.h5" --dry-run
    [ "$(ls "$work")" = huge.csv ] || fail "a refused run left $(ls "$work")"
    rm "$work"/*
}

memory() {
    head -n 6 "$SHOP/shop/catalog.csv" >"$work/5.csv"
    expect 3 'memory: 5 items with 4 neighbours need [0-9.]+ MB; 1.0 MB given' \
        index "$work/5.csv" "$work/5.h5" --layer gap --memory 1M
    [ -e "$work/5.h5" ] && fail "an index in spite of too little memory"
    expect 2 'memory' index "$work/5.csv" "$work/5.h5" --memory 1X
    expect 2 'memory' index "$work/5.csv" "$work/5.h5" --memory 0
    expect 0 '5 items' index "$work/5.csv" "$work/5.h5" --layer gap --memory 2G
    expect 0 '"anonymous_memory_bytes": [1-9]' "$lookloom" info --run "$work/5.h5"
    # of five photos on a busy disk it may be the writing
    expect 0 '"bottleneck": "(network|decode|write)"' "$lookloom" info --run "$work/5.h5"
    rm "$work"/*
}

# Memory does not grow with the square of the items: 2 500 of them make a matrix of 25 MB.
the_second_half() {
    local small large
    expect 0 '1250 items of 64, matrix none, kept' "$lookloom" bench similarity --items 1250 \
        --cols 64 --matrix none --keep "$work/a.h5" --memory 512M
    expect 0 '' "$lookloom" info --run "$work/a.h5"
    small=$(sed -nE 's/.*"anonymous_memory_bytes": ([0-9]+).*/\1/p' "$work.said")
    expect 0 '2500 items of 64, matrix float32, kept' "$lookloom" bench similarity --items 2500 \
        --cols 64 --matrix float32 --keep "$work/b.h5" --memory 512M
    expect 0 '' "$lookloom" info --run "$work/b.h5"
    large=$(sed -nE 's/.*"anonymous_memory_bytes": ([0-9]+).*/\1/p' "$work.said")
    echo "anonymous: $small bytes without a matrix, $large with one of twice the items"
    [ "$large" -lt $((512 << 20)) ] || fail "$large bytes: more than --memory"
    expect 0 'all is well' "$lookloom" verify "$work/b.h5"
    [ "$(ls "$work")" = "$(printf 'a.h5\nb.h5')" ] || fail "the bench left $(ls "$work")"
    expect 3 'memory: .* need .*; 1.0 MB given' "$lookloom" bench similarity --items 100 --cols 64 \
        --keep "$work/c.h5" --memory 1M
    expect 2 'keep' "$lookloom" bench embed --keep "$work/c.h5"
    expect 2 'only for .bench similarity --keep' "$lookloom" bench similarity --matrix uint16
    expect 2 'only for .bench similarity --keep' "$lookloom" bench similarity --memory 1G
    rm "$work"/*
}

a_dry_run_writes_nothing
the_disk_cannot_hold_it
memory
the_second_half
finish "forecast: as foretold"
