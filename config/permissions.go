package config

import (
	"maps"
	"path/filepath"
	"slices"

	"webproxy/internal/privatefile"
)

// checkPermissions warns of files and directories that others may change, or read where they must not. Whoever can write
// the configuration, a list, or the directory of one, decides what is allowed. Secrets are refused when they are read.
func (l *loader) checkPermissions() {
	c := l.cfg
	if c.Path == "" {
		return
	}
	kinds := map[string]privatefile.Kind{}
	add := func(kind privatefile.Kind, paths ...string) {
		for _, path := range paths {
			if path != "" {
				kinds[path] = max(kinds[path], kind)
			}
		}
	}
	for path := range c.read.seen {
		add(privatefile.Policy, path, filepath.Dir(path))
	}
	add(privatefile.Policy, filepath.Dir(c.Path), c.Inspection.Dir, c.ListenTLS.Cert, c.ListenTLS.ClientCA)
	audit := c.Audit.WithDefaults()
	add(privatefile.Private, audit.Dir)
	add(privatefile.Policy, filepath.Dir(audit.Key))
	add(privatefile.Secret, audit.Key, c.ListenTLS.Key)
	for _, r := range c.Ship {
		add(privatefile.Secret, r.TokenFile, r.Key)
		add(privatefile.Policy, r.CA, r.Cert)
	}
	for i := range c.Egress.Upstreams {
		add(privatefile.Secret, c.Egress.Upstreams[i].Credentials)
		if n := c.Egress.Upstreams[i].Negotiate; n != nil {
			add(privatefile.Secret, n.Keytab)
			add(privatefile.Policy, n.Krb5Conf)
		}
	}
	for _, path := range slices.Sorted(maps.Keys(kinds)) {
		if why := privatefile.Loose(c.read.disk(), path, kinds[path]); why != "" {
			hint := "chmod go-w " + path
			switch kinds[path] {
			case privatefile.Private:
				hint = "chmod o-rwx,g-w " + path
			case privatefile.Secret:
				hint = "chmod 600 " + path
			}
			l.warnings = append(l.warnings, Problem{File: path, Msg: why, Hint: hint, Warning: true})
		}
	}
}
