package config

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestIdentity(t *testing.T) {
	o := ListenTLSOptions{Clients: map[string][]string{
		"nodes": {"*.nodes.example.com", "CN=node9,O=Example"},
		"wac":   {"wac.example.com"},
	}}
	identity := o.Identity()
	for _, tt := range []struct {
		subject     pkix.Name
		dns         []string
		group, name string
	}{
		{pkix.Name{}, []string{"n1.nodes.example.com"}, "nodes", "n1.nodes.example.com"},
		{pkix.Name{}, []string{"other.test", "WAC.example.com"}, "wac", "wac.example.com"},
		{pkix.Name{CommonName: "node9", Organization: []string{"Example"}}, nil, "nodes", "CN=node9,O=Example"},
		{pkix.Name{CommonName: "node9", Organization: []string{"Other"}}, nil, "", ""},
		{pkix.Name{CommonName: "n1.nodes.example.com"}, nil, "", ""}, // a common name is no DNS name
		{pkix.Name{}, []string{"nodes.example.com"}, "", ""},
	} {
		group, name := identity(&x509.Certificate{Subject: tt.subject, DNSNames: tt.dns})
		if group != tt.group || name != tt.name {
			t.Errorf("%s %q: %q %q, want %q %q", tt.subject, tt.dns, group, name, tt.group, tt.name)
		}
	}
}

func TestListenTLS(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"proxy.crt", "proxy.key"} {
		text, err := os.ReadFile(filepath.Join("testdata/good/tls", name))
		must(t, err)
		put(t, filepath.Join(dir, name), string(text))
		must(t, os.Chmod(filepath.Join(dir, name), 0o600))
	}
	const rest = "\npolicy: { clients: { nodes: [10.0.0.0/8] }, rules: [] }\n"
	for text, want := range map[string]string{
		`{ listen: ":9443", cert: proxy.crt, key: proxy.key }`:                                                                       "",
		`{ listen: [":9443", "127.0.0.1:9444"], cert: proxy.crt, key: proxy.key, client_ca: proxy.crt, clients: { nodes: [CN=a] } }`: "",
		`{ cert: proxy.crt, key: proxy.key }`:                                                                                        "listen_tls: has no address to listen on",
		`{ listen: ":9443", cert: proxy.crt }`:                                                                                       "listen_tls: key is missing",
		`{ listen: ":9443", cert: proxy.crt, key: none.key }`:                                                                        "no such file",
		`{ listen: ":9443", cert: proxy.key, key: proxy.crt }`:                                                                       "listen_tls: ",
		`{ listen: ":9090", cert: proxy.crt, key: proxy.key }`:                                                                       "port 9090 is taken by listen",
		`{ listen: ":9443", cert: proxy.crt, key: proxy.key, clients: { nodes: [a.test] } }`:                                         "clients are not asked for certificates",
		`{ listen: ":9443", cert: proxy.crt, key: proxy.key, client_ca: proxy.crt, clients: { nods: [a.test] } }`:                    `no client group "nods"`,
		`{ listen: ":9443", cert: proxy.crt, key: proxy.key, client_ca: proxy.crt, clients: { nodes: ["*"] } }`:                      "listen_tls.clients.nodes[0]: ",
		`{ listen: ":9443", cert: proxy.crt, key: proxy.key, client_ca: proxy.crt, clients: { nodes: [a.test, a.test] } }`:           "is in group nodes already",
	} {
		path := filepath.Join(dir, "webproxy.yaml")
		put(t, path, "listen_tls: "+text+rest)
		_, err := Load(path)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}
