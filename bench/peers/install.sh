#!/usr/bin/env bash
# Installs the proxies of Debian that bench/peers measures, without starting them, and strace. As root. An installed
# program stays as it is: squid-openssl, for example, is a squid too, which the package squid would replace.
set -euo pipefail
command -v apt-get >/dev/null || {
	echo "bench: no apt-get here: install squid, tinyproxy, haproxy, apache2 and strace yourself; those missing are skipped" >&2
	exit 0
}
missing=()
for program in squid tinyproxy haproxy apache2 strace; do # packages of the same names
	command -v "$program" >/dev/null || missing+=("$program")
done
[[ ${#missing[@]} -gt 0 ]] || exit 0

export DEBIAN_FRONTEND=noninteractive
policy=/usr/sbin/policy-rc.d
if [[ ! -e $policy ]]; then
	trap 'rm -f "$policy"' EXIT
	printf '#!/bin/sh\nexit 101\n' >"$policy"
	chmod +x "$policy"
fi
patiently() { # another may be at it, and hold its lock
	for _ in 1 2 3 4 5 6 7 8 9; do
		"$@" && return
		echo "bench: $1 $2 failed, once more in 20 s" >&2
		sleep 20
	done
	"$@"
}
patiently apt-get update -qq
patiently apt-get install -qq -y --no-install-recommends "${missing[@]}" >/dev/null
