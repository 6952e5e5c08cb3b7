#!/usr/bin/env bash
# Measures reading a month of audit log, beside other tools, and prints
# Markdown. It compares the results of the tools: a difference ends it.
#
#   bench/audit.sh                        10 million records: 6 GB of disk, 10 minutes
#   bench/audit.sh 1000000                fewer
#   BENCH_DIR=/data bench/audit.sh        where the log is written; it is removed at the end
#   BENCH_LOG=/data/audit bench/audit.sh  an existing log by bench/auditgen, which stays
#
# It needs Go and Debian, and root to install what is missing of jq, goaccess and time.
set -euo pipefail
cd "$(dirname "$0")/.."

records=${1:-10000000}
month=2026-10
host=rare.his.arc.azure.com # see bench/auditgen

fail() {
	echo "bench: $1" >&2
	exit 1
}

say() { echo "bench: $1" >&2; }

missing=()
for tool in jq goaccess /usr/bin/time; do
	command -v "$tool" >/dev/null || missing+=("${tool##*/}")
done
if ((${#missing[@]})); then
	install=(apt-get install -qq -y --no-install-recommends "${missing[@]}")
	((EUID == 0)) || fail "not installed: ${missing[*]}; as root, run: ${install[*]}"
	say "installing ${missing[*]}"
	export DEBIAN_FRONTEND=noninteractive
	apt-get update -qq
	"${install[@]}" >/dev/null
fi

dir=$(mktemp -d -p "${BENCH_DIR:-${TMPDIR:-/tmp}}")
trap 'rm -rf "$dir"' EXIT
log=${BENCH_LOG:-$dir/audit}
CGO_ENABLED=0 go build -trimpath -o "$dir/webproxy" ./cmd/webproxy
if [[ -z ${BENCH_LOG:-} ]]; then
	CGO_ENABLED=0 go build -trimpath -o "$dir/auditgen" ./bench/auditgen
	say "writing $records records"
	"$dir/auditgen" -dir "$log" -records "$records" -month "$month"
fi

webproxy() { "$dir/webproxy" "$@" 2>>"$dir/stderr"; }
plain() { zcat -f "$log"/audit*.ndjson.gz "$log"/audit.ndjson; }
forget_summaries() { rm -f "$log"/*.summary.json.gz; }
export dir log month host
export -f webproxy plain

# measure NAME GOAL COMMAND: runs a shell command, its output in $dir/NAME, and adds a row to the table. GOAL is
# an expression of awk over wall (s), rss (MB) and rate (records a second), or empty.
measure() {
	local name=$1 goal=$2 command=$3 wall cpu rss
	say "$name"
	/usr/bin/time -o "$dir/time" -f '%e %U %S %M' bash -c "set -euo pipefail; $command" >"$dir/$name" ||
		fail "$name: exit code $?: $(tail -n 3 "$dir/stderr")"
	read -r wall user sys rss < <(tail -n 1 "$dir/time")
	awk -v name="$name" -v wall="$wall" -v cpu="$user" -v sys="$sys" -v kb="$rss" -v n="$records" -v goal="$goal" 'BEGIN {
		rss = kb / 1024; rate = n / (wall > 0 ? wall : 0.01); met = ""
		split(goal, parts, " ")
		if (goal != "") {
			met = "met"
			for (i = 1; i in parts; i++) {
				split(parts[i], p, /[<>]/)
				value = p[1] == "wall" ? wall : p[1] == "rss" ? rss : rate
				if (index(parts[i], "<") ? value >= p[2] : value <= p[2]) met = "missed"
			}
			gsub("wall", "time", goal); gsub("rate", "records/s", goal); gsub("rss", "MB", goal)
			met = goal ": " met
		}
		printf "| %s | %.2f | %.2f | %.0f | %d | %s |\n", name, wall, cpu + sys, rss, rate, met
	}' >>"$dir/rows"
	eval "wall_${name//[^a-z]/_}=$wall"
}

# same NAME WANT GOT
same() { [[ $2 == "$3" ]] || fail "$1: one says $2, the other $3"; }

# ratio NAME WALL OF
ratio() { awk -v name="$1" -v a="$2" -v b="$3" 'BEGIN { printf "| %s | %.1f |\n", name, a / (b > 0 ? b : 0.01) }' >>"$dir/ratios"; }

load_before=$(cut -d' ' -f1-3 /proc/loadavg)
plain >/dev/null # all are to find the files in memory

forget_summaries
measure "query of one host, no summaries" "wall<5" 'webproxy audit query --dir "$log" host=$host -o ndjson'
forget_summaries
measure "report, no summaries" "wall<60 rss<500" 'webproxy audit report --dir "$log" --month $month'
measure "report" "wall<2 rss<500" 'webproxy audit report --dir "$log" --month $month'
measure "query of one host" "wall<5" 'webproxy audit query --dir "$log" host=$host -o ndjson'
measure "denials by host" "" 'webproxy audit query --dir "$log" decision=deny --by host -o csv'
measure "verify" "rate>300000" 'webproxy audit verify "$log"'
forget_summaries
measure "verify, no summaries" "rate>300000" 'webproxy audit verify "$log"'
measure "export to squid" "" 'webproxy audit export --dir "$log" --as squid'
measure "zcat, grep -c" "" 'plain | { grep -c "\"host\":\"$host\"" || true; }'
measure "zcat, jq: denials by host" "" 'plain | jq -r "select(.decision == \"deny\") | [(.count // 1), .host] | @tsv" | awk "{ n[\$2] += \$1 } END { for (h in n) print n[h] \",\" h }"'
mv "$dir/export to squid" "$dir/access.log"
measure "goaccess, of access.log" "" 'goaccess "$dir/access.log" --log-format="%x.%^ %~%L %h %^/%s %b %m %U" --datetime-format=%s --no-strict-status --no-global-config --no-progress -o "$dir/goaccess.html" 2>>"$dir/stderr"'

same "records of one host, grep" "$(cat "$dir/zcat, grep -c")" "$(wc -l <"$dir/query of one host")"
same "records of one host, without summaries and with" "$(cat "$dir/query of one host, no summaries")" "$(cat "$dir/query of one host")"
same "denials by host, jq" "$(sort "$dir/zcat, jq: denials by host")" "$(tail -n +2 "$dir/denials by host" | cut -d, -f1,2 | sort)"
same "the report, without summaries and with" "$(cat "$dir/report, no summaries")" "$(cat "$dir/report")"
grep -q '^INTEGRITY OK' "$dir/verify" || fail "verify: $(head -n 1 "$dir/verify")"

ratio "zcat, grep -c / query of one host, no summaries" "$wall_zcat__grep__c" "$wall_query_of_one_host__no_summaries"
ratio "zcat, jq / denials by host" "$wall_zcat__jq__denials_by_host" "$wall_denials_by_host"
ratio "goaccess / report, no summaries" "$wall_goaccess__of_access_log" "$wall_report__no_summaries"

# busy says how reliable the times are if other processes ran.
busy() {
	awk -v load="${load_before%% *}" -v n="$(nproc)" 'BEGIN {
		if (load > 1) printf "**The machine was not idle**: its load was %s on %d processors at the start, so times are longer and goals were missed. " \
			"Processor seconds depend less on that: divided by %d they are about the time on an idle machine, except for grep, jq and goaccess, which use one processor.\n\n", load, n, n
	}'
}

cat <<END
# Reading a month of audit log

Measured by \`make bench-audit\`, which also compares the results of the tools.

- $(date -u +%Y-%m-%d), commit $(git rev-parse --short HEAD)$(git diff --quiet HEAD -- || echo " and changes"), $(go env GOVERSION)
- $(nproc) x $(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -n 1), $(awk '/MemTotal/ { printf "%.0f GB", $2 / 1e6 }' /proc/meminfo) of memory, $(uname -s) $(uname -r | cut -d. -f1,2)
- load (1, 5, 15 minutes) before: $load_before; after: $(cut -d' ' -f1-3 /proc/loadavg). Above 1 at the start: other processes ran too.
- $records records, $(du -cb "$log"/audit*.ndjson.gz | tail -n 1 | awk '{ printf "%.0f", $1 / 1e6 }') MB in $(ls "$log"/audit*.ndjson.gz | wc -l) compressed files and one that is not; files are in the page cache
- $(jq --version), $(goaccess --version | head -n 1 | sed 's/\.$//'), $(zcat --version | head -n 1), $(grep --version | head -n 1)

| what | time, s | processor, s | memory, MB | records/s | goal |
|---|---|---|---|---|---|
$(cat "$dir/rows")

$(busy)With summaries, verify also adds up all records and compares. goaccess reads the output of \`audit export --as squid\`, so
its time does not include reading the log; it writes one HTML page.

| ratio of times | |
|---|---|
$(cat "$dir/ratios")
END
