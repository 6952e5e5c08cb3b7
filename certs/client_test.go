package certs

import (
	"crypto/tls"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"webproxy/internal/certtest"
	"webproxy/internal/smallfile"
)

// A server that requires a client certificate takes that of its authority, and no other client.
func TestRequireClient(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	ours, theirs := certtest.New(t, "ours"), certtest.New(t, "theirs")
	write(t, path("ours.pem"), ours.PEM())
	for name, a := range map[string]*certtest.Authority{"server": ours, "client": ours, "foreign": theirs} {
		cert, key := certtest.Pair(t, a.Issue(t, name+".test", nil))
		write(t, path(name+".pem"), cert)
		write(t, path(name+".key"), key)
	}
	server := &Server{Cert: path("server.pem"), Key: path("server.key"), ClientCA: path("ours.pem"), RequireClient: true}
	serverTLS, err := server.Config()
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	for _, tt := range []struct {
		name, client string
		taken        bool
	}{{"its own", "client", true}, {"one of another authority", "foreign", false}, {"none", "", false}} {
		files := ClientFiles{CA: path("ours.pem")}
		if tt.client != "" {
			files.Cert, files.Key = path(tt.client+".pem"), path(tt.client+".key")
		}
		clientTLS, err := files.Config(new(smallfile.Reader))
		if err != nil {
			t.Fatal(err)
		}
		clientTLS.ServerName = "server.test"
		handshake := make(chan error, 1)
		go func() {
			c, err := ln.Accept()
			if err != nil {
				handshake <- err
				return
			}
			defer c.Close()
			handshake <- tls.Server(c, serverTLS).HandshakeContext(t.Context())
		}()
		c, clientErr := (&tls.Dialer{Config: clientTLS}).DialContext(t.Context(), "tcp", ln.Addr().String())
		if err := <-handshake; (err == nil) != tt.taken || tt.taken && clientErr != nil {
			t.Errorf("%s: %v, client %v", tt.name, err, clientErr)
		}
		if clientErr == nil {
			c.Close()
		}
	}
}

// An error says which setting's file is wrong.
func TestClientFilesErrors(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	cert, key := pair(t, "client.test")
	_, other := pair(t, "client.test")
	write(t, path("cert"), cert)
	write(t, path("key"), key)
	write(t, path("other"), other)
	write(t, path("loose"), key)
	if err := os.Chmod(path("loose"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		files ClientFiles
		want  string
	}{
		{ClientFiles{}, ""},
		{ClientFiles{CA: path("cert"), Cert: path("cert"), Key: path("key")}, ""},
		{ClientFiles{CA: path("nothing")}, "ca: "},
		{ClientFiles{CA: path("key")}, "ca: " + path("key") + ": no certificate in it; want PEM"},
		{ClientFiles{Cert: path("nothing"), Key: path("key")}, "cert: "},
		{ClientFiles{Cert: path("cert"), Key: path("nothing")}, "key: "},
		{ClientFiles{Cert: path("cert")}, "key: "},
		{ClientFiles{Key: path("key")}, "cert: "},
		{ClientFiles{Cert: path("cert"), Key: path("other")}, "cert: " + path("cert") + " with key " + path("other") + ": "},
		{ClientFiles{Cert: path("cert"), Key: path("loose")}, "key: "},
	} {
		if runtime.GOOS == "windows" && tt.files.Key == path("loose") {
			continue // its access control list is checked, not its mode
		}
		c, err := tt.files.Config(new(smallfile.Reader))
		switch {
		case tt.want == "":
			if err != nil || c.MinVersion != tls.VersionTLS12 || (c.RootCAs == nil) != (tt.files.CA == "") || len(c.Certificates) > 0 != (tt.files.Cert != "") {
				t.Errorf("%+v: %+v, %v", tt.files, c, err)
			}
		case err == nil || !strings.HasPrefix(err.Error(), tt.want):
			t.Errorf("%+v: %v, want %s...", tt.files, err, tt.want)
		}
	}
}
