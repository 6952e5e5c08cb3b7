//go:build e2e

package e2e

import (
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

// zeros never end.
type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

// microsoft simulates the two hosts of the validator's manifest, and hostile ones in their place.
func microsoft(rw http.ResponseWriter, r *http.Request) {
	const release = "https://azurestackreleases.download.prss.microsoft.com"
	switch r.Host + r.URL.Path {
	case "aka.ms/hciconnectivitytargets/eastus":
		http.Redirect(rw, r, release+"/dbazure/targets.xml", http.StatusMovedPermanently)
	case "aka.ms/hciconnectivitytargets/westeurope":
		http.Redirect(rw, r, "https://stranger.example.com/targets.xml", http.StatusMovedPermanently)
	case "aka.ms/hciconnectivitytargets/japaneast":
		http.Redirect(rw, r, "http://aka.ms/targets.xml", http.StatusMovedPermanently)
	case "aka.ms/hciconnectivitytargets/centralindia":
		http.Redirect(rw, r, r.URL.Path, http.StatusFound)
	case "aka.ms/hciconnectivitytargets/canadacentral":
		io.Copy(rw, zeros{})
	case "aka.ms/hciconnectivitytargets/southeastasia":
		<-r.Context().Done()
	case "azurestackreleases.download.prss.microsoft.com/dbazure/targets.xml":
		http.ServeFile(rw, r, "../catalog/manifest/testdata/signed.xml")
	case "aka.ms/hciconnectivitytargets/southcentralus":
		http.Redirect(rw, r, "/unsigned.xml", http.StatusFound)
	case "aka.ms/unsigned.xml":
		io.WriteString(rw, `<?xml version="1.0" encoding="utf-8"?>
<Objects><Object><Property Name="EndPoint"><Property>aka.ms</Property></Property><Property Name="Protocol"><Property>https</Property></Property></Object>
<Object><Property Name="EndPoint"><Property>new.prod.example.com</Property></Property><Property Name="Protocol"><Property>https</Property></Property></Object></Objects>`)
	default:
		http.NotFound(rw, r)
	}
}

// TestListsCheck reads the manifest through the proxy as an operator does. It requests nothing that the policy denies, and
// responses are bounded.
func TestListsCheck(t *testing.T) {
	ca := newAuthority(t)
	serveTLS(t, "127.0.0.1:443", ca, http.HandlerFunc(microsoft))
	s := newSite(t)
	s.configure(`
policy:
  region: eastus
  rules: [ { id: manifest, hosts: [aka.ms, azurestackreleases.download.prss.microsoft.com], private: allow } ]
`)
	p := s.start()
	for _, tt := range []struct {
		exit int
		args string
		want string // in the output
	}{
		{4, "--region eastus", "missing  listed  https://portal.autonomous.cloud.private"},
		{4, "--region eastus", "read https://azurestackreleases.download.prss.microsoft.com/dbazure/targets.xml"},
		{4, "--region eastus", "signature: of Microsoft Corporation, below Microsoft Root Certificate Authority 2011: verified"},
		{1, "--region southcentralus", "is not Microsoft's manifest, and nothing of it is used: it has no XML signature"},
		{4, "--url https://aka.ms/unsigned.xml", "signature: none, nothing verified"},
		{4, "--url https://aka.ms/unsigned.xml", "1 of 2 covered"},
		{4, "--region westeurope", "the policy does not allow https://stranger.example.com: host_not_listed"},
		{1, "--region japaneast", "a redirect leads to http://aka.ms, which is not HTTPS"},
		{1, "--region centralindia", "more than 5 redirects"},
		{1, "--region canadacentral", "longer than 4 MiB"},
		{1, "--region southeastasia --timeout 1s", "read the manifest through"},
		{1, "--region australiaeast", "the response is 404 Not Found"},
		{1, "--region eastus --proxy 127.0.0.1:1", "is the proxy running there?"},
	} {
		args := append(strings.Fields("lists check -c "+filepath.Join(s.dir, "webproxy.yaml")+" --proxy "+p.addr), strings.Fields(tt.args)...)
		got := run(t, []string{"SSL_CERT_FILE=" + ca.file}, binary(t), args...)
		if got.exit != tt.exit || !strings.Contains(got.stdout+got.stderr, tt.want) {
			t.Errorf("lists check %s: exit %d, want %d and %q\n%s%s", tt.args, got.exit, tt.exit, tt.want, got.stdout, got.stderr)
		}
	}
	// The proxy decides as well: here it has a narrower policy than the command's configuration.
	other := newSite(t)
	other.configure("policy: { rules: [ { id: none, hosts: [none.example.com] } ] }\n")
	q := other.start()
	got := run(t, []string{"SSL_CERT_FILE=" + ca.file}, binary(t), "lists", "check", "-c", filepath.Join(s.dir, "webproxy.yaml"), "--proxy", q.addr)
	if got.exit != 4 || !strings.Contains(got.stderr, "denied it: host_not_listed aka.ms:443") || !strings.Contains(got.stderr, "webproxy why ") {
		t.Errorf("a narrower proxy: exit %d\n%s%s", got.exit, got.stdout, got.stderr)
	}
	q.stop()
	p.stop()
	decided, _ := decisions(t, records(t, s.audit()))
	for _, d := range decided {
		if strings.Contains(d.Host, "stranger") {
			t.Errorf("the proxy was asked for %s", d.Host)
		}
	}
	if len(decided) == 0 {
		t.Error("no record of what was read")
	}
}
