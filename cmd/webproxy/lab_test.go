package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/net/dns/dnsmessage"

	"webproxy/internal/certtest"
	"webproxy/internal/dnstest"
	"webproxy/internal/proxytest"
)

// scriptLab is the script command
//
//	lab
//
// It starts what doctor is shown with: a DNS server ($DNS), whose names lead to 127.0.0.1 but for those of labZone; HTTPS
// ($HTTPS) and HTTP ($HTTP) origins under whatever name they are asked for, signed by ca.pem; a device that signs
// for them with a root of its own ($DEVICE); a port where nobody listens ($DEAD). What host does what is in labOrigin.
func scriptLab(t *testing.T) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, _ bool, _ []string) {
		lab := &lab{released: make(chan struct{})}
		known := certtest.New(t, "Lab Root", "Microsoft Corporation")
		ts.Check(os.WriteFile(ts.MkAbs("ca.pem"), known.PEM(), 0o644))
		dns := dnstest.Start(t, labZone)
		origin := lab.serve(known)
		device := lab.serve(certtest.New(t, "Inspection CA", "Contoso Ltd"))
		plain := httptest.NewServer(http.HandlerFunc(lab.answer))
		dead, release, err := proxytest.ReserveAddr()
		ts.Check(err)
		ts.Defer(release)
		ts.Defer(func() { close(lab.released); origin.Close(); device.Close(); plain.Close() })
		for name, addr := range map[string]string{"HTTPS": origin.Listener.Addr().String(), "DEVICE": device.Listener.Addr().String(), "HTTP": plain.Listener.Addr().String(), "DEAD": dead} {
			_, port, err := net.SplitHostPort(addr)
			ts.Check(err)
			ts.Setenv(name, port)
			lab.ports.Store(name, port)
		}
		ts.Setenv("DNS", dns.Addr)
	}
}

// labZone answers with 127.0.0.1, with a private address for one name of Azure Arc, and knows no name in nowhere.example.
func labZone(q dnsmessage.Question, reply *dnsmessage.Message, tcp bool) bool {
	switch name := q.Name.String(); {
	case name == "gbl.his.arc.azure.com.":
		return dnstest.Zone(0, "10.20.3.4")(q, reply, tcp)
	case strings.HasSuffix(name, ".nowhere.example."):
		reply.RCode = dnsmessage.RCodeNameError
		return true
	}
	return dnstest.Zone(0, "127.0.0.1")(q, reply, tcp)
}

type lab struct {
	ports    sync.Map      // of the origins, by name
	released chan struct{} // closed at the end: the slow origin answers then at the latest
}

func (l *lab) serve(a *certtest.Authority) *httptest.Server {
	s := httptest.NewUnstartedServer(http.HandlerFunc(l.answer))
	s.TLS = &tls.Config{GetCertificate: a.Issuer(labLeaf), MinVersion: tls.VersionTLS12}
	s.StartTLS()
	return s
}

// answer is what the origins do, by their names.
func (l *lab) answer(w http.ResponseWriter, r *http.Request) {
	host, _, _ := strings.Cut(r.Host, ":")
	port, _ := l.ports.Load("HTTPS")
	switch host {
	case "aka.ms":
		http.Redirect(w, r, fmt.Sprintf("https://denied.example:%s/x", port), http.StatusFound)
	case "go.microsoft.com":
		http.Redirect(w, r, fmt.Sprintf("https://good.azure.com:%s/y", port), http.StatusFound)
	case "slow.azure.com":
		select {
		case <-time.After(3 * time.Second):
		case <-l.released:
		}
		io.WriteString(w, "at last")
	case "norange.download.windowsupdate.com":
		io.WriteString(w, strings.Repeat("whole", 100))
	case "good.download.windowsupdate.com":
		http.ServeContent(w, r, "update.cab", time.Unix(0, 0), strings.NewReader(strings.Repeat("part", 100)))
	case "blocked.azure.com":
		w.Header().Set("Server", "Zscaler/6.2")
		io.WriteString(w, "<html>this site is blocked</html>")
	default:
		io.WriteString(w, "hello")
	}
}

// labLeaf puts into a certificate what is wrong with those whose names begin with "expired" and "other".
func labLeaf(c *x509.Certificate) {
	switch name := c.Subject.CommonName; {
	case strings.HasPrefix(name, "expired."):
		c.NotAfter = time.Now().Add(-time.Minute)
	case strings.HasPrefix(name, "other."):
		c.DNSNames = []string{"else.example"}
	}
}
