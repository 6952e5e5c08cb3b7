# Installs, configures, upgrades, removes and purges the deb $1. scripts/dist/check.sh runs it in a layer over the root.
set -euo pipefail
fail() { echo "deb: FAILED: $*" >&2; exit 1; }
is() { [[ $2 == "$3" ]] || fail "$1: $2, want $3"; }
export DEBIAN_FRONTEND=noninteractive
rm -rf /etc/webproxy /run/systemd/system
rm -f /var/lib/man-db/auto-update # an index of all pages takes long, and says nothing here

dpkg -i --force-unsafe-io "$1" >/tmp/log 2>&1 || { cat /tmp/log; fail "install"; }
id webproxy >/dev/null || fail "no user"
is "the directory" "$(stat -c '%U:%G %a' /etc/webproxy)" "root:webproxy 2750"
is "the configuration" "$(stat -c '%U:%G %a' /etc/webproxy/webproxy.yaml)" "root:webproxy 640"
grep -q '^ExecStart=/usr/bin/webproxy ' /usr/lib/systemd/system/webproxy.service || fail "the unit"
status=$(webproxy service status || true) # nothing runs
[[ $status == */usr/lib/systemd/system/webproxy.service*"of a package"* ]] || fail "service status: $status"
# The service reads its configuration, and nobody else does.
setpriv --reuid webproxy --regid webproxy --clear-groups webproxy check -c /etc/webproxy/webproxy.yaml >/tmp/log 2>&1 || fail "the service may not read its configuration"
! setpriv --reuid nobody --regid nogroup --clear-groups cat /etc/webproxy/webproxy.yaml >/dev/null 2>&1 || fail "nobody may read the configuration"

# Answers for the configuration, by the program of the package: its units and user stay alone.
webproxy service install --region eastus --clients nodes=10.0.1.0/24,127.0.0.1 >/tmp/log 2>&1 || { cat /tmp/log; fail "service install"; }
grep -q 'region: eastus' /etc/webproxy/webproxy.yaml || fail "the region is not in the configuration"
is "the configuration" "$(stat -c '%U:%G %a' /etc/webproxy/webproxy.yaml)" "root:webproxy 640"
[[ ! -e /etc/systemd/system/webproxy.service ]] || fail "a unit beside the package's"

# It serves, as the service's user, on sockets that it is handed.
install -d -o webproxy -g webproxy -m 750 /var/log/webproxy /var/lib/webproxy /run/webproxy
if command -v systemd-socket-activate >/dev/null && command -v curl >/dev/null; then
	port=$((20000 + RANDOM % 12000))
	sed -i "s/^listen: .*/listen: \"127.0.0.1:$port\"/; s/^dashboard: .*/dashboard: { listen: off }/" /etc/webproxy/webproxy.yaml
	setpriv --reuid webproxy --regid webproxy --clear-groups systemd-socket-activate -l "127.0.0.1:$port" /usr/bin/webproxy serve -c /etc/webproxy/webproxy.yaml >/tmp/log 2>&1 &
	pid=$!
	status=$(curl -sS --noproxy '' --max-time 60 --retry 60 --retry-connrefused --retry-delay 1 -o /dev/null -w '%{http_code}' -x "http://127.0.0.1:$port" http://example.org/) || { cat /tmp/log; fail "curl"; }
	is "what is not listed" "$status" 403
	webproxy status --ready >/dev/null || fail "status --ready"
	kill "$pid"
	wait "$pid" || { cat /tmp/log; fail "the end"; }
	grep -rq host_not_listed /var/log/webproxy/audit || fail "no record"
else
	echo "deb: not started: no systemd-socket-activate or no curl"
fi

# The log, its key and the configuration outlive a removal; an upgrade changes neither.
mkdir -p /var/log/webproxy && touch /var/log/webproxy/kept
echo '# edited' >>/etc/webproxy/webproxy.yaml
dpkg -i --force-unsafe-io "$1" >/tmp/log 2>&1 || { cat /tmp/log; fail "upgrade"; }
grep -q '# edited' /etc/webproxy/webproxy.yaml || fail "an upgrade changed the configuration"
dpkg -r webproxy >/tmp/log 2>&1 || { cat /tmp/log; fail "remove"; }
[[ ! -e /usr/bin/webproxy && ! -e /usr/lib/systemd/system/webproxy.service ]] || fail "remove left the program"
[[ -e /var/log/webproxy/kept && -e /etc/webproxy/webproxy.yaml ]] || fail "remove took the log or the configuration"
dpkg -i --force-unsafe-io "$1" >/tmp/log 2>&1 && dpkg -P webproxy >/tmp/log 2>&1 || { cat /tmp/log; fail "purge"; }
rm -rf /run/webproxy # systemd does that when the service ends
left=$(find /etc /usr /var /run -xdev -name '*webproxy*' 2>/dev/null || true)
[[ -z $left ]] || fail "purge left $left"
echo "deb: installed, configured, served, upgraded, removed, purged"
