#!/bin/sh
# files.sh DIR: what an image has besides the program and the files of `webproxy service install --root DIR`: a configuration that writes only to
# /var/lib/webproxy, that directory, and the user. scripts/dist/image.sh and the Dockerfile run it.
set -eu
dir=$1
config=$dir/etc/webproxy/webproxy.yaml
sed -e 's|/var/log/webproxy/audit,|/var/lib/webproxy/audit,|' -e 's|/run/webproxy/admin.sock|/var/lib/webproxy/admin.sock|' "$config" >"$config.new"
mv "$config.new" "$config"
mkdir -p "$dir/var/lib/webproxy"
chmod 700 "$dir/var/lib/webproxy"
echo 'webproxy:x:65532:65532:webproxy:/var/lib/webproxy:/sbin/nologin' >"$dir/etc/passwd"
echo 'webproxy:x:65532:' >"$dir/etc/group"
