#!/bin/sh
# tests/cli/report.sh - `lookloom report` as people run it: exit codes, what it says, and that a page
# is there whole or not at all. What pages hold is tests/golden/verify_report.py's. BIN and TEST_BIN
# name the folders of the programs.
set -u
folder=$(mktemp -d) || exit 3
trap 'chmod -R u+w "$folder"; rm -rf "$folder"' EXIT
lookloom="$BIN/lookloom"
failed=0
cd "$folder" || exit 3

wrong() { echo "$*"; failed=$((failed + 1)); }

# expect CODE STDERR ARGUMENTS...: stdout is always empty.
expect() {
    code=$1 err=$2
    shift 2
    "$lookloom" report "$@" >out.txt 2>err.txt
    got=$?
    if [ $got != "$code" ] || [ -s out.txt ] || [ "$(cat err.txt)" != "$err" ]; then
        printf 'lookloom report %s\n--- expected %s\n%s\n--- got %s\n%s\n' "$*" "$code" "$err" \
            "$got" "$(cat out.txt err.txt)"
        failed=$((failed + 1))
    fi
}

"$TEST_BIN/make_sample" s.h5 30 32 12 uint16 digests || exit 3
"$TEST_BIN/make_sample" plain.h5 20 32 2 none no-features untrained within || exit 3
"$TEST_BIN/make_sample" one.h5 1 32 10 float32 || exit 3
missing='; its place is left empty (--image-root DIR?)'

# ---- a page, the same again, another seed
expect 0 "lookloom report: images/2.jpg: No such file or directory$missing" s.h5 -o r.html --item C2
expect 0 '' s.h5 --output again.html --item C2 --quiet --progress none
cmp -s r.html again.html || wrong 'two runs, two pages'
expect 0 '' s.h5 -q -o again.html --item C2 --seed 2
cmp -s r.html again.html && wrong '--seed changes nothing'
expect 0 '' s.h5 -q -o again.html --item C2 --item B4 --item C2 --sheet 0
[ "$(grep -c '^<article' again.html)" = 2 ] || wrong '--item is not shown, or twice'
[ "$(grep -c '^<article' r.html)" = 13 ] || wrong 'not 12 drawn items beside the chosen one'
expect 0 '' s.h5 -q -o all.html --sheet 200
[ "$(grep -c '^<article' all.html)" = 30 ] || wrong 'not all items'
expect 0 '' s.h5 -q -o title.html --sheet 1 --title 'Spring <&> summer'
grep -q '<h1><bdi>Spring &lt;&amp;&gt; summer</bdi></h1>' title.html || wrong 'no title'
grep -q '<h1><bdi>s.h5</bdi></h1>' r.html || wrong 'the title is not the name of the index'
grep -qi 'untrained' r.html && wrong 'trained weights are called untrained'
expect 0 '' plain.h5 -q -o plain.html
grep -q '<strong>Untrained weights.</strong>' plain.html || wrong 'untrained weights are kept quiet'
grep -q 'The index has no matrix' plain.html || wrong 'says not where scores come from'
grep -q 'not stored' plain.html || wrong 'two neighbours told of ten'
grep -q 'only items with the same <bdi>category</bdi>' plain.html || wrong 'says not of --within'
expect 0 '' one.h5 -q -o one.html
grep -q 'no other item' one.html || wrong 'an item alone'

# ---- a photo, found where --image-root says
mkdir -p elsewhere/images
printf 'P6\n' >elsewhere/images/2.jpg # no photo
expect 0 "lookloom report: images/2.jpg: unsupported format$missing" s.h5 -o r.html --item C2 \
    --sheet 0 --image-root elsewhere
mkfifo elsewhere/images/0.jpg
expect 0 "lookloom report: images/0.jpg: not a regular file$missing" s.h5 -o r.html --item A0 \
    --sheet 0 --image-root elsewhere

# ---- refusals
expect 2 'lookloom report: expected INDEX.h5 -o FILE; lookloom report --help explains' -o r.html
expect 2 'lookloom report: write where? add -o report.html' s.h5
expect 2 'lookloom report: --sheet: 201 is not between 0 and 200' s.h5 -o r.html --sheet 201
expect 2 'lookloom report: --seed: -1 is not between 0 and 2147483647' s.h5 -o r.html --seed -1
expect 3 'lookloom report: absent.h5: No such file or directory' absent.h5 -o r.html
expect 1 'lookloom report: C22: no such item; nearest: B22, C2, C20' s.h5 -o new.html --item C22
expect 1 'lookloom report: broken: rejected: truncated JPEG' s.h5 -o new.html --item C2 --item broken
[ -e new.html ] && wrong 'a page for an unknown item'

# ---- whole or not at all
cp r.html kept.html
head -c 2000 s.h5 >short.h5
"$lookloom" report short.h5 -o r.html >out.txt 2>err.txt
[ $? = 3 ] && [ "$(wc -l <err.txt)" = 1 ] || wrong "short.h5: $(cat err.txt)"
expect 3 'lookloom report: nowhere/r.html: No such file or directory' s.h5 -o nowhere/r.html
expect 3 'lookloom report: elsewhere: is a folder' s.h5 -o elsewhere
expect 3 'lookloom report: elsewhere/images/0.jpg: not a regular file' s.h5 -o elsewhere/images/0.jpg
[ -p elsewhere/images/0.jpg ] || wrong 'a FIFO was replaced'
expect 2 'lookloom report: s.h5: is the index' s.h5 -o s.h5
(
    trap '' XFSZ
    ulimit -f 8 # blocks of 512 bytes or of 1024: less than a page
    exec "$lookloom" report s.h5 -q -o r.html >out.txt 2>err.txt
)
code=$?
[ $code = 3 ] && grep -q '^lookloom report: r.html: File too large$' err.txt ||
    wrong "a full disk: exit $code: $(cat err.txt)"
cmp -s r.html kept.html || wrong 'the old page did not survive'
ls ./*.part >/dev/null 2>&1 && wrong "left behind: $(ls ./*.part)"

[ $failed = 0 ] || { echo "$failed failed"; exit 1; }
echo "report: all as promised"
