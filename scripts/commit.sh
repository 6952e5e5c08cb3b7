#!/usr/bin/env bash
# Prints the commit that is built, for the binary's version: $COMMIT if it is set, else what git says, else what is in
# .git, else nothing. Go's own stamp needs the git program, and a directory that git trusts.
set -euo pipefail
cd "$(dirname "$0")/.."

if [[ -n ${COMMIT:-} ]]; then
	commit=$COMMIT
elif commit=$(git rev-parse HEAD 2>/dev/null); then
	[[ -z $(git status --porcelain 2>/dev/null) ]] || commit+=-modified
else
	commit=
	dir=.git
	[[ ! -f .git ]] || dir=$(sed -n 's/^gitdir: //p' .git) # a worktree
	if [[ -f $dir/HEAD ]]; then
		common=$dir
		[[ ! -f $dir/commondir ]] || common=$dir/$(cat "$dir/commondir")
		commit=$(cat "$dir/HEAD")
		if [[ $commit == "ref: "* ]]; then
			ref=${commit#ref: }
			if [[ -f $common/$ref ]]; then
				commit=$(cat "$common/$ref")
			else
				commit=$(sed -n "s|^\([0-9a-f]*\) $ref\$|\1|p" "$common/packed-refs" 2>/dev/null || true)
			fi
		fi
	fi
fi
# It goes into a command line.
[[ $commit =~ ^[0-9A-Za-z._-]{0,64}$ ]] || { echo "commit.sh: not a commit: $commit" >&2; exit 1; }
printf '%s\n' "$commit"
