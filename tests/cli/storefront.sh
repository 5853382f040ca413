#!/bin/bash
# tests/cli/storefront.sh - the examples of README.md, "In a storefront", are run as they stand (but
# for the id, which the sample has not) and print what lookloom-query says.
set -uo pipefail
for tool in sqlite3 jq /usr/bin/python3; do
    command -v "$tool" >/dev/null || { echo "skipped: no $tool"; exit 77; }
done
/usr/bin/python3 -c 'import h5py' 2>/dev/null || { echo "skipped: no h5py"; exit 77; }
root=$PWD
folder=$(mktemp -d) || exit 3
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 3
PATH=$BIN:/usr/bin:$PATH
failed=0
"$TEST_BIN/make_sample" shop.h5 90 64 12 none || exit 3

# block-1.sh, block-2.sh, block-3.python, ...
sed -n '/^## In a storefront$/,/^## Opening/p' "$root/README.md" | sed 's/\<A7\>/A6/g' | awk '
    /^```[a-z]/ { inside = 1; name = "block-" ++blocks "." substr($0, 4); next }
    /^```$/ { inside = 0 }
    inside { print >name }'
[ "$(echo block-*)" = 'block-1.sh block-2.sh block-3.python' ] || {
    echo "README.md: other blocks: $(echo block-*)"
    exit 1
}

# same NAME WANT: what the block printed, beside lines of the csv.
same() {
    if [ -z "$2" ] || [ "$1" != "$2" ]; then
        failed=$((failed + 1))
        printf -- '--- the README prints\n%s\n--- not\n%s\n' "$1" "$2"
    fi
}
answer() { lookloom-query -q shop.h5 A6 --format csv "$@" | tail -n +2; }

for again in 1 2; do # the second morning replaces the first
    same "$again $(bash -eu block-1.sh 2>&1)" "$again $(answer --top 4 | cut -d, -f3)"
done
same "$(bash -eu block-2.sh 2>/dev/null)" \
    "$(answer --top 4 --where stock=yes --distinct product | cut -d, -f3)"
same "$(/usr/bin/python3 block-3.python)" "$(answer --min-score 0 | awk -F, '{ print $3, $4 }')"
[ $failed = 0 ]
