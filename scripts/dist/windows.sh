# The MSI, and manifests for package managers. Read by scripts/dist.sh.

msi=webproxy-$version-windows-amd64.msi

make_msi() {
	local missing=() name
	for name in msibuild gcab; do command -v $name >/dev/null || missing+=("$name"); done
	if ((${#missing[@]})); then
		skipped+=("the MSI and the manifests of winget: ${missing[*]} not installed (Debian: apt-get install msitools gcab)")
		return
	fi
	say "MSI"
	"$tools/dist" msi -o "$dist/$msi" -version "$version" "$(program windows amd64)" LICENSE "$work/THIRD_PARTY_LICENSES.txt"
}

# sum FILE: its SHA-256, as the manifests write it.
sum() { sha256sum "$dist/$1" | cut -d' ' -f1; }

# make_manifests writes the manifests for scoop and winget, and compares them with the schemas that these have published. Where releases
# are put is DIST_URL's.
make_manifests() {
	local url=${DIST_URL:-https://example.invalid/webproxy/$version} zip=webproxy-$version-windows-amd64.zip file
	local fill=(-e "s|@VERSION@|$version|g" -e "s|@URL@|$url|g" -e "s|@ZIP@|$zip|g" -e "s|@ZIPSUM@|$(sum "$zip")|g" -e "s|@NAME@|${zip%.zip}|g")
	mkdir -p "$dist/manifests/scoop"
	sed "${fill[@]}" packaging/windows/scoop.json >"$dist/manifests/scoop/webproxy.json"
	fits scoop.schema.json scoop/webproxy.json
	[[ -e $dist/$msi ]] || return 0
	local product
	product=$("$tools/dist" uuid product "$version")
	fill+=(-e "s|@MSI@|$msi|g" -e "s|@MSISUM@|$(sum "$msi" | tr a-f A-F)|g" -e "s|@PRODUCT@|$product|g" -e "s|@NUMBER@|${version%%-*}|g"
		-e "s|@UPGRADE@|$("$tools/dist" uuid upgrade)|g" -e "s|@DATE@|$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y-%m-%d)|g")
	mkdir -p "$dist/manifests/winget"
	for file in packaging/windows/winget/*.yaml; do sed "${fill[@]}" "$file" >"$dist/manifests/winget/${file##*/}"; done
	fits manifest.installer.1.12.0.json winget/webproxy.webproxy.installer.yaml
	fits manifest.defaultLocale.1.12.0.json winget/webproxy.webproxy.locale.en-US.yaml
	fits manifest.version.1.12.0.json winget/webproxy.webproxy.yaml
}

# fits SCHEMA MANIFEST
fits() {
	! grep -E '@[A-Z]+@' "$dist/manifests/$2" || fail "$2: a place is not filled in"
	"$tools/dist" schema "packaging/windows/schemas/$1" "$dist/manifests/$2"
}
