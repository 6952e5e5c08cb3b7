# Trees of files that archives and packages are made of. Read by scripts/dist.sh.

# dated DIR: gives all that is in DIR the time of the commit.
dated() { find "$1" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +; }

# installed DIR: what `service install` writes, in DIR, with the program of this machine.
installed() {
	mkdir -p "$1"
	"$webproxy" service install --root "$1" 2>"$work/installed.log" || { cat "$work/installed.log" >&2; exit 1; }
}

# texts DIR OS ARCH: what a person may want to read beside the program.
texts() {
	cp LICENSE CHANGELOG.md README.md "$work/THIRD_PARTY_LICENSES.txt" "$1/"
	cp "$dist/webproxy-$version-$2-$3.cdx.json" "$1/webproxy.cdx.json"
}
