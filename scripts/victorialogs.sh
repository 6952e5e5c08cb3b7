#!/usr/bin/env bash
# VictoriaLogs, which holds the logs of many sites: docs/fleet.md. Built from source, at the version of scripts/victorialogs/go.mod.
#
#   scripts/victorialogs.sh build             bin/victoria-logs; prints its path
#   scripts/victorialogs.sh run [DIR [PORT]]  runs it in the foreground; Ctrl-C ends it
#   scripts/victorialogs.sh start DIR [PORT]  starts it, waits until it answers, prints its address
#   scripts/victorialogs.sh stop DIR          ends the one that start began for DIR
#
# It listens on 127.0.0.1 only. DIR (run/victorialogs) has its data, which stays, its log and its process id. Without PORT it
# is 9428. RETENTION (400d) is for how long it keeps records: it takes no older ones, and says nothing of it.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd -P)
binary=$root/bin/victoria-logs

fail() {
	echo "victorialogs: $1" >&2
	exit 1
}

build() {
	mkdir -p "$root/bin"
	(cd "$root/scripts/victorialogs" && CGO_ENABLED=0 go build -trimpath -o "$binary" github.com/VictoriaMetrics/VictoriaLogs/app/victoria-logs)
}

# The arguments of the process: DIR PORT.
arguments() {
	args=(-storageDataPath="$1/data" -httpListenAddr="127.0.0.1:$2" -retentionPeriod="${RETENTION:-400d}" -loggerLevel=WARN)
}

# ours PID: is that still the process that start began?
ours() { [[ $1 =~ ^[0-9]+$ && $(readlink "/proc/$1/exe" 2>/dev/null) == "$binary" ]]; }

case ${1:-} in
build)
	build
	echo "$binary"
	;;
run)
	dir=${2:-$root/run/victorialogs} port=${3:-9428}
	[[ -x $binary ]] || build
	mkdir -p "$dir"
	arguments "$dir" "$port"
	echo "victorialogs: http://127.0.0.1:$port, data in $dir"
	exec "$binary" "${args[@]}"
	;;
start)
	dir=${2:?usage: victorialogs.sh start DIR [PORT]} port=${3:-9428}
	[[ -x $binary ]] || build
	mkdir -p "$dir"
	if [[ -e $dir/pid ]] && ours "$(<"$dir/pid")"; then fail "runs already, as process $(<"$dir/pid"): $0 stop $dir"; fi
	arguments "$dir" "$port"
	"$binary" "${args[@]}" </dev/null >>"$dir/log" 2>&1 &
	pid=$!
	echo "$pid" >"$dir/pid"
	for ((i = 0; i < 600; i++)); do
		if ! kill -0 "$pid" 2>/dev/null; then
			rm "$dir/pid"
			fail "it does not start: $(tail -n 3 "$dir/log")"
		fi
		if curl -fsS -o /dev/null --noproxy '*' "http://127.0.0.1:$port/health" 2>/dev/null; then
			echo "http://127.0.0.1:$port"
			exit
		fi
		sleep 0.1
	done
	fail "it does not answer after 60 s: $dir/log"
	;;
stop)
	dir=${2:?usage: victorialogs.sh stop DIR}
	[[ -e $dir/pid ]] || fail "none runs for $dir"
	pid=$(<"$dir/pid")
	if ours "$pid"; then
		kill -INT "$pid"
		while ours "$pid"; do sleep 0.1; done
	fi
	rm -f "$dir/pid"
	;;
*)
	sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0" >&2
	exit 2
	;;
esac
