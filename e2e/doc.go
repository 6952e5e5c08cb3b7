// Package e2e tests the built webproxy with other programs. curl, wget, git and chromium reach
// what the lists permit, are told why the rest is refused, and the audit log has both.
// HAProxy runs in front of it, Squid behind it, with Basic or Kerberos logins. webproxy ships its log to rsyslog and to an OpenTelemetry
// Collector (otelcol, a module of its own). nft, a grammar of PowerShell and a PAC engine read its exports, h2spec (another module) tests its HTTP/2, lnav and
// goaccess read its log. Other tests change the policy under load, kill the process in mid-traffic and stop it.
//
// The tests need the build tag e2e and a Debian machine; e2e/run provides both:
//
//	e2e/run                          # everything
//	e2e/run -test.run TestSeedRows   # one story
//	e2e/soak 8                       # traffic of all kinds for 8 minutes, with kills and reloads
//	E2E_COLLECTOR=1 e2e/run          # with the OpenTelemetry Collector, which takes minutes to build
//
// Each file is one story, except for shared parts: process_test.go (a webproxy), origin_test.go,
// names_test.go (DNS), authority_test.go (certificates), clients_test.go and evidence_test.go (what the audit
// log and the metrics say). Nothing leaves the machine: every name leads to 127.0.0.1.
package e2e
