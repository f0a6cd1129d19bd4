#!/usr/bin/env bash
# build.sh [BINARY] [OUTPUT_FOLDER]: makes anb_VERSION_ARCH.deb for Debian 12 from a release build, and prints its path.
# The same commit, binary and toolchain give the same bytes.
#
# ANB_EXTRAS may name a folder with share/man/man1/anb.1.gz and shell completions: those that exist are packed.
set -euo pipefail
umask 022
export LC_ALL=C

here=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)
project=$(cd "$here/../.." && pwd)

fail() { printf 'build.sh: %s\n' "$*" >&2; exit 1; }

# 0.9.0~git20261127.abc1234: sorts before 0.9.0, which is what the commit with the tag v0.9.0 is called.
version() {
    local constant state=''
    constant=$(<"$here/version")
    if ! git -C "$project" rev-parse --git-dir >/dev/null 2>&1; then printf '%s' "$constant"; return; fi
    [ -z "$(git -C "$project" status --porcelain --untracked-files=no)" ] || state=+modified
    if [ -z "$state" ] && git -C "$project" tag --points-at HEAD | grep -qxF "v$constant"; then
        printf '%s' "$constant"
    else
        printf '%s~git%s%s' "$constant" \
            "$(TZ=UTC0 git -C "$project" log -1 --abbrev=7 --date=format-local:%Y%m%d --format=%cd.%h)" "$state"
    fi
}

# The time of every file in the package: the last commit's, unless the caller knows better.
epoch() {
    if [ -n "${SOURCE_DATE_EPOCH-}" ]; then printf '%s' "$SOURCE_DATE_EPOCH"
    else git -C "$project" log -1 --format=%ct 2>/dev/null || fail 'neither git nor SOURCE_DATE_EPOCH tells a date'
    fi
}

# What the binary loads and no Debian package brings: the runtime of Swift. None, if it is linked statically.
private_libraries() {
    local paths known missing path
    paths=$(ldd "$1" | awk '$2 == "=>" && $3 ~ /^\// { print $3 }' | sort -u)
    missing=$(ldd "$1" | awk '/not found/ { print $1 }')
    [ -z "$missing" ] || fail "$1 needs libraries that this machine has not: $missing"
    # One question for all. It fails when one path is unknown, which is what is asked. On a merged /usr the packages'
    # lists name some libraries by /lib, some by /usr/lib: base names tell enough.
    known=$(printf '%s\n' "$paths" | sed 's,.*/,*/,' | xargs dpkg-query -S 2>/dev/null | sed 's,.*/,,' || true)
    for path in $paths; do
        grep -qxF "${path##*/}" <<<"$known" || printf '%s\n' "$path"
    done
}

put() { install -D -m "$1" "$2" "$tree/$3"; }

