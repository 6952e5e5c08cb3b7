#!/usr/bin/env bash
# Installs the proxies of Debian that bench/peers measures, without starting them. As root.
set -euo pipefail
command -v apt-get >/dev/null || {
	echo "bench: no apt-get here: install squid, tinyproxy, haproxy and apache2 yourself; those missing are skipped" >&2
	exit 0
}
export DEBIAN_FRONTEND=noninteractive
policy=/usr/sbin/policy-rc.d
if [[ ! -e $policy ]]; then
	trap 'rm -f "$policy"' EXIT
	printf '#!/bin/sh\nexit 101\n' >"$policy"
	chmod +x "$policy"
fi
apt-get update -qq
apt-get install -qq -y --no-install-recommends squid tinyproxy haproxy apache2 >/dev/null
