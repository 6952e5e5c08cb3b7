package config

import (
	"maps"
	"path/filepath"
	"slices"

	"webproxy/certs"
	"webproxy/internal/privatefile"
	"webproxy/internal/smallfile"
)

// checkPermissions warns of files and directories that others may change, or read where they must not. Whoever can
// write the configuration, a list, the directory of one, or a directory above it, decides what is allowed. Secrets
// with wrong permissions are refused when they are read.
func (l *loader) checkPermissions() {
	c := l.cfg
	var roots []string
	kept := keptFiles{disk: c.read.disk(), kinds: map[string]privatefile.Kind{}}
	audit := c.Audit.WithDefaults()
	kept.add(privatefile.Private, audit.Dir)
	kept.add(privatefile.Secret, audit.Key)
	if c.Path != "" {
		kept.add(privatefile.Policy, slices.Collect(maps.Keys(c.read.seen))...)
		kept.add(privatefile.Policy, filepath.Dir(c.Path), c.socketDir(), c.Inspection.Dir, c.ListenTLS.Cert, c.ListenTLS.ClientCA, c.Dashboard.Cert)
		kept.add(privatefile.Secret, c.ListenTLS.Key, c.Dashboard.Key, c.Dashboard.Users)
		var keys []string
		if dir, err := filepath.Abs(c.Inspection.Dir); err == nil {
			roots, keys = certs.RootFiles(kept.disk, dir)
		}
		kept.add(privatefile.Policy, roots...)
		kept.add(privatefile.Secret, keys...)
	}
	if b := c.Policy.Bundle; b != nil && c.Path != "" {
		kept.add(privatefile.Secret, b.TokenFile, b.Key)
		kept.add(privatefile.Policy, b.CA, b.Cert, filepath.Dir(BundleFile(c.Path)))
		for _, k := range b.Keys {
			if path := keyFile(k, filepath.Dir(c.Path)); path != "" {
				kept.add(privatefile.Policy, path)
			}
		}
	}
	for _, r := range c.Ship {
		kept.add(privatefile.Secret, r.TokenFile, r.Key)
		kept.add(privatefile.Policy, r.CA, r.Cert)
	}
	for i := range c.Egress.Upstreams {
		kept.add(privatefile.Secret, c.Egress.Upstreams[i].Credentials)
		if n := c.Egress.Upstreams[i].Negotiate; n != nil {
			kept.add(privatefile.Secret, n.Keytab)
			kept.add(privatefile.Policy, n.Krb5Conf)
		}
	}
	for _, path := range slices.Sorted(maps.Keys(kept.kinds)) {
		if found := privatefile.Loose(kept.disk, path, kept.kinds[path]); found.Why != "" {
			msg := found.Why
			if slices.Contains(roots, path) {
				msg += ", so it is not taken for an authority"
			}
			l.warnings = append(l.warnings, Problem{File: path, Msg: msg, Hint: found.Fix, Warning: true})
		}
	}
}

// keptFiles are the files and directories that others must not change, by absolute path.
type keptFiles struct {
	disk  *smallfile.Reader
	kinds map[string]privatefile.Kind
}

// add adds files and directories with the directories above them, and those that symbolic links lead to.
func (k *keptFiles) add(kind privatefile.Kind, paths ...string) {
	for _, path := range paths {
		if path == "" {
			continue
		}
		path, err := filepath.Abs(path)
		if err != nil {
			continue
		}
		k.addOne(kind, path)
		if real, err := k.disk.Resolve(path); err == nil && real != path {
			k.addOne(kind, real)
		}
	}
}

func (k *keptFiles) addOne(kind privatefile.Kind, path string) {
	k.atLeast(path, kind)
	info, err := k.disk.Stat(path)
	if err == nil && !info.IsDir() || err != nil && kind == privatefile.Secret { // otherwise a key that others make first would be used
		path = filepath.Dir(path)
		k.atLeast(path, privatefile.Policy)
	}
	for dir := filepath.Dir(path); dir != path; path, dir = dir, filepath.Dir(dir) {
		k.atLeast(dir, privatefile.Ancestor)
	}
}

func (k *keptFiles) atLeast(path string, kind privatefile.Kind) {
	k.kinds[path] = max(k.kinds[path], kind)
}
