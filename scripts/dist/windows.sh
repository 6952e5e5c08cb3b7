# Manifests for package managers. Read by scripts/dist.sh.

# sum FILE: its SHA-256, as the manifests write it.
sum() { sha256sum "$dist/$1" | cut -d' ' -f1; }

# make_manifests writes the manifest for scoop: where releases are put is DIST_URL's.
make_manifests() {
	local zip=webproxy-$version-windows-amd64.zip
	mkdir -p "$dist/manifests/scoop"
	sed -e "s|@VERSION@|$version|g" -e "s|@URL@|${DIST_URL:-https://example.invalid/webproxy/$version}|g" -e "s|@ZIP@|$zip|g" -e "s|@ZIPSUM@|$(sum "$zip")|g" \
		-e "s|@NAME@|${zip%.zip}|g" packaging/windows/scoop.json >"$dist/manifests/scoop/webproxy.json"
}
