// Package e2e shows the built webproxy to real clients: curl, wget, git and chromium reach through
// it what the lists permit, are told why they may not reach the rest, and both stand in the audit
// log. HAProxy stands in front of it, Squid behind, which
// may ask a Kerberos KDC who it is. It ships that log to rsyslog and to an OpenTelemetry
// Collector (otelcol, a module of its own), has nft, a grammar of PowerShell and a PAC engine read what it writes, speaks HTTP/2 with h2spec (another module), has lnav and
// goaccess read it, and also changes the policy under load, kills the process in mid-traffic and stops it.
//
// The tests need the build tag e2e and a Debian machine; e2e/run sees to both:
//
//	e2e/run                          # everything
//	e2e/run -test.run TestSeedRows   # one story
//	e2e/soak 8                       # traffic of all kinds for 8 minutes, with kills and reloads
//	E2E_COLLECTOR=1 e2e/run          # with the OpenTelemetry Collector, which takes minutes to build
//
// Each file is one story, but for what the stories share: process_test.go (a webproxy), origin_test.go,
// names_test.go (DNS), authority_test.go (certificates), clients_test.go and evidence_test.go (what the audit
// log and the metrics say). Nothing leaves the machine: every name leads to 127.0.0.1.
package e2e
