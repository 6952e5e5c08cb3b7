# Types what docs/install.md says for Debian, and for another Linux with systemd, where systemd runs: installed, started, asked, reloaded,
# upgraded under load, restarted after a crash, not started with a configuration that is wrong, removed. scripts/dist/systemd.sh runs it.
set -euo pipefail
fail() { echo "systemd: FAILED: $*"; systemctl status --no-pager -l webproxy.socket webproxy.service || true; journalctl --sync; journalctl -u webproxy -n 20 --no-pager -o cat; exit 1; }
is() { [[ $2 == $3 ]] || fail "$1: $2, want $3"; }
quiet() { "$@" >/tmp/log 2>&1 || { cat /tmp/log; fail "$*"; }; }
property() { systemctl show -P "$2" "$1"; }
# More than five starts in 10 s are refused: this types faster than people.
forget() { systemctl reset-failed webproxy.service webproxy.socket 2>/dev/null || true; }
state() { is "$1, the service" "$(property webproxy.service ActiveState)" "$2"; is "$1, the socket" "$(property webproxy.socket ActiveState)" "$3"; }
ask() { curl -sS --noproxy '' --max-time 60 -o /dev/null -w '%{http_code}' -x "http://127.0.0.1:${1:-9090}" http://example.org || true; }
config=/etc/webproxy/webproxy.yaml
deb=$(echo /tried/*.deb) tree=/tmp/tar
mkdir $tree && tar -xzf /tried/*.tar.gz -C $tree --strip-components 1

# upgrade WHAT COMMAND...: under load, with a tunnel that goes on for a second after the command has begun.
upgrade() {
	local what=$1 pid
	shift
	coproc LOAD { /tried/load 127.0.0.1:9090; }
	pid=$LOAD_PID
	exec 5<&"${LOAD[0]}" 6>&"${LOAD[1]}" {LOAD[0]}<&- {LOAD[1]}>&- # the shell closes its own when the program ends, too early
	read -r port <&5
	cp $config /tmp/before
	cat >>$config <<-Y
		egress: { hosts: { load.test: ["127.0.0.1"] } }
	Y
	sed -i "s|^  rules:|  rules:\\n    - { id: load, hosts: [load.test], ports: [$port], private: allow }|" $config
	forget; quiet systemctl restart webproxy
	echo >&6
	read -r line <&5 || fail "$what: no tunnel"
	is "$what" "$line" began
	forget
	local before
	before=$(property webproxy.service MainPID)
	"$@" >/tmp/log 2>&1 &
	local upgrading=$!
	until [[ $(property webproxy.service SubState) == stop* || $(property webproxy.service MainPID) != "$before" ]]; do
		kill -0 $upgrading 2>/dev/null || { cat /tmp/log; fail "$what: the service was not restarted"; }
		sleep 0.1
	done
	sleep 1
	kill -0 $upgrading 2>/dev/null || fail "$what: the old program did not wait for the open tunnel"
	echo >&6
	wait $upgrading || { cat /tmp/log; fail "$what"; }
	is "$what: asked after it" "$(ask)" 403
	exec 6>&-
	read -r line <&5 || true
	wait "$pid" || fail "$what: $line"
	exec 5<&-
	echo "systemd: $what: $line"
	cp /tmp/before $config
	forget; quiet systemctl restart webproxy
}

# Debian and Ubuntu
quiet apt-get install -y "$deb"
state install active active
quiet webproxy service install --region eastus --clients nodes=10.0.1.0/24,127.0.0.1
forget; quiet systemctl restart webproxy
state restart active active
is "what is not listed" "$(ask)" 403
is "what the manager is told" "$(property webproxy.service StatusText)" 'serving *'
webproxy service status >/tmp/log || { cat /tmp/log; fail "service status"; }
webproxy status --ready >/tmp/log || { cat /tmp/log; fail "status"; }
is "its user" "$(ps -o user= -p "$(property webproxy.service MainPID)")" webproxy
is "the log's directory" "$(stat -c '%U %a' -L /var/log/webproxy/audit)" 'webproxy 700'
! setpriv --reuid nobody --regid nogroup --clear-groups ls -L /var/log/webproxy/audit >/dev/null 2>&1 || fail "nobody may list the log"
[[ $(systemd-analyze security webproxy.service --no-pager | tail -n 1) =~ :\ ([0-9.]+)\  ]] || fail "systemd-analyze"
awk "BEGIN { exit !(${BASH_REMATCH[1]} <= 2.0) }" || fail "its exposure is ${BASH_REMATCH[1]}"
echo "systemd: exposure ${BASH_REMATCH[1]}"
webproxy audit verify -c $config >/tmp/log 2>&1 || { cat /tmp/log; fail "audit verify"; }
upgrade "deb, upgrade" apt-get install -y --reinstall "$deb"

# A reload changes the policy; one that is wrong changes nothing, and says so.
pid=$(property webproxy.service MainPID)
echo 'nonsense: true' >>$config
quiet systemctl reload webproxy
until webproxy status | grep -q nonsense; do sleep 0.1; done
journalctl -u webproxy --no-pager -o cat | grep -q 'nonsense' || fail "the journal does not have the mistake"
is "a reload" "$(property webproxy.service MainPID)" "$pid"
is "after a reload that is wrong" "$(ask)" 403
# With it, no start: exit code 3, the place in the journal, and no second try.
! systemctl restart webproxy 2>/dev/null || fail "it starts with a mistake in its configuration"
is "a mistake in the configuration" "$(property webproxy.service ExecMainStatus)" 3
is "tries after it" "$(property webproxy.service NRestarts)" 0
journalctl -u webproxy --no-pager -o cat | grep -q 'webproxy.yaml:[0-9]*.*nonsense' || fail "the journal does not have the place of the mistake"
sed -i '/^nonsense/d' $config
forget; quiet systemctl restart webproxy
state "after the repair" active active
is "after the repair" "$(ask)" 403

# Killed: started again, and a client that comes meanwhile waits.
kill -9 "$(property webproxy.service MainPID)"
is "a client after kill -9" "$(ask)" 403
state "after kill -9" active active

# Stop: nothing is left that would start it.
quiet systemctl stop webproxy.socket webproxy
state stop inactive inactive
is "after the stop" "$(ask 2>/dev/null)" 000
forget; quiet systemctl start webproxy
state start active active

quiet apt-get remove -y webproxy
is "removed" "$(systemctl is-active webproxy.service webproxy.socket | sort -u | tr '\n' ' ')" 'inactive '
[[ -e $config && -d /var/log/webproxy/audit ]] || fail "a removal took the configuration or the log"
quiet apt-get purge -y webproxy
left=$(find /etc /usr /var /run -xdev -name '*webproxy*' 2>/dev/null || true)
[[ -z $left ]] || fail "a purge left $left"

# Another Linux with systemd
hash -r # the program is elsewhere now
forget; quiet $tree/webproxy service install --region eastus --clients nodes=10.0.1.0/24,127.0.0.1
state "service install" active active
is "what is not listed" "$(ask)" 403
webproxy service status >/tmp/log || { cat /tmp/log; fail "service status"; }
upgrade "service install again" $tree/webproxy service install
mkdir -p /etc/systemd/system/webproxy.socket.d
printf '[Socket]\nListenStream=\nListenStream=8080\n' >/etc/systemd/system/webproxy.socket.d/override.conf # as systemctl edit does
sed -i 's/^listen: .*/listen: ":8080"/' $config
quiet systemctl daemon-reload
quiet systemctl stop webproxy.socket webproxy
forget; quiet systemctl start webproxy
is "on another port" "$(ask 8080) $(ask 9090 2>/dev/null)" '403 000'
quiet webproxy service uninstall
is "uninstalled" "$(systemctl is-active webproxy.service webproxy.socket | sort -u | tr '\n' ' ')" 'inactive '
[[ -d /var/log/webproxy/audit && -e $config ]] || fail "uninstall took the log, or a configuration that was edited"
forget; quiet $tree/webproxy service install
quiet $tree/webproxy service uninstall --purge
rm -rf /etc/systemd/system/webproxy.socket.d
left=$(find /etc /usr /var /run -xdev -name '*webproxy*' 2>/dev/null || true)
[[ -z $left ]] || fail "uninstall --purge left $left"
echo "systemd: installed, served, reloaded, upgraded, stopped, removed, by the deb and by service install"
