#!/bin/sh
# tests/cli/eval_duplicates.sh - `lookloom eval` and `lookloom duplicates` as people run them: stdout,
# stderr and exit code, to the letter. BIN and TEST_BIN name the folders of the programs.
set -u
folder=$(mktemp -d) || exit 3
trap 'rm -rf "$folder"' EXIT
lookloom="$BIN/lookloom"
failed=0
cd "$folder" || exit 3

# expect CODE STDOUT STDERR ARGUMENTS...: run lookloom, compare all three.
expect() {
    code=$1 out=$2 err=$3
    shift 3
    got_out=$("$lookloom" "$@" 2>err.txt; echo "exit $?")
    got_err=$(cat err.txt)
    want_out=$out${out:+
}"exit $code"
    if [ "$got_out" != "$want_out" ] || [ "$got_err" != "$err" ]; then
        failed=$((failed + 1))
        printf 'lookloom %s\n--- expected\n%s\n%s\n--- got\n%s\n%s\n' \
            "$*" "$want_out" "$err" "$got_out" "$got_err"
    fi
}

"$TEST_BIN/make_sample" s.h5 30 64 5 uint16 digests || exit 3
"$TEST_BIN/make_sample" plain.h5 60 64 2 none no-features || exit 3
"$TEST_BIN/make_sample" stored.h5 60 64 2 uint16 no-features || exit 3
"$TEST_BIN/make_sample" few.h5 9 64 10 float32 || exit 3
"$TEST_BIN/make_sample" chain.h5 12 64 2 none distinct seed=5 || exit 3
"$TEST_BIN/make_sample" one.h5 1 64 10 float32 || exit 3
header=label,items,measure,k,value,low,high,chance
groups=group,size,id,score,twin_of,lowest,linkage

# ---- eval
expect 0 "$header
,30,precision,1,0.5666666666667,,,0.6689655172414
,30,recall,1,0.03507246376812,,,0.03448275862069
,30,mAP,1,0.5666666666667,,,0.6689655172414
,30,nDCG,1,0.5666666666667,,,0.6689655172414
no,6,precision,1,0.3333333333333,,,0.1724137931034
no,6,recall,1,0.06666666666667,,,0.03448275862069
no,6,mAP,1,0.3333333333333,,,0.1724137931034
no,6,nDCG,1,0.3333333333333,,,0.1724137931034
yes,24,precision,1,0.625,,,0.7931034482759
yes,24,recall,1,0.02717391304348,,,0.03448275862069
yes,24,mAP,1,0.625,,,0.7931034482759
yes,24,nDCG,1,0.625,,,0.7931034482759" \
    'lookloom eval: 30 of 30 items asked; not asked: 0 without stock, 0 alone in their class' \
    eval s.h5 --label stock --k 1 --resamples 0 --format csv
said='lookloom eval: 30 of 30 items asked; not asked: 0 without product, 0 alone in their class
lookloom eval: low and high are 95 % bootstrap intervals over items: 200 resamples, seed 9'
"$lookloom" eval s.h5 --label product --k 1,5 --resamples 200 --seed 9 --format table \
    --jobs 1 --progress none >one.txt 2>one.err
"$lookloom" eval s.h5 --label product --k 1,5 --resamples 200 --seed 9 --format table \
    --jobs 3 >three.txt 2>three.err
cmp -s one.txt three.txt || { echo "eval: --jobs changes the result"; failed=$((failed + 1)); }
[ "$(cat one.err)" = "$said" ] || { echo "eval: $(cat one.err)"; failed=$((failed + 1)); }
grep -qE '^\(all\) +30  precision +5 +0\.[0-9]{3} +0\.[0-9]{3} +0\.[0-9]{3} +0\.[0-9]{3}$' one.txt ||
    { echo "eval: table: $(cat one.txt)"; failed=$((failed + 1)); }
