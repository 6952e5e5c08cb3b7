package fleet

import (
	"errors"
	"fmt"
	"net/url"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"webproxy/config"
	"webproxy/internal/setting"
)

// FileName is the default name of the settings file of the fleet commands.
const FileName = "fleet.yaml"

// A Config is the settings of the fleet commands, in a file on the machine of the operator of many sites.
type Config struct {
	// VictoriaLogs is the URL of the VictoriaLogs that sites ship to, such as https://logs.example.com:9428. Without TLS it must
	// be on this machine.
	VictoriaLogs string `yaml:"victorialogs"`
	// CA is a PEM file of authorities that its certificate is verified against, instead of the system's.
	CA string `yaml:"ca"`
	// Cert is a PEM file of the client certificate.
	Cert string `yaml:"cert"`
	// Key is the PEM file of Cert's private key.
	Key string `yaml:"key"`
	// TokenFile is a file with a bearer token for the server.
	TokenFile string `yaml:"token_file"`
	// Timeout bounds each query; a command may make many. Default: 60s
	Timeout setting.Duration `yaml:"timeout"`
	// Keys are the public keys, or files with them, of those who sign bundles, for fleet rollout.
	Keys []string `yaml:"keys"`
	// Need is how many of Keys must have signed. Default: all
	Need int `yaml:"need"`
	// Rings are groups of sites that get a bundle together, by name.
	Rings map[string]RingSpec `yaml:"rings"`
}

// A RingSpec names sites, and where bundles for them are published.
type RingSpec struct {
	// Dir is the directory that sites of the ring fetch bundles from, such as one below that of bundle serve.
	Dir string `yaml:"dir"`
	// Sites are names of sites, or patterns such as oslo-*.
	Sites []string `yaml:"sites"`
}

const defaultTimeout = time.Minute

// Load reads the settings file; relative paths in it are relative to its directory. Errors in the settings are
// config.Problems.
func Load(file string) (*Config, error) {
	c := new(Config)
	doc, err := config.ReadDocument(file, c)
	if err != nil {
		return nil, err
	}
	if _, err := serverURL(c.VictoriaLogs); err != nil {
		doc.Fail("victorialogs", err.Error(), "such as https://logs.example.com:9428")
	}
	if (c.Cert == "") != (c.Key == "") {
		doc.Fail("cert", "stands without its other half", "name both: cert and key")
	}
	if c.Timeout == setting.Off {
		doc.Fail("timeout", "cannot be off", "a server that does not answer would be waited for without end")
	}
	if n := len(c.Keys); c.Need < 0 || c.Need > n {
		doc.Fail("need", fmt.Sprintf("%d of %d keys", c.Need, n), fmt.Sprintf("want at most %d", n))
	}
	for name, ring := range c.Rings {
		at := "rings." + name
		if ring.Dir == "" {
			doc.Fail(at, "has no dir", "name the directory that its sites fetch bundles from")
		}
		if len(ring.Sites) == 0 {
			doc.Fail(at, "has no sites", "name its sites, or patterns such as oslo-*")
		}
		for i, s := range ring.Sites {
			if _, err := path.Match(s, ""); err != nil {
				doc.Fail(fmt.Sprintf("%s.sites[%d]", at, i), fmt.Sprintf("%q is no pattern", s), "such as oslo-*")
			}
		}
	}
	if err := doc.Err(); err != nil {
		return nil, err
	}
	dir := filepath.Dir(file)
	for _, p := range []*string{&c.CA, &c.Cert, &c.Key, &c.TokenFile} {
		*p = in(dir, *p)
	}
	for i := range c.Keys {
		if !strings.Contains(c.Keys[i], "+") { // the key itself
			c.Keys[i] = in(dir, c.Keys[i])
		}
	}
	for name, ring := range c.Rings {
		ring.Dir = in(dir, ring.Dir)
		c.Rings[name] = ring
	}
	return c, nil
}

func in(dir, p string) string {
	if p == "" || filepath.IsAbs(p) {
		return p
	}
	return filepath.Join(dir, p)
}

// serverURL reads the address of a VictoriaLogs.
func serverURL(s string) (*url.URL, error) {
	if s == "" {
		return nil, errors.New("is missing")
	}
	u, err := url.Parse(s)
	switch {
	case err != nil, u.Host == "", u.Scheme != "http" && u.Scheme != "https":
		return nil, errors.New("is not an http or https URL")
	case u.User != nil, u.RawQuery != "", u.Fragment != "":
		return nil, errors.New("has more than a server and a path: token_file is for secrets")
	case u.Scheme == "http" && !slices.Contains([]string{"localhost", "127.0.0.1", "::1"}, u.Hostname()):
		return nil, errors.New("http:// is not encrypted: want https://")
	}
	return u, nil
}
