#!/bin/sh
# tests/cli/cli_query.sh - lookloom-query as a shop calls it: stdout, stderr and exit code, to the
# letter. BIN and TEST_BIN name the folders of the programs.
set -u
folder=$(mktemp -d) || exit 3
trap 'rm -rf "$folder"' EXIT
query="$BIN/lookloom-query"
failed=0
cd "$folder" || exit 3

# expect CODE STDOUT STDERR ARGUMENTS...: run lookloom-query, compare all three.
expect() {
    code=$1 out=$2 err=$3
    shift 3
    got_out=$("$query" "$@" 2>err.txt; echo "exit $?")
    got_err=$(cat err.txt)
    want_out=$out${out:+
}"exit $code"
    if [ "$got_out" != "$want_out" ] || [ "$got_err" != "$err" ]; then
        failed=$((failed + 1))
        printf 'lookloom-query %s\n--- expected\n%s\n%s\n--- got\n%s\n%s\n' \
            "$*" "$want_out" "$err" "$got_out" "$got_err"
    fi
}

"$TEST_BIN/make_sample" s.h5 50 64 10 uint16 || exit 3
"$TEST_BIN/make_sample" near.h5 50 64 3 none || exit 3
"$TEST_BIN/make_sample" stored.h5 50 64 3 uint16 no-features || exit 3
"$TEST_BIN/make_sample" untrained.h5 50 64 10 none untrained || exit 3
"$TEST_BIN/make_sample" one.h5 1 64 10 float32 || exit 3
generation=$("$query" s.h5 A0 | sed 's/.*"generation":"\([0-9a-f]*\)".*/\1/')

# One answer, in every format.
expect 0 '{"id":"A0","generation":"'"$generation"'","complete":true,"exact":true,"best_score":1.0,"similar":[{"rank":1,"id":"C2","score":1.0,"image":"images/2.jpg","attributes":{"category":"shoe","product":"p0","stock":"no"}},{"rank":2,"id":"B19","score":1.0,"image":"images/19.jpg","attributes":{"category":"hat, \"felt\"","product":"p4","stock":"yes"}},{"rank":3,"id":"C32","score":0.99991,"image":"images/32.jpg","attributes":{"category":"shoe","product":"p12","stock":"no"}}]}' \
    '' s.h5 A0 --top 3
expect 0 'rank     score  id   image          category     product  stock
   1  1.000000  C2   images/2.jpg   shoe         p0       no
   2  1.000000  B19  images/19.jpg  hat, "felt"  p4       yes
   3  0.999910  C32  images/32.jpg  shoe         p12      no' \
    '' s.h5 A0 --top 3 --format table
expect 0 'query,rank,id,score,image
A0,1,C2,1.000000,images/2.jpg
A0,2,B19,1.000000,images/19.jpg' '' s.h5 A0 --top=2 --format=csv

# Several answers: json becomes an array, jsonl a line each.
expect 0 'query,rank,id,score,image
A0,1,C2,1.000000,images/2.jpg
B1,1,B43,0.999998,images/43.jpg' '' s.h5 A0 B1 --top 1 --format csv
expect 0 '[
{"id":"A0","generation":"'"$generation"'","complete":true,"exact":true,"best_score":null,"similar":[]},
{"id":"B1","generation":"'"$generation"'","complete":true,"exact":true,"best_score":null,"similar":[]}
]' '' s.h5 A0 B1 -q --where category=none
[ "$("$query" s.h5 --all --format jsonl | wc -l)" = 50 ] || { echo "--all: not 50 lines"; failed=$((failed + 1)); }

# The thresholds include their own value; ids may come from a pipe.
printf 'A0\r\n\nB1\n' >ids.txt
got=$("$query" s.h5 - --top 1 --format csv <ids.txt)
want='query,rank,id,score,image
A0,1,C2,1.000000,images/2.jpg
B1,1,B43,0.999998,images/43.jpg'
[ "$got" = "$want" ] || { echo "ids from a pipe: $got"; failed=$((failed + 1)); }
expect 0 'query,rank,id,score,image
A0,1,C2,1.000000,images/2.jpg
A0,2,B19,1.000000,images/19.jpg' '' s.h5 A0 --min-score 1 --format csv

# Filters.
expect 0 'query,rank,id,score,image
A0,1,C17,0.999856,images/17.jpg' '' s.h5 A0 --where category=shoe --where stock=yes --top 1 --format csv
expect 0 'query,rank,id,score,image' 'lookloom-query: A0: no other item passes the filters' \
    s.h5 A0 --where category=none --format csv
expect 1 '' "lookloom-query: A9999: no such item" s.h5 A9999 --same category
expect 2 '' "lookloom-query: --where: no column 'x'; the index has category, product, stock" \
    s.h5 A0 --where x=1
expect 2 '' "lookloom-query: --where: 'shoe' is not COLUMN=VALUE" s.h5 A0 --where shoe
expect 2 '' "lookloom-query: --distinct: no column 'brand'; the index has category, product, stock" \
    s.h5 A0 --distinct brand

