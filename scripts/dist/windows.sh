# MSI, and manifests for package managers. Read by scripts/dist.sh.

make_msi() {
	if ! command -v wixl >/dev/null; then
		skipped+=("the MSI: wixl is not installed (Debian: apt-get install wixl)")
		return
	fi
	say "MSI"
	local stage=$work/msi msi=$dist/webproxy-$version-windows-amd64.msi
	mkdir -p "$stage"
	cp "$(program windows amd64)" packaging/windows/webproxy.wxs LICENSE "$work/THIRD_PARTY_LICENSES.txt" "$stage/"
	dated "$stage"
	# Windows Installer has three numbers for a version, and tells releases apart by the product code. One package has one package code.
	# wixl finds files beside the description alone.
	wixl -a x64 -o "$msi" \
		-D VERSION="${version%%-*}" -D PRODUCT="$("$tools/dist" uuid webproxy product "$version")" -D PACKAGE="$("$tools/dist" uuid webproxy package "$version" "$commit")" \
		"$stage/webproxy.wxs"
}

# sum FILE: its SHA-256, as the manifests write it.
sum() { sha256sum "$dist/$1" | cut -d' ' -f1; }

# make_manifests writes manifests for winget and scoop: where releases are put is DIST_URL's.
make_manifests() {
	local url=${DIST_URL:-https://example.invalid/webproxy/$version} zip=webproxy-$version-windows-amd64.zip msi=webproxy-$version-windows-amd64.msi
	mkdir -p "$dist/manifests/winget" "$dist/manifests/scoop"
	local file
	fill() {
		sed -e "s|@VERSION@|$version|g" -e "s|@URL@|$url|g" -e "s|@ZIP@|$zip|g" -e "s|@ZIPSUM@|$(sum "$zip")|g" -e "s|@NAME@|webproxy-$version-windows-amd64|g" \
			-e "s|@DATE@|$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y-%m-%d)|g" -e "s|@MSI@|$msi|g" -e "s|@MSISUM@|$([[ ! -e $dist/$msi ]] || sum "$msi")|g" \
			-e "s|@PRODUCT@|$("$tools/dist" uuid webproxy product "$version")|g" "$1"
	}
	for file in packaging/windows/winget/*.yaml; do
		[[ -e $dist/$msi || $file != *installer* ]] || { skipped+=("winget's installer manifest: there is no MSI"); continue; }
		fill "$file" >"$dist/manifests/winget/${file##*/}"
	done
	fill packaging/windows/scoop.json >"$dist/manifests/scoop/webproxy.json"
}