put_binary() {
    local library name
    put 755 "$binary" usr/bin/anb
    strip --strip-unneeded "$tree/usr/bin/anb"
    while read -r library; do
        name=usr/lib/anb/${library##*/}
        put 644 "$library" "$name"
        strip --strip-unneeded "$tree/$name"
        # Among themselves they are found beside each other.
        # shellcheck disable=SC2016
        patchelf --set-rpath '$ORIGIN' "$tree/$name"
    done < <(private_libraries "$binary")
    # The build machine's toolchain must not be looked for on others. A static build needs no path at all.
    if compgen -G "$tree/usr/lib/anb/*.so" >/dev/null; then patchelf --set-rpath /usr/lib/anb "$tree/usr/bin/anb"
    else patchelf --remove-rpath "$tree/usr/bin/anb"
    fi
}

put_files() {
    local file mode extra
    while IFS= read -r -d '' file; do
        mode=644
        [ ! -x "$here/root/$file" ] || mode=755
        # Secrets; postinst gives it to the group anb, which does not exist here.
        [ "$file" != etc/anb/environment ] || mode=640
        put "$mode" "$here/root/$file" "$file"
    done < <(cd "$here/root" && find . -type f -printf '%P\0' | sort -z)
    put 644 "$here/user-data.yaml" usr/share/doc/anb/examples/user-data.yaml
    for extra in man/man1/anb.1.gz bash-completion/completions/anb zsh/vendor-completions/_anb \
        fish/vendor_completions.d/anb.fish; do
        [ ! -e "${ANB_EXTRAS:-/nonexistent}/share/$extra" ] || put 644 "$ANB_EXTRAS/share/$extra" "usr/share/$extra"
    done
    mkdir -p "$tree/usr/share/doc/anb"
    printf 'anb (%s) bookworm; urgency=medium\n\n  * Commit %s.\n\n -- %s  %s\n' "$full_version" \
        "$(git -C "$project" rev-parse HEAD 2>/dev/null || echo unknown)" "$maintainer" \
        "$(date -u -R -d "@$SOURCE_DATE_EPOCH")" | gzip -9n >"$tree/usr/share/doc/anb/changelog.Debian.gz"
}

# Libraries with the versions that the symbols in use ask for.
library_packages() {
    mkdir -p "$temporary/debian"
    printf 'Source: anb\n\nPackage: anb\nArchitecture: any\n' >"$temporary/debian/control"
    local file files=()
    for file in "$tree"/usr/bin/anb "$tree"/usr/lib/anb/*.so; do [ ! -e "$file" ] || files+=("$file"); done
    (cd "$temporary" && dpkg-shlibdeps -O -S"$tree" -l"$tree/usr/lib/anb" --ignore-missing-info \
        "${files[@]}" 2>"$temporary/shlibdeps.log") | sed 's/^shlibs:Depends=//' ||
        fail "dpkg-shlibdeps: $(tail -n 3 "$temporary/shlibdeps.log")"
}

put_control() {
    local script libraries
    libraries=$(library_packages)
    [ -n "$libraries" ] || fail 'the binary depends on no library: that cannot be'
    mkdir -p "$tree/DEBIAN"
    # Programs: ffmpeg and the brand's font; bwrap, setpriv, prlimit, unshare and flock for the sandbox and the units;
    # ps for operators (docs/runbook.md); passwd where systemd-sysusers is missing (a container).
    cat >"$tree/DEBIAN/control" <<END
Package: anb
Version: $full_version
Architecture: $architecture
Maintainer: $maintainer
Installed-Size: $(du -k -s --apparent-size "$tree" | cut -f 1)
Depends: $libraries, bubblewrap, ca-certificates, ffmpeg, fonts-dejavu-core, passwd, procps, util-linux
Recommends: logrotate, nginx, postgresql
Section: net
Priority: optional
Homepage: https://www.anb.example
Description: ANB Rising Stars: API and transcode nodes of the contest
 Players upload clips, workers transcode them, the public votes.
 .
 nginx serves port 80 before the API node. PostgreSQL is needed for the
 embedded database of a single machine, not beside DATABASE_URL.
END
    (cd "$tree" && find etc -type f -printf '/%p\n' | sort) >"$tree/DEBIAN/conffiles"
    # nginx may be installed after this package, also in the same run of apt.
    echo 'interest-noawait /etc/nginx/sites-available/default' >"$tree/DEBIAN/triggers"
    (cd "$tree" && find . -path ./DEBIAN -prune -o -type f -printf '%P\0' | sort -z | xargs -0 md5sum) \
        >"$tree/DEBIAN/md5sums"
    for script in postinst prerm postrm; do install -m 755 "$here/DEBIAN/$script" "$tree/DEBIAN/$script"; done
    chmod 644 "$tree"/DEBIAN/{control,conffiles,triggers,md5sums}
}

for tool in dpkg-deb dpkg-shlibdeps strip patchelf; do
    [ -n "$(command -v "$tool")" ] || fail "$tool is missing: apt-get install dpkg-dev binutils patchelf"
done
binary=$(readlink -f "${1:-$project/.build/release/anb}")
output=${2:-$project/.build}
[ -x "$binary" ] || fail "$binary is missing: ./anb build"

maintainer='ANB Rising Stars <operators@anb.example>'
full_version=$(version)
architecture=$(dpkg --print-architecture)
SOURCE_DATE_EPOCH=$(epoch)
export SOURCE_DATE_EPOCH

temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT
tree=$temporary/tree
mkdir -p "$tree" "$output"
put_binary
put_files
put_control
find "$tree" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
package=anb_${full_version}_$architecture.deb
# One thread: how xz cuts blocks among several depends on the machine. Level 2: 26 MB in 4 s, where 6 takes 20.
dpkg-deb --root-owner-group -Zxz -z2 --threads-max=1 --build "$tree" "$temporary/$package" >/dev/null
mv "$temporary/$package" "$output/$package"
printf '%s\n' "$output/$package"
