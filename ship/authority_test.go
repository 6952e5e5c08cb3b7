package ship

import (
	"crypto/tls"
	"path/filepath"
	"strconv"
	"testing"

	"go.uber.org/zap/zaptest/observer"

	"webproxy/internal/certtest"
)

// An authority issues certificates for receivers and for clients.
type authority struct{ *certtest.Authority }

func newAuthority(t *testing.T) authority {
	t.Helper()
	return authority{certtest.New(t, "an authority")}
}

// server is the configuration of a server of that name; with mutual set, clients must show a certificate.
func (a authority) server(t *testing.T, name string, mutual bool) *tls.Config {
	t.Helper()
	c := &tls.Config{Certificates: []tls.Certificate{a.Issue(t, name, nil)}}
	if mutual {
		c.ClientAuth, c.ClientCAs = tls.RequireAndVerifyClientCert, a.Pool()
	}
	return c
}

func (a authority) writeCA(t *testing.T, dir, name string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	writeFile(t, path, string(a.PEM()))
	return path
}

// writePair writes NAME.pem and NAME-key.pem.
func (a authority) writePair(t *testing.T, dir, name string) {
	t.Helper()
	cert, key := certtest.Pair(t, a.Issue(t, name, nil))
	writeFile(t, filepath.Join(dir, name+".pem"), string(cert))
	writeFile(t, filepath.Join(dir, name+"-key.pem"), string(key))
}

type entryOf = observer.LoggedEntry

// errorIn is the error of what was logged.
func errorIn(e entryOf) string {
	text, _ := e.ContextMap()["error"].(string)
	return text
}

func itoa(n int) string { return strconv.Itoa(n) }