# An empty answer is an answer, and says what to try.
expect 0 'query,rank,id,score,image' \
    'lookloom-query: none of 49 reaches 1.00; best is 0.99 (B43); try --min-score 0.9' \
    s.h5 B1 --min-score 1 --format csv
expect 0 'query,rank,id,score,image' '' s.h5 B1 --min-score 1 --format csv --quiet
expect 0 'query,rank,id,score,image' 'lookloom-query: A0: no other item to compare with' \
    one.h5 A0 --format csv

# Unknown and rejected ids are a no; the other ids are still answered.
expect 1 'query,rank,id,score,image
A0,1,C2,1.000000,images/2.jpg' 'lookloom-query: A00: no such item; nearest: A0, A30
lookloom-query: broken: rejected: truncated JPEG' s.h5 A00 A0 broken --top 1 --format csv
expect 1 '' 'lookloom-query: a0: no such item; nearest: A0, A3, A30' s.h5 a0

# What cannot be known is said.
expect 0 'query,rank,id,score,image
A0,1,C2,1.000000,images/2.jpg
A0,2,B19,1.000000,images/19.jpg
A0,3,C32,0.999910,images/32.jpg' \
    'lookloom-query: A0: there may be more: only the stored neighbours were asked, and there is no matrix to look further' \
    near.h5 A0 --format csv
case $("$query" -q near.h5 A0) in
*'"complete":false,"exact":true'*) ;;
*) echo "near.h5: complete or exact"; failed=$((failed + 1)) ;;
esac
case $("$query" -q stored.h5 A0) in
*'"complete":true,"exact":false'*) ;;
*) echo "stored.h5: complete or exact"; failed=$((failed + 1)) ;;
esac
expect 0 'query,rank,id,score,image
A0,1,C2,1.000000,images/2.jpg' \
    'lookloom-query: the index was made with untrained weights: scores promise nothing, and --min-score is 0 unless given' \
    untrained.h5 A0 --format csv --top 1
expect 0 'query,rank,id,score,image
A0,1,C2,1.000000,images/2.jpg' '' untrained.h5 A0 --format csv --top 1 --min-score 0.5

# Lists.
expect 0 'A0' '' one.h5 --list --format table
expect 0 'A0' '' one.h5 --list
expect 0 '[
{"id":"A0"}
]' '' one.h5 --list --format json
expect 0 'id
A0' '' one.h5 --list --format csv
"$query" s.h5 --list | "$query" -q s.h5 - --format jsonl >piped.txt || failed=$((failed + 1))
"$query" -q s.h5 --all --format jsonl | cmp - piped.txt || failed=$((failed + 1))
expect 0 'query,id,score
A0,A0,1.000000' '' one.h5 A0 --row --format csv
expect 3 '' 'lookloom-query: near.h5: --row needs a matrix, and there is none' near.h5 A0 --row

# Usage.
expect 2 '' 'lookloom-query: expected INDEX.h5 ID...; lookloom-query --help explains'
expect 2 '' 'lookloom-query: expected INDEX.h5 ID...; lookloom-query --help explains' s.h5
expect 2 '' 'lookloom-query: expected INDEX.h5 ID...; lookloom-query --help explains' s.h5 A0 --all
expect 2 '' 'lookloom-query: --all, --row and --list exclude each other' s.h5 --all --list
expect 2 '' 'lookloom-query: --min-score: scores go from 0 to 1; write 0.80' s.h5 A0 --min-score 80
expect 2 '' 'lookloom-query: --top: 0 is not between 1 and 4294967295' s.h5 A0 --top 0
expect 2 '' "lookloom-query: --format: 'xml' is not one of table|json|jsonl|csv" s.h5 A0 --format xml
expect 2 '' 'lookloom-query: --max-score: 0.5 is below --min-score 0.8, its default; give both' \
    s.h5 A0 --max-score 0.5
expect 2 '' 'lookloom-query: --frobnicate: unknown option; lookloom-query --help lists the options' \
    s.h5 A0 --frobnicate

# Failures.
expect 3 '' 'lookloom-query: absent.h5: No such file or directory' absent.h5 A0
if [ -w /dev/full ]; then
    got=$("$query" s.h5 A0 2>&1 >/dev/full; echo "exit $?")
    want='lookloom-query: standard output: No space left on device
exit 3'
    [ "$got" = "$want" ] || { echo "full disk: $got"; failed=$((failed + 1)); }
fi
head -c 2000 s.h5 >short.h5
"$query" short.h5 A0 >out.txt 2>err.txt
code=$?
if [ $code != 3 ] || [ -s out.txt ] || [ "$(wc -l <err.txt)" != 1 ]; then
    echo "short.h5: exit $code: $(cat out.txt err.txt)"
    failed=$((failed + 1))
fi

[ $failed = 0 ] || { echo "$failed failed"; exit 1; }