"$lookloom" eval s.h5 --label product --k 1,5 --resamples 200 --seed 10 --format table -q |
    cmp -s one.txt - && { echo "eval: --seed changes nothing"; failed=$((failed + 1)); }
[ "$("$lookloom" eval s.h5 -q --label stock --k 3 --format jsonl | wc -l)" = 12 ] ||
    { echo "eval: not 12 lines"; failed=$((failed + 1)); }
case $("$lookloom" eval s.h5 -q --label stock --k 2) in
'[
{"label":null,"items":30,"measure":"precision","k":2,'*) ;;
*) echo "eval: json"; failed=$((failed + 1)) ;;
esac
"$lookloom" eval s.h5 -q --label stock --progress json --resamples 1 --k 1 2>&1 >/dev/null |
    grep -q . && { echo "eval: -q talks"; failed=$((failed + 1)); }
expect 0 "$header
,6,precision,3,0.5,,,0.625
,6,recall,3,0.3,,,0.375
,6,mAP,3,0.3333333333333,,,0.5208333333333
,6,nDCG,3,0.4711338641572,,,0.625
p2,6,precision,3,0.5,,,0.625
p2,6,recall,3,0.3,,,0.375
p2,6,mAP,3,0.3333333333333,,,0.5208333333333
p2,6,nDCG,3,0.4711338641572,,,0.625" \
    'lookloom eval: 6 of 9 items asked; not asked: 0 without product, 3 alone in their class' \
    eval few.h5 --label product --k 3 --resamples 0 --format csv
expect 0 "$header" \
    'lookloom eval: 0 of 1 items asked; not asked: 0 without stock, 1 alone in their class' \
    eval one.h5 --label stock --format csv

expect 2 '' 'lookloom eval: expected INDEX.h5 --label COLUMN; lookloom eval --help explains' eval
expect 2 '' 'lookloom eval: which column? add --label COLUMN' eval s.h5
expect 2 '' "lookloom eval: --label: no column 'brand'; the index has category, product, stock" \
    eval s.h5 --label brand
expect 2 '' 'lookloom eval: --k: 6 is more than the 5 neighbours an item has in s.h5; index with --neighbors 6' \
    eval s.h5 --label stock --k 1,6
expect 2 '' 'lookloom eval: --k: 0 is not between 1 and 1024' eval s.h5 --label stock --k 0
expect 2 '' 'lookloom eval: --k: 1025 is not between 1 and 1024' eval s.h5 --label stock --k 1025
expect 2 '' "lookloom eval: --k: '' is not a whole number" eval s.h5 --label stock --k 1,,2
expect 2 '' "lookloom eval: --k: 'ten' is not a whole number" eval s.h5 --label stock --k ten
expect 2 '' 'lookloom eval: --k: more than 16 values' \
    eval s.h5 --label stock --k 1,2,3,4,5,1,2,3,4,5,1,2,3,4,5,1,2
expect 2 '' 'lookloom eval: --resamples: -1 is not between 0 and 100000' \
    eval s.h5 --label stock --resamples -1
expect 2 '' 'lookloom eval: --jobs: 0 is not between 1 and 1024' eval s.h5 --label stock --jobs 0
expect 3 '' 'lookloom eval: absent.h5: No such file or directory' eval absent.h5 --label stock

# ---- duplicates
expect 0 "$groups
1,3,A0,1.000000,A0,1.000000,chain
1,3,C2,1.000000,,1.000000,chain
1,3,B19,1.000000,A0,1.000000,chain
2,2,B4,1.000000,B4,1.000000,chain
2,2,C5,1.000000,B4,1.000000,chain
3,2,B10,1.000000,,1.000000,chain
3,2,A24,1.000000,,1.000000,chain
4,2,A15,1.000000,,1.000000,chain
4,2,C17,1.000000,,1.000000,chain
5,2,B16,1.000000,,1.000000,chain
5,2,C23,1.000000,,1.000000,chain
6,2,A18,1.000000,,1.000000,chain
6,2,B25,1.000000,,1.000000,chain
7,2,C20,1.000000,,1.000000,chain
7,2,A27,1.000000,,1.000000,chain" \
    'lookloom duplicates: 7 groups of photos that score 1 or more: 15 of 30 items, 4 byte twins' \
    duplicates s.h5 --min-score 1 --format csv
