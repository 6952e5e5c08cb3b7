#!/usr/bin/env bash
# Installs the proxies of Debian that bench/peers measures, without starting them. As root. A program that
# is there stays as it is: squid-openssl, for one, is a squid too, and the package squid would replace it.
set -euo pipefail
command -v apt-get >/dev/null || {
	echo "bench: no apt-get here: install squid, tinyproxy, haproxy and apache2 yourself; those missing are skipped" >&2
	exit 0
}
missing=()
for program in squid tinyproxy haproxy apache2; do # packages of the same names
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
apt-get update -qq
apt-get install -qq -y --no-install-recommends "${missing[@]}" >/dev/null
