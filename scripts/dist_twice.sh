#!/usr/bin/env bash
# Makes the release of the present commit twice, in clones at two places, and fails if a byte differs. Arguments: as of dist.sh, by the
# environment.
set -euo pipefail
cd "$(dirname "$0")/.."
commit=$(git rev-parse HEAD)
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
for place in a some/longer/place; do
	git clone -q . "$dir/$place"
	git -C "$dir/$place" checkout -q "$commit"
	(umask 077 && cd "$dir/$place" && scripts/dist.sh)
done
cd "$dir/a/dist"
diff -r . "$dir/some/longer/place/dist" || { echo "dist_twice: FAILED: the bytes differ" >&2; exit 1; }
echo "dist_twice: $(find . -type f | wc -l) files, the same bytes twice"
sha256sum SHA256SUMS
