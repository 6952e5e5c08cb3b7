#!/usr/bin/env bash
# Checks the Helm chart: helm lint, what the templates make of the values in scripts/helm, its comparison with the files beside these,
# each manifest by the types of Kubernetes' API, the configuration in it by webproxy check, values that must be refused, and all of it
# by kubeconform. The first run builds helm's packages and kubeconform, which takes minutes.
#
#   scripts/helm.sh            check
#   scripts/helm.sh -update    write the files that it compares with
#   KUBE_SCHEMAS=DIR ...       where kubeconform finds schemas, KIND-GROUP-VERSION.json; default: github.com/yannh/kubernetes-json-schema,
#                              over the network
set -euo pipefail
cd "$(dirname "$0")/.."
KUBECONFORM=github.com/yannh/kubeconform/cmd/kubeconform@v0.8.0
KUBERNETES=1.32.2
chart=deploy/helm/webproxy
say() { printf 'helm: %s\n' "$*"; }
fail() { printf 'helm: FAILED: %s\n' "$*" >&2; exit 1; }

export GOBIN=$PWD/bin/tools CGO_ENABLED=0
[[ -x $GOBIN/kubeconform ]] || go install "$KUBECONFORM"
(cd packaging/render && go build -o "$GOBIN/render" . && go test .)
webproxy=${WEBPROXY:-bin/webproxy}
[[ -x $webproxy ]] || go build -o "$webproxy" ./cmd/webproxy
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

for values in scripts/helm/*.values.yaml; do
	name=${values##*/}
	name=${name%.values.yaml}
	"$GOBIN/render" "$chart" "$values" >"$dir/$name.yaml" || fail "lint of $name"
	golden=scripts/helm/$name.golden.yaml
	if [[ ${1:-} == -update ]]; then cp "$dir/$name.yaml" "$golden"; fi
	diff -u "$golden" "$dir/$name.yaml" || fail "$name: the templates make something else; scripts/helm.sh -update if that is right"
	# The files as the volume has them.
	mkdir -p "$dir/$name/lists"
	awk '/^  webproxy.yaml: \|/ { on = 1; next } on && /^    / { print substr($0, 5); next } { on = 0 }' "$dir/$name.yaml" >"$dir/$name/webproxy.yaml"
	awk '/^  name: .*-lists$/ { lists = 1 } /^---/ { lists = 0 } lists && /^  ".*": "/' "$dir/$name.yaml" | while IFS= read -r line; do
		line=${line#*\"} file=${line%%\"*} text=${line#*: \"}
		printf '%b' "${text%\"}" >"$dir/$name/lists/$file"
	done
	[[ -s $dir/$name/webproxy.yaml && -s $dir/$name/lists/approved.txt ]] || fail "$name: no files in its ConfigMaps"
	"$webproxy" check -c "$dir/$name/webproxy.yaml" >"$dir/check" 2>&1 || { cat "$dir/check"; fail "$name: its configuration"; }
	say "$name: lint, templates, types and configuration are right"
done

refused() {
	local code=0
	"$GOBIN/render" "$chart" scripts/helm/default.values.yaml "$1" >/dev/null 2>&1 || code=$?
	((code == 3)) || fail "$1: exit code $code, want 3"
}
refused config.listen=:8080
refused config.audit.dir=/tmp
refused replicas=two
refused persistance.size=1Gi
refused lists.a/b=x
refused service.type=ExternalName
refused image.digest=sha256:1
say "values that are wrong are refused"

location=(-schema-location default)
[[ -z ${KUBE_SCHEMAS:-} ]] || location=(-schema-location "$KUBE_SCHEMAS/{{ .ResourceKind }}{{ .KindSuffix }}.json")
for rendered in "$dir"/*.yaml; do
	"$GOBIN/kubeconform" -strict -summary -kubernetes-version "$KUBERNETES" -skip ServiceMonitor "${location[@]}" "$rendered" >"$dir/said" 2>&1 || {
		cat "$dir/said"
		! grep -q 'failed downloading\|could not find schema' "$dir/said" || { say "NOT CHECKED: kubeconform has no schemas"; exit 0; }
		fail "kubeconform: ${rendered##*/}"
	}
	say "kubeconform: $(cat "$dir/said")"
done
