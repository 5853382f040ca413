#!/usr/bin/env bash
# tests/cli/generate.sh - datasets/generate as people call it: what it writes, that the same seed
# gives the same bytes on any number of threads, and how it refuses.
. tests/cli/start.sh

generate() { LOOKLOOM_BIN=$BIN datasets/generate "$@"; }
digests() { (cd "$1" && find . -type f | LC_ALL=C sort | xargs sha256sum); }

# What it writes.
generate 24 -o "$work/a" --seed 7 --size 96..128 --jobs 1 -q >"$work/out" 2>&1 || fail "24: exit $?"
[ -s "$work/out" ] && fail "-q said: $(cat "$work/out")"
[ "$(wc -l <"$work/a/catalog.csv")" = 25 ] || fail "24 items and a header are not 25 lines"
[ "$(find "$work/a/images" -type f | wc -l)" = 24 ] || fail "not 24 pictures"
[ -z "$(find "$work/a" -name '*.part')" ] || fail "a draft was left behind"
for prefix in TS SH DR SK TR SO HA BA; do
    [ "$(grep -c "^$prefix-" "$work/a/catalog.csv")" = 3 ] || fail "not 3 of $prefix"
done
head -n 1 "$work/a/catalog.csv" |
    grep -qx 'id,image,kind,colour,pattern,collection,price,name,product' || fail "the header"
cut -d, -f2 "$work/a/catalog.csv" | tail -n +2 | while read -r image; do
    [ -s "$work/a/$image" ] || echo "$image"
done >"$work/missing"
[ -s "$work/missing" ] && fail "listed, not there: $(cat "$work/missing")"

# The same seed on more threads: the same bytes. More items: the same ones first. Another seed: others.
generate 24 -o "$work/b" --seed 7 --size 96..128 --jobs 3 -q || fail "3 threads: exit $?"
[ "$(digests "$work/a")" = "$(digests "$work/b")" ] || fail "3 threads drew other bytes"
generate 40 -o "$work/c" --seed 7 --size 96..128 -q || fail "40: exit $?"
head -n 25 "$work/c/catalog.csv" | cmp -s - "$work/a/catalog.csv" || fail "40 do not begin with the 24"
(cd "$work/a/images" && sha256sum ./*) | (cd "$work/c/images" && sha256sum --quiet -c) ||
    fail "a picture of the 24 differs among the 40"
generate 24 -o "$work/d" --seed 8 --size 96..128 -q || fail "seed 8: exit $?"
[ "$(digests "$work/d" | cut -d' ' -f1 | sort)" != "$(digests "$work/a" | cut -d' ' -f1 | sort)" ] ||
    fail "seed 8 drew seed 7's bytes"
generate 24 -o "$work/a" --seed 7 --size 96..128 -q || fail "drawing over a folder: exit $?"
[ "$(digests "$work/a")" = "$(digests "$work/b")" ] || fail "drawing over a folder changed it"

generate 2 -o "$work/first" -o "$work/last" --size 64 --seed 1 --seed 2 -q || fail "twice: exit $?"
[ -s "$work/last/catalog.csv" ] && [ ! -e "$work/first" ] || fail "the last -o does not count"

# Help and version are answers.
generate --help | grep -q -e '--seed' || fail "--help does not explain --seed"
generate -h >/dev/null || fail "-h: exit $?"
generate -v | grep -q '^lookloom-generate [0-9]' || fail "-v shows no version"

# refuses CODE TEXT ARGUMENT...: one line on stderr that holds TEXT, nothing on stdout.
refuses() {
    local code=$1 text=$2
    shift 2
    generate "$@" >"$work/out" 2>"$work/err"
    local got=$?
    [ $got = "$code" ] || fail "$*: exit $got, not $code"
    [ -s "$work/out" ] && fail "$*: wrote to stdout"
    [ "$(wc -l <"$work/err")" = 1 ] || fail "$*: not one line: $(cat "$work/err")"
    grep -qF -e "$text" "$work/err" || fail "$*: said $(cat "$work/err")"
}
refuses 2 'expected N -o DIR' -o "$work/x"
refuses 2 "'many'" many -o "$work/x"
refuses 2 'N: 0' 0 -o "$work/x"
refuses 2 'N: 99999999' 99999999 -o "$work/x"
refuses 2 '-o DIR' 5
refuses 2 '--output: is empty' 5 -o ''
refuses 2 '--seed' 5 -o "$work/x" --seed one
refuses 2 '--seed' 5 -o "$work/x" --seed=-1
refuses 2 '--size' 5 -o "$work/x" --size 800..480
refuses 2 '--size' 5 -o "$work/x" --size ..
refuses 2 '--size' 5 -o "$work/x" --size 1
refuses 2 '--jobs' 5 -o "$work/x" --jobs 0
refuses 2 '--bogus' 5 -o "$work/x" --bogus
refuses 2 'expected N -o DIR' 5 6 -o "$work/x"
[ -e "$work/x" ] && fail "a refused call made its folder"

# What the disk refuses: a file where a folder should be, a folder that is not there, no room.
: >"$work/file"
refuses 3 "$work/file/images: Not a directory" 5 -o "$work/file"
refuses 3 "$work/file/deep: Not a directory" 5 -o "$work/file/deep"
refuses 3 '/proc/nowhere' 5 -o /proc/nowhere
trap '' XFSZ # a file that outgrows its limit is then an error, like a full disk, not a signal
(
    ulimit -f 2
    LOOKLOOM_BIN=$BIN datasets/generate 8 -o "$work/full" --size 300 2>"$work/err"
    echo $? >"$work/code"
)
[ "$(cat "$work/code")" = 3 ] || fail "no room: exit $(cat "$work/code")"
grep -qE 'images/[A-Z]{2}-[0-9]{6}\.(jpg|png): File too large' "$work/err" ||
    fail "no room: said $(cat "$work/err")"
[ -e "$work/full/catalog.csv" ] && fail "no room: a catalogue lists pictures that are not there"

# The script says how to build what it cannot find.
mkdir "$work/bare"
cp datasets/generate "$work/bare/"
LOOKLOOM_BIN= "$work/bare/generate" 5 -o "$work/x" >"$work/out" 2>"$work/err"
[ $? = 3 ] && grep -q 'cmake --build' "$work/err" || fail "not built: $(cat "$work/err")"

finish "datasets/generate does what it says"