expect 0 'linkage chain: an item scores 0.999 or more with some other of its group; lowest: its worst pair
group  size  id      score  twin_of    lowest
    1     8  A0   1.000000  A0       0.999791
    1     8  C2   1.000000           0.999791
    1     8  C11  0.999878           0.999791
    1     8  A15  0.999856           0.999791
    1     8  C17  0.999856           0.999791
    1     8  B19  1.000000  A0       0.999791
    1     8  C20  0.999879           0.999791
    1     8  A27  0.999879           0.999791
    2     7  B4   1.000000  B4       0.999891
    2     7  C5   1.000000  B4       0.999891
    2     7  B7   0.999999           0.999891
    2     7  A9   0.999998           0.999891
    2     7  A18  0.999900           0.999891
    2     7  B25  0.999900           0.999891
    2     7  C29  0.999895           0.999891
    3     2  A6   1.000000           0.999998
    3     2  C8   0.999998           0.999998
    4     2  B10  1.000000           1.000000
    4     2  A24  1.000000           1.000000
    5     2  A12  1.000000           0.999876
    5     2  C14  0.999876           0.999876
    6     2  B16  1.000000           1.000000
    6     2  C23  1.000000           1.000000' '' duplicates s.h5 --format table --quiet --progress none
# C5 is near enough to some of the seven, but not to all of them
expect 0 'linkage chain: an item scores 0.95 or more with some other of its group; lowest: its worst pair
group  size  id      score  twin_of    lowest
    1     7  A0   1.000000           0.938120
    1     7  C2   0.988915           0.938120
    1     7  B4   0.984429           0.938120
    1     7  C5   0.966237           0.938120
    1     7  A6   0.977811           0.938120
    1     7  A9   0.977970           0.938120
    1     7  C11  0.983898           0.938120
    2     2  B7   1.000000           0.986967
    2     2  B10  0.986967           0.986967' \
    'lookloom duplicates: 2 groups of photos that score 0.95 or more: 9 of 12 items, 0 byte twins' \
    duplicates chain.h5 --min-score 0.95 --format table
expect 0 'linkage every-pair: an item scores 0.95 or more with every other of its group; lowest: its worst pair
group  size  id      score  twin_of    lowest
    1     6  A0   1.000000           0.960829
    1     6  C2   0.988915           0.960829
    1     6  B4   0.984429           0.960829
    1     6  A6   0.977811           0.960829
    1     6  A9   0.977970           0.960829
    1     6  C11  0.983898           0.960829
    2     2  B7   1.000000           0.986967
    2     2  B10  0.986967           0.986967' \
    'lookloom duplicates: 2 groups of photos that score 0.95 or more with every other of their group: 8 of 12 items, 0 byte twins' \
    duplicates chain.h5 --min-score 0.95 --format table --every-pair
case $("$lookloom" duplicates s.h5 -q) in
'[
{"group":1,"size":8,"id":"A0","score":1.0,"twin_of":"A0","lowest":0.999791,"linkage":"chain"},
{"group":1,"size":8,"id":"C2","score":1.0,"twin_of":null,"lowest":0.999791,"linkage":"chain"},'*) ;;
*) echo "duplicates: json"; failed=$((failed + 1)) ;;
esac
case $("$lookloom" duplicates s.h5 -q --every-pair --format jsonl) in
'{"group":1,"size":8,"id":"A0","score":1.0,"twin_of":"A0","lowest":0.999791,"linkage":"every-pair"}
'*) ;;
*) echo "duplicates: jsonl of every pair"; failed=$((failed + 1)) ;;
esac
[ "$("$lookloom" duplicates s.h5 -q --format jsonl --min-score 0 | wc -l)" = 30 ] ||
    { echo "duplicates: not 30 lines"; failed=$((failed + 1)); }
