# deb and rpm. Read by scripts/dist.sh.

maintainer=${MAINTAINER:-webproxy <maintainers@webproxy.invalid>}

# make_packages ARCH
make_packages() {
	local stage=$work/package-$1
	rm -rf "$stage"
	installed "$stage"
	rm -rf "$stage/usr/local" "$stage/etc/webproxy/.installed"
	install -D -m 755 "$(program linux "$1")" "$stage/usr/bin/webproxy"
	mkdir -p "$stage/usr/lib/systemd" "$stage/usr/lib" "$stage/usr/share/man/man1"
	mv "$stage/etc/systemd/system" "$stage/usr/lib/systemd/system"
	mv "$stage/etc/sysusers.d" "$stage/usr/lib/sysusers.d"
	rmdir "$stage/etc/systemd"
	# The program is where packages have it.
	sed -i 's|^ExecStart=/usr/local/bin/|ExecStart=/usr/bin/|' "$stage/usr/lib/systemd/system/webproxy.service"
	local page
	for page in "$work"/man/*.1; do gzip -9n <"$page" >"$stage/usr/share/man/man1/${page##*/}.gz"; done
	install -D -m 644 "$work/completions/webproxy.bash" "$stage/usr/share/bash-completion/completions/webproxy"
	install -D -m 644 "$work/completions/webproxy.zsh" "$stage/usr/share/zsh/vendor-completions/_webproxy"
	install -D -m 644 "$work/completions/webproxy.fish" "$stage/usr/share/fish/vendor_completions.d/webproxy.fish"
	local doc=$stage/usr/share/doc/webproxy
	mkdir -p "$doc"
	cp -r README.md docs "$work/THIRD_PARTY_LICENSES.txt" "$doc/"
	cp "$dist/webproxy-$version-linux-$1.cdx.json" "$doc/webproxy.cdx.json"
	gzip -9n <CHANGELOG.md >"$doc/changelog.gz"
	cp packaging/deb/copyright "$doc/copyright"
	local number=${version/-/\~}-1
	printf 'webproxy (%s) stable; urgency=medium\n\n  * What is new is in changelog.gz.\n\n -- %s  %s\n' "$number" "$maintainer" "$(date -u -R -d "@$SOURCE_DATE_EPOCH")" |
		gzip -9n >"$doc/changelog.Debian.gz"
	dated "$stage"
	export STAGE=$stage ARCH=$1 PACKAGE_VERSION=$version MAINTAINER=$maintainer
	local packager
	for packager in deb rpm; do
		# The paths in it are relative to this directory.
		"$tools/nfpm" package -f packaging/nfpm.yaml -p $packager -t "$dist/" >"$work/nfpm.log" 2>&1 || { cat "$work/nfpm.log" >&2; exit 1; }
	done
}
