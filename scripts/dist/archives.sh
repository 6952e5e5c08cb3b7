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
