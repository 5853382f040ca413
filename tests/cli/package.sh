#!/usr/bin/env bash
# tests/cli/package.sh - the tarball of tools/package on a clean Debian 12: unpacked there, it
# indexes 20 photos on the cpu backend, to the same scores, bit by bit, as the build it came from.
#
# The clean root is made by debootstrap where that is installed and finds its packages; else it holds
# glibc and nothing more, not even a shell, which hides no missing library either. Needs the shop of
# shop.sh, and root or user namespaces; skipped (77) without.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root

skip() {
    echo "skipped: $*"
    exit 77
}

fail() {
    echo "FAILED: $*"
    exit 1
}

own=(unshare --mount)
[ "$(id -u)" -eq 0 ] || own+=(--map-root-user)
"${own[@]}" true 2>/dev/null || skip "no mount namespaces for $(id -un)"

debian_root() {
    local site
    command -v debootstrap >/dev/null && [ "$(id -u)" -eq 0 ] || return 1
    # shellcheck disable=SC2016 # apt's own field, not the shell's
    site=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 'Codename: bookworm' |
        head -n 1)
    # In a namespace of its own, so that nothing stays mounted below $root if the time is up.
    "${own[@]}" timeout 300 debootstrap --variant=minbase bookworm "$root" ${site:+"$site"} \
        >"$work/debootstrap.log" 2>&1 </dev/null
}

glibc_root() {
    local path
    rm -rf "$root"
    for path in $(dpkg-query -L libc6 | grep -E '\.so(\.[0-9]+)?$'); do
        [[ -f "$path" && "$path" != */gconv/* ]] || continue
        mkdir -p "$root$(dirname "$path")"
        cp -L "$path" "$root$path"
    done
    mkdir -p "$root"/{proc,tmp}
}

# In the clean root, with nothing in the environment but a place for temporary files.
clean() { # PROGRAM ARGUMENTS...
    # shellcheck disable=SC2016 # expanded in there
    "${own[@]}" bash -c '
        mount --rbind /proc "$0/proc" && mount --bind "$1" "$0/shop" && shift &&
            exec env -i TMPDIR=/tmp "$(PATH=$PATH:/usr/sbin command -v chroot)" "$0" "$@"' "$root" "$SHOP" "$@"
}

if debian_root; then
    kind="debootstrap's minbase"
else
    kind="glibc alone"
    glibc_root
fi
tools/package >"$work/package.log" 2>&1 || fail "tools/package: $(tail -n 5 "$work/package.log")"
tail -n 1 "$work/package.log"
tarball=$(sed -n 's/^package: \([^,]*\), .*/\1/p' "$work/package.log")
mkdir -p "$root/shop" "$root/tmp" "$root/opt"
tar -xzf "$tarball" -C "$root/opt"
bin=/opt/$(basename "$tarball" .tar.gz)/bin
head -n 21 "$SHOP/shop/catalog.csv" >"$root/tmp/catalog.csv"
make_index=(index --weights /shop/weights.h5 --image-root /shop/shop -q)

clean "$bin/lookloom" "${make_index[@]}" /tmp/catalog.csv -o /tmp/there.h5 --backend cpu ||
    fail "it does not index"
clean "$bin/lookloom" verify /tmp/there.h5 || fail "its index is not sound"
first=$(awk -F, 'NR == 2 { print $1 }' "$root/tmp/catalog.csv")
clean "$bin/lookloom-query" /tmp/there.h5 "$first" --format csv >"$work/answer" ||
    fail "it does not answer"
[ "$(wc -l <"$work/answer")" -ge 2 ] || fail "its answer is empty"
code=0
clean "$bin/lookloom" "${make_index[@]}" /tmp/catalog.csv -o /tmp/cuda.h5 --backend cuda \
    2>"$work/refusal" || code=$?
[[ "$code" -eq 3 && "$(wc -l <"$work/refusal")" -eq 1 && ! -e "$root/tmp/cuda.h5" ]] ||
    fail "--backend cuda without a driver: exit $code, $(cat "$work/refusal")"
"$BIN/lookloom" index --weights "$SHOP/weights.h5" --image-root "$SHOP/shop" -q \
    "$root/tmp/catalog.csv" -o "$work/here.h5" --backend cpu
"$BIN/lookloom" diff --tolerance 0 "$work/here.h5" "$root/tmp/there.h5" || fail "its index is another one"
echo "package: 20 photos indexed on a clean Debian 12 ($kind)"
