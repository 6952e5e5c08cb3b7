# The container image. Read by scripts/dist.sh.

# image_root ARCH: makes the file system of the image.
image_root() {
	local dir=$work/image-$1
	rm -rf "$dir"
	installed "$dir"
	rm -rf "$dir/usr/local" "$dir/etc/systemd" "$dir/etc/sysusers.d" "$dir/etc/webproxy/.installed"
	packaging/container/files.sh "$dir"
	install -D -m 755 "$(program linux "$1")" "$dir/usr/bin/webproxy"
	mkdir -p "$dir/etc/ssl/certs"
	"$tools/dist" roots "$dir/etc/ssl/certs/ca-certificates.crt"
	local doc=$dir/usr/share/doc/webproxy
	mkdir -p "$doc"
	cp LICENSE "$work/THIRD_PARTY_LICENSES.txt" "$doc/"
	cp "$dist/webproxy-$version-linux-$1.cdx.json" "$doc/webproxy.cdx.json"
}

make_image() {
	say "container image"
	local arch images=()
	for arch in "${archs[@]}"; do
		image_root "$arch"
		images+=("$arch=$work/image-$arch")
	done
	"$tools/dist" image -o "$dist/webproxy-$version-image.tar" -tag "webproxy:$version" -version "$version" -revision "$commit" "${images[@]}"
}
