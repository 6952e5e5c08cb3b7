# Runs the image's file system $1 as the image says: not as root, nothing writable but its volume. scripts/dist/check.sh runs it.
set -euo pipefail
root=$1
fail() { echo "image: FAILED: $*" >&2; exit 1; }
for file in LICENSE THIRD_PARTY_LICENSES.txt webproxy.cdx.json; do
	[[ -s $root/usr/share/doc/webproxy/$file ]] || fail "it lacks $file"
done
[[ $(grep -c BEGIN "$root/etc/ssl/certs/ca-certificates.crt") -gt 50 ]] || fail "it lacks certificate authorities"
port=$((20000 + RANDOM % 12000))
sed -i "s/^listen: .*/listen: \"127.0.0.1:$port\"/; s/^dashboard: .*/dashboard: { listen: off }/" "$root/etc/webproxy/webproxy.yaml"
mkdir "$root.volume"
chown 65532:65532 "$root.volume"
chmod 700 "$root.volume"
# run COMMAND...: runs it in the image.
run() {
	exec unshare -m bash -ec '
		mount --make-rprivate /
		mount --bind "$1" "$1"
		mount --bind "$1.volume" "$1/var/lib/webproxy"
		mount -o remount,bind,ro "$1"
		exec chroot --userspec=65532:65532 --groups= "$@"
	' run "$root" "$@"
}
(run /usr/bin/webproxy serve -c /etc/webproxy/webproxy.yaml) >"$root.log" 2>&1 &
pid=$!
status=$(curl -sS --noproxy '' --max-time 60 --retry 60 --retry-connrefused --retry-delay 1 -o /dev/null -w '%{http_code}' -x "http://127.0.0.1:$port" http://example.org/) || { cat "$root.log"; fail "curl"; }
[[ $status == 403 ]] || fail "what is not listed is answered $status, want 403"
(run /usr/bin/webproxy status --ready) >/dev/null || fail "its health check"
kill "$pid"
wait "$pid" || { cat "$root.log"; fail "the end"; }
! (run /usr/bin/webproxy status --ready) >/dev/null 2>&1 || fail "its health check, while nothing runs"
grep -rq host_not_listed "$root.volume/audit" || fail "no record"
echo "image: served as 65532 from a read-only root, health check right"
