#!/usr/bin/env bash
# tests/cli/report_browser.sh - a page of `lookloom report` in a browser, wide and narrow: it is drawn
# and the console stays silent, hostile ids or not. Skipped where there is no chromium.
# BIN and TEST_BIN name the folders of the programs.
set -u
chromium=$(command -v chromium || command -v chromium-browser) || { echo 'skipped: no chromium'; exit 77; }
folder=$(mktemp -d) || exit 3
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 3
failed=0

# look PAGE WIDTH: a picture in PAGE.WIDTH.png, what the console says in console.txt
look() {
    HOME=$folder timeout 60 "$chromium" --headless --no-sandbox --disable-gpu --disable-dev-shm-usage \
        --user-data-dir="$folder/profile" --enable-logging=stderr --hide-scrollbars \
        --window-size="$2,3000" --screenshot="$folder/$1.$2.png" "file://$folder/$1" >log.txt 2>&1 </dev/null
    grep CONSOLE log.txt >console.txt
    [ -s "$1.$2.png" ]
}

echo '<!DOCTYPE html><title>x</title>' >empty.html
look empty.html 390 || { echo 'skipped: chromium does not start here'; exit 77; }

"$TEST_BIN/make_sample" hostile.h5 48 32 12 float32 hostile || exit 3
"$BIN/lookloom" report hostile.h5 -o page.html -q || exit 3
for width in 1280 390; do
    look page.html $width || { echo "$width: no picture"; failed=1; }
    [ -s console.txt ] && { echo "$width: $(cat console.txt)"; failed=1; }
done
# the console would have spoken: the same page with a script in it, which its policy forbids
sed 's|</main>|<script>alert(1)</script></main>|' page.html >worse.html
look worse.html 1280
grep -q 'Content Security Policy' console.txt || { echo 'a script was not refused'; failed=1; }

[ $failed = 0 ] && echo 'report: drawn, and nothing on the console'
exit $failed
