#!/usr/bin/env bash
# Tries webproxy.exe under wine: it serves curl and programs on WinINet and WinHTTP that have the settings which
# Set-WinInetProxy and Set-WinhttpProxy write, is asked through its named pipe, is installed as a service, started, upgraded and removed,
# by command and by MSI, and tests of packages that are different on Windows run. What is not here is installed where root can do so; else it says so and checks nothing.
#
#   scripts/wine.sh [PACKAGE[:TESTS]...]   tests these packages, or those tests of them, instead of what it knows
#   QUICK=1 scripts/wine.sh          what CI has time for: no MSI, and fewer packages
set -euo pipefail
cd "$(dirname "$0")/.."

skip() {
	echo "wine: NOT CHECKED: $1"
	exit 0
}

find_wine() { command -v wine64 || command -v wine || { [[ -x /usr/lib/wine/wine64 ]] && echo /usr/lib/wine/wine64; }; }
quick=${QUICK:-}
needs=(wine64)
[[ $quick ]] || needs+=(msitools gcab)
if ! find_wine >/dev/null || [[ ! $quick ]] && ! { command -v msibuild && command -v gcab; } >/dev/null; then
	[[ $(id -u) == 0 ]] && command -v apt-get >/dev/null || skip "of ${needs[*]} not all are installed"
	{ apt-get update -qq && apt-get install -qq -y --no-install-recommends "${needs[@]}"; } >/dev/null 2>&1 || skip "of ${needs[*]} not all can be installed"
fi

# What is written is its user's alone, as in the temporary directory of a user of Windows: wine makes lists of access of the modes that
# its server, which starts now, gives files.
umask 077
dir=$(mktemp -d)
export WINEPREFIX=$dir/prefix WINEARCH=win64 WINEDEBUG=-all
# Nobody answers questions about other parts of wine; the DLL is ours.
export WINEDLLOVERRIDES='mscoree,mshtml=;winemenubuilder.exe=;bcryptprimitives=n'
export GOOS=windows
wine_binary=$(find_wine)
served= origin=
wine() { timeout -k 5 "${LIMIT:-60}" "$wine_binary" "$@" </dev/null | tr -d '\r'; }
end_wine() { "$(dirname "$wine_binary")/wineserver64" -k 2>/dev/null || wineserver -k 2>/dev/null || true; }
stop() {
	for pid in $served $origin; do kill "$pid" 2>/dev/null || true; done
	end_wine
	rm -rf "$dir" 2>/dev/null || true
}
trap stop EXIT
trap 'echo "wine: line $LINENO: exit status $?: $BASH_COMMAND" >&2' ERR

failures=0
# check WHAT GOT WANT: WANT is a pattern of the shell.
check() {
	# shellcheck disable=SC2053
	if [[ $2 == $3 ]]; then
		echo "ok   $1"
	else
		echo "FAIL $1: got $2; want $3"
		failures=$((failures + 1))
	fi
}

step() { printf '== %s (%d s)\n' "$1" "$SECONDS"; }

step "wine"
LIMIT=180 wine wineboot -i >/dev/null 2>&1 || skip "wine does not start"
[[ -d $WINEPREFIX/drive_c/windows/system32 ]] || skip "wine did not make its drive"
GOOS= go run ./scripts/wine/prng "$WINEPREFIX/drive_c/windows/system32/bcryptprimitives.dll"
go build -o "$dir/client.exe" ./scripts/wine/client
go build -o "$dir/webproxy.exe" ./cmd/webproxy
GOOS= go build -o "$dir/origin" ./scripts/wine/origin
check "version" "$(wine "$dir/webproxy.exe" version)" 'webproxy *windows/amd64*'

