# Tools and programs. Read by scripts/dist.sh.

install_tools() {
	GOBIN=$tools go install "$NFPM"
	GOBIN=$tools go install "$CYCLONEDX"
	(cd packaging/tool && go build -o "$tools/dist" .)
}

# program OS ARCH: where the program for it is.
program() {
	local name=webproxy
	[[ $1 != windows ]] || name=webproxy.exe
	echo "$work/$1-$2/$name"
}

build_program() {
	say "building for $1/$2"
	GOOS=$1 GOARCH=$2 go build -ldflags "-s -w -X main.version=$version -X main.commit=$commit" -o "$(program "$1" "$2")" ./cmd/webproxy
}

# build_programs also builds one for this machine, which writes completions and the configuration.
build_programs() {
	local arch
	for arch in "${archs[@]}"; do build_program linux "$arch"; done
	[[ -e $(program linux "$host") ]] || build_program linux "$host"
	[[ " ${archs[*]} " != *" amd64 "* ]] || build_program windows amd64
	webproxy=$(program linux "$host")
}

make_man_and_completions() {
	say "manual pages and completions"
	mkdir -p "$work/man" "$work/completions"
	go test -count=1 -run '^TestManPages$' ./cmd/webproxy -args -man "$work/man" >"$work/man.log" || { cat "$work/man.log" >&2; exit 1; }
	local shell
	for shell in bash zsh fish powershell; do "$webproxy" completion "$shell" >"$work/completions/webproxy.$shell"; done
}

# One SBOM for each program: what is compiled in differs between systems.
make_sboms_and_licenses() {
	say "SBOMs and licences"
	local os arch programs=()
	for os in linux windows; do
		for arch in "${archs[@]}"; do
			[[ -e $(program $os "$arch") ]] || continue
			programs+=("$(program $os "$arch")")
			local sbom=$dist/webproxy-$version-$os-$arch.cdx.json
			"$tools/cyclonedx-gomod" bin -json -licenses -std -noserial -notimestamp -version "v$version" -output "$sbom" "$(program $os "$arch")" >"$work/sbom.log" 2>&1 ||
				{ cat "$work/sbom.log" >&2; exit 1; }
			"$tools/dist" sbom "$sbom" "$(program $os "$arch")"
		done
	done
	"$tools/dist" licenses "$work/THIRD_PARTY_LICENSES.txt" "${programs[@]}"
	cp "$work/THIRD_PARTY_LICENSES.txt" "$dist/"
}
