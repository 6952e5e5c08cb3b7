#!/usr/bin/env bash
# Fails if `go generate ./...` would change, add or remove a file. It works on a copy, so that work
# in progress is neither touched nor in the way.
set -euo pipefail
cd "$(dirname "$0")/.."

copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT

mkdir "$copy/before" "$copy/after"
# Tracked and new files alike, but none that git ignores, and none that is deleted.
git ls-files -coz --exclude-standard | while IFS= read -r -d '' f; do
	if [[ -e $f ]]; then printf '%s\0' "$f"; fi
done | tar -c --null -T - | tar -x -C "$copy/before"
cp -a "$copy/before/." "$copy/after"

(cd "$copy/after" && GOFLAGS="${GOFLAGS:-} -buildvcs=false" go generate ./...)
if ! diff -ru "$copy/before" "$copy/after"; then
	echo "generated: the files above are not what their generators make; run: make docs" >&2
	exit 1
fi
echo "generated: unchanged"
