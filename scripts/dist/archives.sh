# Archives. Read by scripts/dist.sh.

make_tar() {
	local name=webproxy-$version-linux-$1
	local dir=$work/$name
	mkdir -p "$dir/man" "$dir/completions"
	cp "$(program linux "$1")" "$dir/"
	texts "$dir" linux "$1"
	cp -r docs "$dir/docs"
	cp "$work"/man/*.1 "$dir/man/"
	cp "$work"/completions/webproxy.{bash,zsh,fish} "$dir/completions/"
	tar -C "$work" --sort=name --format=ustar --mtime="@$SOURCE_DATE_EPOCH" --owner=root:0 --group=root:0 --mode=u=rwX,go=rX -cf - "$name" |
		gzip -9n >"$dist/$name.tar.gz"
}

make_zip() {
	local name=webproxy-$version-windows-amd64
	local dir=$work/$name
	mkdir -p "$dir/completions"
	cp "$(program windows amd64)" packaging/windows/install.ps1 packaging/windows/uninstall.ps1 "$dir/"
	texts "$dir" windows amd64
	cp -r docs "$dir/docs"
	cp "$work/completions/webproxy.powershell" "$dir/completions/webproxy.ps1"
	"$tools/dist" zip "$dist/$name.zip" "$dir"
}

# make_chart: the Helm chart, with the version of the release.
make_chart() {
	local dir=$work/chart/webproxy
	mkdir -p "$work/chart"
	cp -r deploy/helm/webproxy "$dir"
	sed -i -e "s/^version: .*/version: $version/" -e "s/^appVersion: .*/appVersion: \"$version\"/" "$dir/Chart.yaml"
	tar -C "$work/chart" --sort=name --format=ustar --mtime="@$SOURCE_DATE_EPOCH" --owner=root:0 --group=root:0 --mode=u=rwX,go=rX -cf - webproxy |
		gzip -9n >"$dist/webproxy-$version-chart.tgz"
}