expect 0 "$groups" \
    'lookloom duplicates: 0 groups of photos that score 0.999 or more: 0 of 1 items, 0 byte twins' \
    duplicates one.h5 --format csv
expect 0 '' '' duplicates one.h5 --format table -q --every-pair
"$lookloom" duplicates plain.h5 --min-score 0.3 >out.txt 2>err.txt
grep -q 'one group may be listed as several: .* neither matrix nor features to look further$' \
    err.txt || { echo "duplicates: incomplete: $(cat err.txt)"; failed=$((failed + 1)); }
grep -q 'lowest is not known for 10 groups: .* neither matrix nor features$' err.txt &&
    grep -q '"lowest":null' out.txt ||
    { echo "duplicates: lowest: $(cat err.txt)"; failed=$((failed + 1)); }
"$lookloom" duplicates plain.h5 --min-score 0.3 --every-pair >out.txt 2>err.txt
grep -q 'as several: .*; a pair that was not seen counts as one that scores less$' err.txt &&
    ! grep -q '"lowest":null' out.txt ||
    { echo "duplicates: unseen pairs: $(cat err.txt)"; failed=$((failed + 1)); }
"$lookloom" duplicates stored.h5 --min-score 0.3 --every-pair 2>&1 >/dev/null |
    grep -q 'some links rest on stored scores' ||
    { echo "duplicates: inexact"; failed=$((failed + 1)); }
expect 3 '' 'lookloom duplicates: s.h5: of 28 photos that links connect, more than 25 pairs score 0 or more: they do not fit into --memory, 1.0 KB; a higher --min-score has fewer' \
    duplicates s.h5 --min-score 0 --every-pair --memory 1000
expect 2 '' 'lookloom duplicates: --memory: 0 is too small' \
    duplicates s.h5 --memory 0
expect 2 '' 'lookloom duplicates: --memory: only with --every-pair' duplicates s.h5 --memory 1G
expect 2 '' 'lookloom duplicates: expected INDEX.h5; lookloom duplicates --help explains' \
    duplicates s.h5 one.h5
expect 2 '' 'lookloom duplicates: --min-score: scores go from 0 to 1; write 0.99' \
    duplicates s.h5 --min-score 99
expect 2 '' "lookloom duplicates: --format: 'xml' is not one of table|json|jsonl|csv" \
    duplicates s.h5 --format xml
expect 3 '' 'lookloom duplicates: absent.h5: No such file or directory' duplicates absent.h5

# ---- both: a file cut short, and a full disk
head -c 2000 s.h5 >short.h5
for words in 'eval short.h5 --label stock' 'duplicates short.h5'; do
    # shellcheck disable=SC2086
    "$lookloom" $words >out.txt 2>err.txt
    code=$?
    if [ $code != 3 ] || [ -s out.txt ] || [ "$(wc -l <err.txt)" != 1 ]; then
        echo "$words: exit $code: $(cat out.txt err.txt)"
        failed=$((failed + 1))
    fi
done
if [ -w /dev/full ]; then
    for words in 'eval s.h5 -q --k 1 --label stock' 'duplicates s.h5 -q'; do
        # shellcheck disable=SC2086
        got=$("$lookloom" $words 2>&1 >/dev/full; echo "exit $?")
        case $got in
        *'standard output: No space left on device
exit 3') ;;
        *) echo "$words on a full disk: $got"; failed=$((failed + 1)) ;;
        esac
    done
fi

[ $failed = 0 ] || { echo "$failed failed"; exit 1; }
echo "eval, duplicates: all as promised"