free_port() {
	local port
	while port=$((20000 + RANDOM % 12000)); do
		if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then echo "$port"; return; fi
	done
}
status() { curl -sS -m 30 -x "http://127.0.0.1:$1" -o /dev/null -w '%{http_code}' "$2" || true; }
# until_ready ADDRESS: waits for the dashboard's /readyz.
until_ready() {
	local end=$((SECONDS + 90))
	until curl -fs --noproxy '*' -o /dev/null "http://$1/readyz"; do
		if ((SECONDS >= end)); then return 1; fi
		sleep 0.2
	done
}
# configure DIRECTORY PORT ADMIN: a configuration that lets only ok.test be reached, the origin.
configure() {
	cat >"$1/webproxy.yaml" <<YAML
listen: 127.0.0.1:$2
audit: { dir: audit, key: audit-key/audit.key }
dashboard: { listen: 127.0.0.1:$3 }
egress: { hosts: { ok.test: ["127.0.0.1"] } }
policy: { rules: [{ id: ok, hosts: [ok.test], ports: [$origin_port], schemes: [http], private: allow }] }
YAML
}

step "serve"
"$dir/origin" >"$dir/origin.out" &
origin=$!
until origin_port=$(cat "$dir/origin.out") && [[ -n $origin_port ]]; do sleep 0.1; done
port=$(free_port) admin=$(free_port)
mkdir "$WINEPREFIX/drive_c/wp"
configure "$WINEPREFIX/drive_c/wp" "$port" "$admin"
LIMIT=600 wine "$dir/webproxy.exe" serve -c 'C:\wp\webproxy.yaml' >"$dir/serve.out" 2>&1 &
served=$!
until_ready "127.0.0.1:$admin" || { cat "$dir/serve.out"; exit 1; }
allowed=http://ok.test:$origin_port/ denied=http://no.test:$origin_port/
check "curl, allowed" "$(status "$port" "$allowed")" 200
check "curl, denied" "$(status "$port" "$denied")" 403
# What Set-WinInetProxy writes, for the system and for the user; wine reads the user's.
for hive in HKLM HKCU; do
	key="$hive\\Software\\Microsoft\\Windows\\CurrentVersion\\Internet Settings"
	wine reg add "$key" /v ProxyEnable /t REG_DWORD /d 1 /f >/dev/null
	wine reg add "$key" /v ProxyServer /d "127.0.0.1:$port" /f >/dev/null
	wine reg add "$key" /v ProxyOverride /d '<local>' /f >/dev/null
done
# And what Set-WinhttpProxy writes: a header, that there is a proxy, its length and text, and no exceptions.
server=$(printf %s "127.0.0.1:$port" | od -An -tx1 | tr -d ' \n')
wine reg add 'HKLM\Software\Microsoft\Windows\CurrentVersion\Internet Settings\Connections' /v WinHttpSettings /t REG_BINARY \
	/d "180000000000000003000000$(printf %02x $((${#server} / 2)))000000${server}00000000" /f >/dev/null
check "WinINet, allowed" "$(wine "$dir/client.exe" wininet "$allowed")" 200
check "WinINet, denied" "$(wine "$dir/client.exe" wininet "$denied")" 403
check "WinHTTP, allowed" "$(wine "$dir/client.exe" winhttp ok.test "$origin_port" /)" 200
check "WinHTTP, denied" "$(wine "$dir/client.exe" winhttp no.test "$origin_port" /)" 403
# The first client of the pipe gets no response under wine 8. go-winio makes the first instance of a pipe without access rights, which holds
# the name and which Windows lets nobody connect to (see makeServerPipeHandle); wine lets the first client connect to it, and nobody reads there.
for _ in 1 2 3; do
	answer=$(LIMIT=8 wine "$dir/webproxy.exe" status -c 'C:\wp\webproxy.yaml' 2>&1 | tr '\n' ' ') || true
	[[ $answer != *ready* ]] || break
done
check "admin pipe" "$answer" '*ready*'
check "the log is copied while it is written" "$(cp -r "$WINEPREFIX/drive_c/wp/audit" "$dir/copy" && ls "$dir/copy" | tr '\n' ' ')" '*audit.lock*audit.ndjson*'
check "reload" "$(wine "$dir/webproxy.exe" reload -c 'C:\wp\webproxy.yaml' 2>&1 | tr '\n' ' ')" '*in force*'
check "verify" "$(wine "$dir/webproxy.exe" audit verify -c 'C:\wp\webproxy.yaml' 2>&1 | tr '\n' ' ')" '*OK*'

