#!/usr/bin/env bash
# Has promtool check and try the alert rules of deploy/monitoring. The first run builds promtool, which takes minutes.
set -euo pipefail
cd "$(dirname "$0")/.."
PROMTOOL=github.com/prometheus/prometheus/cmd/promtool@v0.316.0
GOBIN=$PWD/bin/tools go install "$PROMTOOL"
cd deploy/monitoring
../../bin/tools/promtool check rules webproxy.rules.yaml
../../bin/tools/promtool test rules webproxy.rules.test.yaml
