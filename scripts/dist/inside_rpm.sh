# Installs, upgrades and removes the rpm $1. scripts/dist/check.sh runs it in a layer over the root, where nothing is known of what this
# system has: so dependencies are not asked for.
set -euo pipefail
fail() { echo "rpm: FAILED: $*" >&2; exit 1; }
is() { [[ $2 == "$3" ]] || fail "$1: $2, want $3"; }
rm -rf /etc/webproxy /run/systemd/system
rpm -K --nosignature "$1" >/dev/null || fail "its digests"
rpm -i --nodeps "$1"
is "the directory" "$(stat -c '%U:%G %a' /etc/webproxy)" "root:webproxy 2750"
is "the configuration" "$(stat -c '%U:%G %a' /etc/webproxy/webproxy.yaml)" "root:webproxy 640"
[[ -e /usr/lib/systemd/system/webproxy.socket ]] || fail "no unit"
setpriv --reuid webproxy --regid webproxy --clear-groups webproxy check -c /etc/webproxy/webproxy.yaml >/tmp/log 2>&1 || fail "the service may not read its configuration"
rpm -V --nodeps webproxy || fail "what is installed is not what was packed"
echo '# edited' >>/etc/webproxy/webproxy.yaml
rpm -U --force --nodeps "$1"
grep -q '# edited' /etc/webproxy/webproxy.yaml || fail "an upgrade changed the configuration"
rpm -e webproxy 2>/dev/null
[[ ! -e /usr/bin/webproxy ]] || fail "the program is left"
[[ -e /etc/webproxy/webproxy.yaml.rpmsave ]] || fail "a configuration that was edited is gone"
echo "rpm: installed, upgraded, removed"