step "service"
exe='C:\Program Files\webproxy\webproxy.exe' data=$WINEPREFIX/drive_c/ProgramData/webproxy programs="$WINEPREFIX/drive_c/Program Files/webproxy"
state() { wine sc query webproxy 2>&1 | sed -n 's/^ *STATE *: *[0-9]* *//p' | tr -d ' '; }
# until_state STATE
until_state() {
	local end=$((SECONDS + 90))
	until [[ $(state) == "$1"* ]]; do
		if ((SECONDS >= end)); then return 1; fi
		sleep 0.5
	done
}
# No firewall is there: that step may fail.
LIMIT=120 wine "$dir/webproxy.exe" service install --no-start --region eastus >"$dir/install.out" 2>&1 || { cat "$dir/install.out"; failures=$((failures + 1)); }
check "install" "$(ls "$data" | tr '\n' ' ')" '*audit*audit-key*webproxy.yaml*'
check "answers for a configuration that nobody edited" "$(wine "$dir/webproxy.exe" service install --dry-run --no-start --region westeurope 2>&1 | tr '\n' ' ')" '*webproxy.yaml anew: nobody edited it*'
service_port=$(free_port) service_admin=$(free_port)
configure "$data" "$service_port" "$service_admin"
check "answers for one that was edited" "$(wine "$dir/webproxy.exe" service install --dry-run --no-start --region westeurope 2>&1 | tr '\n' ' ')" '*leave *webproxy.yaml as it is: it was edited*'
check "service status" "$(wine "$exe" service status 2>&1 | tr '\n' ' ')" '*stopped*'
wine sc start webproxy >/dev/null 2>&1 || true
check "start" "$(until_ready "127.0.0.1:$service_admin" && until_state RUNNING && echo ready)" ready
check "served, allowed" "$(status "$service_port" "$allowed")" 200
check "served, denied" "$(status "$service_port" "$denied")" 403
wine sc control webproxy paramchange >/dev/null 2>&1 || true
check "after paramchange" "$(state)" 'RUNNING*'
LIMIT=120 wine "$dir/webproxy.exe" service install >"$dir/install.out" 2>&1 || { cat "$dir/install.out"; failures=$((failures + 1)); }
check "upgrade while it runs" "$(until_ready "127.0.0.1:$service_admin" && status "$service_port" "$allowed")" 200
wine sc stop webproxy >/dev/null 2>&1 || true
check "stop" "$(until_state STOPPED && echo stopped)" stopped
check "the log of the service" "$(wine "$exe" audit verify -c 'C:\ProgramData\webproxy\webproxy.yaml' 2>&1 | tr '\n' ' ')" '*OK*'
echo 'nonsense: true' >>"$data/webproxy.yaml"
wine sc start webproxy >/dev/null 2>&1 || true
until_state STOPPED || true
check "exit code 3 for a configuration that is not valid" "$(wine "$exe" service status 2>&1 | tr '\n' ' ')" '*stopped, exit code 3*'
wine "$dir/webproxy.exe" service uninstall >"$dir/uninstall.out" 2>&1 || { cat "$dir/uninstall.out"; failures=$((failures + 1)); }
check "uninstall" "$(wine "$dir/webproxy.exe" service status 2>&1 | tr '\n' ' ')" '*service webproxy*not there*'
check "what was edited stays, and the log" "$(ls "$data" | tr '\n' ' ')" '*audit*webproxy.yaml*'
# Go's os.RemoveAll, which --purge needs, asks for FileDispositionInformationEx, and takes what wine 8 says for an error.
check "purge" "$(wine "$dir/webproxy.exe" service uninstall --purge --dry-run 2>&1 | tail -n 1)" 'remove C:\\ProgramData\\webproxy'
rm -rf "$data"
check "the program after it" "$(ls -d "$programs" 2>/dev/null || echo nothing)" nothing

if [[ ! $quick ]]; then # to the step after it
step "msi"
(cd packaging/tool && GOOS= go build -o "$dir/dist" .)
for version in 1.2.3-rc1 1.2.3; do
	SOURCE_DATE_EPOCH=1700000000 "$dir/dist" msi -o "$dir/$version.msi" -version $version "$dir/webproxy.exe" LICENSE LICENSE
