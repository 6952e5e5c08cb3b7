#!/usr/bin/env bash
# Starts the built binary, asks it for something it must refuse, by CONNECT and by plain HTTP, finds
# both in the audit log, and stops it. It needs no network beyond 127.0.0.1.
#
#   scripts/smoke.sh bin/webproxy
set -euo pipefail

binary=$(realpath "${1:?usage: smoke.sh BINARY}")
dir=$(mktemp -d)
pid=
stop() {
	if [[ -n $pid ]]; then kill -KILL "$pid" 2>/dev/null || true; fi
	rm -rf "$dir"
}
trap stop EXIT

fail() {
	echo "smoke: FAILED: $1" >&2
	for f in "$dir"/*.out "$dir"/*.txt "$dir"/audit/*; do
		if [[ -f $f ]]; then echo "--- ${f#"$dir"/}" >&2; cat "$f" >&2; fi
	done
	exit 1
}

# within SECONDS COMMAND...: repeats a command until it succeeds.
within() {
	local end=$((SECONDS + $1))
	shift
	until "$@"; do
		if ((SECONDS >= end)); then return 1; fi
		sleep 0.1
	done
}

# A port that nobody listens on. Somebody may take it before we do; then the start fails, and says so.
free_port() {
	local port
	while port=$((20000 + RANDOM % 12000)); do
		if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then echo "$port"; return; fi
	done
}

proxy=127.0.0.1:$(free_port)
admin=127.0.0.1:$(free_port)
cat >"$dir/webproxy.yaml" <<EOF
listen: "$proxy"
policy:
  rules:
    - { id: example, hosts: [www.example.com] }
audit: { dir: ./audit }
dashboard: { listen: "$admin" }
EOF

echo "smoke: start on $proxy"
"$binary" serve --config "$dir/webproxy.yaml" >"$dir/stdout.out" 2>"$dir/stderr.out" &
pid=$!
gone() { ! kill -0 "$pid" 2>/dev/null; }
ready() { curl -fsS -o /dev/null --noproxy '*' "http://$admin/readyz" 2>/dev/null; }
settled() { gone || ready; }
within 10 settled || fail "not ready after 10 s"
if gone; then fail "it ended at once"; fi

# ask NAME URL: has curl ask for URL by the proxy; the answer's head is in NAME.txt.
ask() {
	curl -sS -v -o /dev/null --max-time 10 --noproxy '' -x "http://$proxy" "$2" 2>"$dir/$1.txt" || true
	if ! grep -q "^< HTTP/1.1 403 .*webproxy denied: host_not_listed denied.example.net:$3 id=" "$dir/$1.txt"; then
		fail "$1: no denial that says why"
	fi
	grep -o '^< HTTP/1.1 403.*' "$dir/$1.txt" | tr -d '\r' | sed "s/^< /smoke: $1: /"
}
ask connect https://denied.example.net/ 443
ask forward http://denied.example.net/ 80

# recorded METHOD: there is exactly one decision record of a denied request with this method.
recorded() {
	local records
	records=$(cat "$dir"/audit/* | grep '"egress\.decision"' | grep -c "\"method\":\"$1\".*\"reason\":\"host_not_listed\"") || true
	[[ $records == 1 ]]
}
within 5 recorded CONNECT || fail "not one record of the denied CONNECT"
within 5 recorded GET || fail "not one record of the denied GET"
echo "smoke: both are in the audit log"

kill -TERM "$pid"
within 10 gone || fail "still running 10 s after SIGTERM"
status=0
wait "$pid" || status=$?
pid=
[[ $status == 0 ]] || fail "exit code $status after SIGTERM, want 0"
echo "smoke: stopped by SIGTERM, exit code 0"
