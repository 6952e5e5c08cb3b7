#!/usr/bin/env bash
# Makes a release in dist/: archives, packages, a container image, SBOMs, licences and sums. The same commit and the same Go
# give the same bytes; dist_twice.sh compares. docs/release.md says how a release is made and checked.
#
#   VERSION=1.2.3 scripts/dist.sh     a release; without VERSION, a version made of the commit
#   DIST_ARCHS=amd64 ...              for these processors only (default: amd64 arm64)
#   SIGNING_KEY=FILE ...              sign SHA256SUMS with this OpenSSH key
#
#   DIST_URL=URL ...                  where the release will be found, for the manifests of scoop and winget
#   MAINTAINER='NAME <ADDRESS>' ...   of the packages
#
# It needs Linux, Go, GNU tar, gzip and git; msibuild and gcab for the MSI; ssh-keygen for a signature.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD

NFPM=github.com/goreleaser/nfpm/v2/cmd/nfpm@v2.45.2
CYCLONEDX=github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v1.10.0

# Nothing of the machine may be seen in the result.
umask 022
export LC_ALL=C TZ=UTC CGO_ENABLED=0 GOFLAGS='-trimpath -buildvcs=false' GOAMD64=v1 GOARM64=v8.0 GOEXPERIMENT= GOWORK=off

say() { printf 'dist: %s\n' "$*"; }
fail() { printf 'dist: %s\n' "$*" >&2; exit 1; }
skipped=()

commit=$(scripts/commit.sh)
[[ -n $commit ]] || fail "no commit: this is neither a clone nor is COMMIT set"
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export SOURCE_DATE_EPOCH
version=${VERSION:-}
# Without a version, one that comes before every release and sorts by time.
[[ -n $version ]] || version=0.0.0-$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y%m%d%H%M%S).${commit:0:12}
[[ $commit != *-modified ]] || { say "files differ from the commit: nobody can make this again"; [[ -n ${VERSION:-} ]] || version+=.modified; }
[[ $version =~ ^[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?$ ]] || fail "VERSION=$version: want X.Y.Z or X.Y.Z-WORD"
read -ra archs <<<"${DIST_ARCHS:-amd64 arm64}"
host=$(go env GOHOSTARCH)
[[ $(go env GOHOSTOS) == linux ]] || fail "a release is made on Linux"

dist=$root/dist
work=$root/bin/dist
tools=$root/bin/tools
rm -rf "$dist" "$work"
mkdir -p "$dist" "$work" "$tools"
say "webproxy $version, commit $commit, $(go env GOVERSION)"

. scripts/dist/build.sh
. scripts/dist/files.sh
. scripts/dist/archives.sh
. scripts/dist/packages.sh
. scripts/dist/windows.sh
. scripts/dist/image.sh

install_tools
build_programs
make_man_and_completions
make_sboms_and_licenses
for arch in "${archs[@]}"; do
	make_tar "$arch"
	make_packages "$arch"
done
if [[ " ${archs[*]} " == *" amd64 "* ]]; then
	make_zip
	make_msi
	make_manifests
fi
make_image
make_chart

(cd "$dist" && find . -type f ! -name 'SHA256SUMS*' -printf '%P\n' | sort | xargs -d '\n' sha256sum >"$work/SHA256SUMS" && mv "$work/SHA256SUMS" .)
if [[ -n ${SIGNING_KEY:-} ]]; then
	rm -f "$dist/SHA256SUMS.sig"
	ssh-keygen -q -Y sign -f "$SIGNING_KEY" -n webproxy-release "$dist/SHA256SUMS"
else
	skipped+=("the signature: SIGNING_KEY is not set")
fi
(cd "$dist" && find . -type f -printf '%10s  %P\n' | sort -k2)
for what in "${skipped[@]}"; do say "NOT MADE: $what"; done
say "done in $SECONDS s"