done
# msi ACTION FILE [PROPERTY=VALUE...]: the log of Windows Installer goes to a file, which MSI_LOGS, a directory, keeps. wine's Windows
# Installer takes a program that it could not start for one that succeeded, so that is looked for.
msi() {
	local log=$dir/msi${1/\//-}-${2##*\\}.log code=0
	WINEDEBUG=err+msi LIMIT=200 wine msiexec "$@" /qn '/l*v' "Z:${log//\//\\}" >/dev/null 2>"$log.err" || code=$?
	if grep -o 'unable to execute command.*' "$log.err"; then :; elif ((code)); then echo "exit code $code"; else echo done; fi
	[[ -z ${MSI_LOGS:-} ]] || cp "$log" "$log.err" "$MSI_LOGS/"
}
file() { printf 'Z:%s' "${dir//\//\\}\\$1.msi"; }
check "msi, install" "$(msi /i "$(file 1.2.3-rc1)" NOSTART=1 REGION=eastus 'CLIENTS=nodes=10.0.1.0/24;wac=10.0.2.10')" 'done'
check "msi, its answers" "$(cat "$data/webproxy.yaml")" '*clients: { nodes: \["10.0.1.0/24"\], wac: \["10.0.2.10"\] }*'
check "msi, its service" "$(wine "$exe" service status 2>&1 | tr '\n' ' ')" '*stopped*'
echo '# edited' >>"$data/webproxy.yaml"
touch "$data/audit/kept"
check "msi, upgrade" "$(msi /i "$(file 1.2.3)" NOSTART=1)" 'done'
check "msi, what the upgrade ran" "$(grep -c 'service install' "$programs/setup/install.log")" 1
check "msi, the configuration after it" "$(tail -n 1 "$data/webproxy.yaml")" '# edited'
check "msi, one product after it" "$(ls "$programs/setup" | tr '\n' ' ')$(wine "$exe" service status 2>&1 | tr '\n' ' ')" '*webproxy.exe*stopped*'
check "msi, remove" "$(msi /x "$(file 1.2.3)")" 'done'
check "msi, what stays" "$(ls "$data" | tr '\n' ' ')$(ls "$programs" 2>/dev/null)" '*audit*webproxy.yaml '
check "msi, its service after it" "$(wine "$dir/webproxy.exe" service status 2>&1 | tr '\n' ' ')" '*service webproxy*not there*'

fi

step "tests"
# webproxy.exe has the time zones in it; the tests of policy do not.
zones=$(GOOS= go env GOROOT)/lib/time/zoneinfo.zip
export ZONEINFO="Z:${zones//\//\\}"
packages=("$@")
((${#packages[@]})) || [[ ! $quick ]] || packages=(./internal/privatefile ./internal/sharedfile ./internal/setting)
((${#packages[@]})) || packages=(./internal/privatefile ./internal/sharedfile ./internal/atomicfile ./internal/setting ./internal/smallfile ./internal/install ./policy
	"./audit:^(TestForeignReader|TestLockIsReadable)$" "./config:^(TestPaths|TestPathsBeginAtTheFile)$"
	"./internal/daemon:^(TestListenersAreExclusive|TestServiceStates)$")
for entry in "${packages[@]}"; do
	p=${entry%%:*} tests=${entry#"${entry%%:*}"}
	go test -c -o "$dir/one.test.exe" "$p"
	# In its directory, for testdata.
	code=0
	out=$(cd "$p" && LIMIT=${TEST_LIMIT:-120} wine "$dir/one.test.exe" -test.short -test.run "${tests#:}" 2>&1) || code=$?
	if verdict=$(awk -v "code=$code" -f scripts/wine/verdict.awk <<<"$out"); then
		echo "ok   $entry${verdict:+: $verdict}"
	else
		echo "FAIL $entry: $verdict"
		tail -n 30 <<<"$out"
		failures=$((failures + 1))
	fi
done

((failures == 0)) || { echo "wine: $failures failed"; exit 1; }
echo "wine: passed in $SECONDS s"
