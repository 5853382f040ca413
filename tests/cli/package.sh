#!/usr/bin/env bash
# tests/cli/package.sh - the tarball of tools/package on a clean Debian 12: unpacked there, it
# indexes 20 photos on the cpu backend, to the same scores, bit by bit, as the build it came from;
# answers; and says why it passed over the card.
#
# The clean root is the files of this machine's essential packages and of what those depend on: a
# debootstrap minbase without apt, in a second and without a network. Needs the shop of shop.sh,
# dpkg, and chroot; with mount namespaces the root has /proc, and CUDA's libraries in a python's
# folder if this machine has any. Skipped (77) where chroot is not permitted.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root
python=usr/local/lib/python3.11/dist-packages/nvidia/cuda/lib
PATH=$PATH:/usr/sbin:/sbin

skip() {
    echo "skipped: $*"
    exit 77
}

fail() {
    echo "FAILED: $*"
    exit 1
}

command -v dpkg-query >/dev/null || skip "no dpkg: this is no Debian"

# ---- the clean root ----

# Essential packages and all they depend on that is installed; of alternatives all, of those that
# provide the same, one.
packages() {
    # shellcheck disable=SC2016 # dpkg's own fields, not the shell's
    dpkg-query -Wf '${db:Status-Abbrev}|${Package}|${Essential}|${Provides}|${Pre-Depends}, ${Depends}\n' |
        awk -F'|' '
            $1 ~ /^ii/ {
                count = split($4, parts, ",")
                for (i = 1; i <= count; i++) {
                    sub(/^ */, "", parts[i])
                    sub(/[ :(].*/, "", parts[i])
                    provided[parts[i]] = $2
                }
                needs[$2] = $5
                for (i = 6; i <= NF; i++) needs[$2] = needs[$2] "," $i
                if ($3 == "yes") queue[n++] = $2
            }
            END {
                for (at = 0; at < n; at++) {
                    if (queue[at] in done) continue
                    done[queue[at]]
                    print queue[at]
                    count = split(needs[queue[at]], parts, ",")
                    for (i = 1; i <= count; i++) {
                        sub(/^ */, "", parts[i])
                        sub(/[ :(].*/, "", parts[i])
                        if (parts[i] in needs) queue[n++] = parts[i]
                        else if (parts[i] in provided) queue[n++] = provided[parts[i]]
                    }
                }
            }'
}

make_root() {
    local link
    mkdir -p "$root"/{usr/{bin,lib,lib64,sbin},proc,dev,tmp,opt,shop}
    : >"$root/dev/null" # no device: programs may read nothing from it and write to it
    ln -s /proc/self/fd "$root/dev/fd"
    for link in bin lib lib64 sbin; do ln -s "usr/$link" "$root/$link"; done
    packages >"$work/packages"
    # shellcheck disable=SC2046 # names of packages have no spaces
    dpkg-query -L $(cat "$work/packages") | grep -vE '^/usr/share/(doc|man|locale|info)/' |
        grep '^/[^/]' | sort -u | while IFS= read -r path; do
        if [[ -f "$path" || -L "$path" ]]; then printf '%s\n' "${path#/}"; fi
    done >"$work/files"
    tar -C / --no-recursion -cf - --files-from "$work/files" 2>"$work/tar.log" |
        tar -C "$root" --keep-directory-symlink --no-same-owner -xf - ||
        fail "no clean root: $(tail -n 1 "$work/tar.log")"
    # The one link of a minbase that bench/gpu needs and no package holds.
    for link in mawk gawk; do
        [ -e "$root/usr/bin/awk" ] || [ ! -x "$root/usr/bin/$link" ] ||
            ln -s "$link" "$root/usr/bin/awk"
    done
}

# How the root is entered: in a mount namespace, or by chroot alone.
own=(unshare --mount)
[ "$(id -u)" -eq 0 ] || own+=(--map-root-user)
if ! "${own[@]}" true 2>/dev/null; then
    own=()
    chroot / true 2>/dev/null || skip "neither namespaces nor chroot for $(id -un)"
fi
cuda=
if [ ${#own[@]} -gt 0 ]; then
    cuda=$(ldconfig -p | sed -n 's/.*libcudnn\.so\.9 .*=> //p' | head -n 1)
    cuda=${cuda%/*}
fi

# A program in the root, with nothing in the environment but a place for temporary files.
clean() { # PROGRAM ARGUMENTS...
    if [ ${#own[@]} -eq 0 ]; then
        chroot "$root" /usr/bin/env -i TMPDIR=/tmp "$@"
        return
    fi
    # shellcheck disable=SC2016 # expanded in there
    "${own[@]}" bash -c '
        mount --rbind /proc "$0/proc" && mount --bind "$1" "$0/shop" || exit 99
        [ -z "$2" ] || mount --bind "$2" "$0/$3" || exit 99
        shift 3 && exec chroot "$0" /usr/bin/env -i TMPDIR=/tmp "$@"' \
        "$root" "$SHOP" "${with_cuda:+$cuda}" "$python" "$@"
}

make_root
clean /bin/bash -c true || fail "the clean root does not start"
if [ ${#own[@]} -eq 0 ]; then
    cp -rl "$SHOP/." "$root/shop/" 2>/dev/null || cp -r "$SHOP/." "$root/shop/"
fi
for name in libdnnl.so.2 libcurl.so.4 libcrypto.so.3 libcudnn.so.9; do
    [ -z "$(find "$root" -name "$name")" ] || [ "$name" = libcrypto.so.3 ] ||
        fail "$name is in the clean root already"
done

# ---- the tarball in it ----

tools/package --built >"$work/package.log" 2>&1 ||
    fail "tools/package: $(tail -n 5 "$work/package.log")"
tail -n 1 "$work/package.log"
tarball=$(sed -n 's/^package: \([^,]*\), .*/\1/p' "$work/package.log")
tar -xzf "$tarball" -C "$root/opt"
home=/opt/$(basename "$tarball" .tar.gz)
bin=$home/bin
head -n 21 "$SHOP/shop/catalog.csv" >"$root/tmp/catalog.csv"
make_index=(index --weights /shop/weights.h5 --image-root /shop/shop -q)

clean "$bin/lookloom" "${make_index[@]}" /tmp/catalog.csv -o /tmp/there.h5 --backend cpu ||
    fail "it does not index"
clean "$bin/lookloom" verify /tmp/there.h5 || fail "its index is not sound"
first=$(awk -F, 'NR == 2 { print $1 }' "$root/tmp/catalog.csv")
clean "$bin/lookloom-query" /tmp/there.h5 "$first" --format csv >"$work/answer" ||
    fail "it does not answer"
[ "$(wc -l <"$work/answer")" -ge 2 ] || fail "its answer is empty"
"$BIN/lookloom" index --weights "$SHOP/weights.h5" --image-root "$SHOP/shop" -q \
    "$root/tmp/catalog.csv" -o "$work/here.h5" --backend cpu
"$BIN/lookloom" diff --tolerance 0 "$work/here.h5" "$root/tmp/there.h5" ||
    fail "its index is another one"

# ---- no card in it ----

says() { # PATTERN: in $work/info
    grep -qE -- "$1" "$work/info" || fail "lookloom info does not say '$1': $(cat "$work/info")"
}

code=0
clean "$bin/lookloom" "${make_index[@]}" /tmp/catalog.csv -o /tmp/cuda.h5 --backend cuda \
    2>"$work/refusal" || code=$?
[[ "$code" -eq 3 && "$(wc -l <"$work/refusal")" -eq 1 && ! -e "$root/tmp/cuda.h5" ]] ||
    fail "--backend cuda without a driver: exit $code, $(cat "$work/refusal")"
clean "$bin/lookloom" info --format table >"$work/info" || fail "no info"
if [ -f "$root$home/lib/lookloom/lookloom-cuda.so" ] && [ ${#own[@]} -gt 0 ]; then
    code=0
    clean "$home/bench/gpu" /tmp/gpu >"$work/bench" 2>&1 || code=$?
    [[ "$code" -eq 3 && "$(cat "$work/bench")" == 'gpu: no device: nothing was measured; '* &&
        "$(wc -l <"$work/bench")" -eq 1 ]] || fail "bench/gpu: exit $code, $(cat "$work/bench")"
    says '^cuda .*libcudnn\.so\.9: cannot open shared object file'
    says "^module .*$home/bin/\.\./lib/lookloom/lookloom-cuda\.so"
    says '^libcudnn\.so\.9 .*not found by the loader'
    says 'looked at .*/usr/local/lib/python3\*/dist-packages/nvidia/\*/lib/libcudnn\.so\.9'
    if [ -n "$cuda" ]; then
        mkdir -p "$root/$python"
        with_cuda=yes
        clean "$bin/lookloom" info --format table >"$work/info" || fail "no info beside CUDA"
        says "^libcudnn\.so\.9 .*/$python/libcudnn\.so\.9"
        says "^libcublasLt\.so\.13 .*/$python/libcublasLt\.so\.13"
        says '^cuda .*no NVIDIA driver'
        kind=', CUDA found in a python folder'
    fi
else
    says '^cuda .*(not installed|cannot open)'
fi
echo "package: 20 photos indexed on a clean Debian $(cat /etc/debian_version)," \
    "$(wc -l <"$work/packages") packages${kind:-}"
