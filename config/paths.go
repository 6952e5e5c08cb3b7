package config

import (
	"fmt"
	"iter"
	"path/filepath"
	"regexp"
	"strings"
)

// paths are the settings that name a file or directory, each by its path. Lists of rules are not among them.
func (c *Config) paths() iter.Seq2[string, *string] {
	return func(yield func(string, *string) bool) {
		all := func(section string, names []string, values ...*string) bool {
			for i, name := range names {
				if !yield(section+"."+name, values[i]) {
					return false
				}
			}
			return true
		}
		if !all("audit", []string{"dir", "key", "anchor"}, &c.Audit.Dir, &c.Audit.Key, &c.Audit.Anchor) ||
			!all("listen_tls", []string{"cert", "key", "client_ca"}, &c.ListenTLS.Cert, &c.ListenTLS.Key, &c.ListenTLS.ClientCA) ||
			!all("dashboard", []string{"cert", "key", "users"}, &c.Dashboard.Cert, &c.Dashboard.Key, &c.Dashboard.Users) ||
			!all("inspection", []string{"dir"}, &c.Inspection.Dir) ||
			!all("log", []string{"file"}, &c.Log.File) {
			return
		}
		if b := c.Policy.Bundle; b != nil {
			if !all("policy.bundle", []string{"ca", "cert", "key", "token_file"}, &b.CA, &b.Cert, &b.Key, &b.TokenFile) ||
				!strings.Contains(b.From, "://") && !yield("policy.bundle.from", &b.From) {
				return
			}
		}
		for name, r := range c.Ship {
			going := all("ship."+name, []string{"ca", "cert", "key", "token_file"}, &r.CA, &r.Cert, &r.Key, &r.TokenFile)
			if c.Ship[name] = r; !going {
				return
			}
		}
		for i := range c.Inspection.Roots {
			if !yield(fmt.Sprintf("inspection.roots[%d]", i), &c.Inspection.Roots[i]) {
				return
			}
		}
		for i := range c.Egress.Upstreams {
			u, at := &c.Egress.Upstreams[i], fmt.Sprintf("egress.upstream_proxies[%d]", i)
			if !yield(at+".credentials", &u.Credentials) {
				return
			}
			if n := u.Negotiate; n != nil && !all(at+".negotiate", []string{"keytab", "krb5_conf"}, &n.Keytab, &n.Krb5Conf) {
				return
			}
		}
	}
}

// fromFile makes a relative path begin at the directory of the file that has it: the working directory of a service
// is not the one that its operator has in mind.
func (c *Config) fromFile(path *string) {
	if c.Path != "" && *path != "" && !filepath.IsAbs(*path) {
		*path = filepath.Join(filepath.Dir(c.Path), filepath.FromSlash(*path))
	}
}

// checkPaths refuses paths that would lead elsewhere than they seem to.
func (l *loader) checkPaths() {
	check := func(setting, path string) {
		if msg, hint := badPath(path); msg != "" && !l.failed(setting) {
			l.fail(setting, msg, hint)
		}
	}
	for setting, path := range l.cfg.paths() {
		check(setting, *path)
	}
	for i := range l.cfg.Policy.Rules {
		r := &l.cfg.Policy.Rules[i]
		check(fmt.Sprintf("policy.rules[%d].file", i), r.File)
		r.File = filepath.ToSlash(r.File) // on Windows lists\x and lists/x are one file
	}
}

// namesKnown reports whether l.cfg names only files that may be named; see LoadCandidate.
func (l *loader) namesKnown() bool {
	all := true
	check := func(setting, path string, named map[string]bool) {
		l.cfg.fromFile(&path)
		if opened := asOpened(path); path != "" && !l.lib.read.only[opened] && !named[opened] {
			l.fail(setting, fmt.Sprintf("%s is no file of the configuration in force, and a candidate may name no other", quoted(path)),
				"webproxy audit replay --config evaluates one that does")
			all = false
		}
	}
	for setting, path := range l.cfg.paths() {
		check(setting, *path, l.lib.read.named)
	}
	for i := range l.cfg.Policy.Rules {
		check(fmt.Sprintf("policy.rules[%d].file", i), l.cfg.Policy.Rules[i].File, nil)
	}
	if b := l.cfg.Policy.Bundle; b != nil {
		for _, k := range b.Keys {
			check("policy.bundle.keys", keyFile(k, l.lib.dir), l.lib.read.named)
		}
	}
	return all
}

// variable finds variables that a shell would replace in a path, and that are not replaced here.
var variable = regexp.MustCompile(`%[A-Za-z_][A-Za-z0-9_()]*%|^\$(env:)?\{?[A-Za-z_]\w*\}?|^~[/\\]`)

// badPath says what is wrong with a path, if anything is.
func badPath(path string) (msg, hint string) {
	for _, r := range path {
		if r < ' ' || r == 0x7f {
			return fmt.Sprintf("control character %U in a path", r), `in double quotes a backslash begins an escape, such as \n and \a: write the path in single quotes, 'C:\new\audit'`
		}
	}
	if v := variable.FindString(path); v != "" {
		return strings.TrimRight(v, `/\`) + " is not replaced in a path", "write the path in full"
	}
	if rootless(path) {
		return quoted(path) + " has no drive, so where it leads depends on where the process was started", `write the drive, such as 'C:\ProgramData\webproxy\audit', or a path that begins at this file's directory`
	}
	return "", ""
}

// quoted is a path in quotes, as people write it: its backslashes stay single.
func quoted(path string) string {
	if strings.ContainsFunc(path, func(r rune) bool { return r < ' ' || r == 0x7f || r == '"' }) {
		return fmt.Sprintf("%q", path)
	}
	return `"` + path + `"`
}
