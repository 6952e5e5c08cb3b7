package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
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

	"webproxy/internal/dnstest"
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
		known := newLabAuthority(t, "Lab Root", "Microsoft Corporation")
		ts.Check(os.WriteFile(ts.MkAbs("ca.pem"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: known.cert.Raw}), 0o644))
		dns := dnstest.Start(t, labZone)
		origin := lab.serve(known)
		device := lab.serve(newLabAuthority(t, "Inspection CA", "Contoso Ltd"))
		plain := httptest.NewServer(http.HandlerFunc(lab.answer))
		dead, err := net.Listen("tcp", "127.0.0.1:0")
		ts.Check(err)
		ts.Check(dead.Close())
		ts.Defer(func() { close(lab.released); origin.Close(); device.Close(); plain.Close() })
		for name, addr := range map[string]net.Addr{"HTTPS": origin.Listener.Addr(), "DEVICE": device.Listener.Addr(), "HTTP": plain.Listener.Addr(), "DEAD": dead.Addr()} {
			_, port, err := net.SplitHostPort(addr.String())
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

func (l *lab) serve(a *labAuthority) *httptest.Server {
	s := httptest.NewUnstartedServer(http.HandlerFunc(l.answer))
	s.TLS = &tls.Config{GetCertificate: a.issue, MinVersion: tls.VersionTLS12}
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

// A labAuthority signs for whatever name is asked for. Safe for concurrent use.
type labAuthority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey // of it, and of all that it signs

	mu     sync.Mutex // guards issued
	issued map[string]*tls.Certificate
}

func newLabAuthority(t *testing.T, name, owner string) *labAuthority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name, Organization: []string{owner}},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &labAuthority{cert: cert, key: key, issued: map[string]*tls.Certificate{}}
}

// issue is a tls.Config.GetCertificate. Names that begin with "expired" and "other" get what is wrong with theirs.
func (a *labAuthority) issue(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	name := hello.ServerName
	if c := a.issued[name]; c != nil {
		return c, nil
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(int64(len(a.issued) + 2)), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	switch {
	case strings.HasPrefix(name, "expired."):
		template.NotAfter = time.Now().Add(-time.Minute)
	case strings.HasPrefix(name, "other."):
		template.DNSNames = []string{"else.example"}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &a.key.PublicKey, a.key)
	if err != nil {
		return nil, err
	}
	c := &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: a.key}
	a.issued[name] = c
	return c, nil
}
