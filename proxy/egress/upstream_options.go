package egress

import (
	"fmt"
	"net/url"
	"strings"

	"webproxy/internal/setting"
	"webproxy/policy"
	"webproxy/proxy/internal/http1"
)

// An UpstreamSpec is one upstream proxy: a proxy between this one and the origins. It resolves the names of the
// origins.
type UpstreamSpec struct {
	// ID names the upstream proxy in the audit log, in metrics and to clients: letters, digits, "-", "_" and
	// ".". Default: "parent" and its place in the list, such as "parent1".
	ID string `yaml:"id"`
	// URL is http:// or https:// with the upstream proxy's name or address, and its port.
	URL string `yaml:"url"`
	// Hosts are names, wildcards and addresses that are reached through the upstream proxy. Default: all.
	Hosts []string `yaml:"hosts"`
	// Except are hosts that are not reached through the upstream proxy.
	Except []string `yaml:"except"`
	// Credentials is a file with one line, user:password, for Basic authentication. Only its owner
	// may be able to read it. It is read again when it has been replaced. Relative to the configuration file.
	Credentials string `yaml:"credentials"`
	// Negotiate is Kerberos instead of credentials. Default: none.
	Negotiate *NegotiateSpec `yaml:"negotiate"`
}

// checkUpstreams returns what is wrong with o.Upstreams.
func (o Options) checkUpstreams() []error {
	var problems []error
	fail := func(field, msg, hint string) {
		problems = append(problems, &setting.OptionError{Field: field, Msg: msg, Hint: hint})
	}
	seen := map[string]bool{}
	for i, p := range o.Upstreams {
		at := fmt.Sprintf("upstream_proxies[%d]", i)
		id := p.name(i)
		switch {
		case p.ID != "" && (!http1.IsToken([]byte(p.ID)) || len(p.ID) > maxParentID):
			fail(at+".id", fmt.Sprintf("%q is not a short name", p.ID), `use letters, digits and "-", such as corp-1`)
		case seen[id]:
			fail(at+".id", fmt.Sprintf("%q is there twice", id), "")
		}
		seen[id] = true
		t, _, err := p.target()
		if err != nil {
			fail(at+".url", err.Error(), `write "http://proxy.example.com:8080"`)
		}
		if p.Negotiate != nil {
			p.Negotiate.check(t.Host(), !t.Addr().IsValid(), func(field, msg, hint string) { fail(at+".negotiate"+field, msg, hint) })
			if p.Credentials != "" {
				fail(at+".negotiate", "there are credentials too", "leave one of the two out")
			}
		}
		for _, list := range []struct {
			name  string
			hosts []string
		}{{"hosts", p.Hosts}, {"except", p.Except}} {
			for j, h := range list.hosts {
				if _, err := policy.ParsePattern(h); err != nil {
					fail(fmt.Sprintf("%s.%s[%d]", at, list.name, j), err.Error(), "leave hosts out to reach all hosts through this upstream proxy")
				}
			}
		}
	}
	return problems
}

const maxParentID = 64

// name is the ID or its default.
func (p UpstreamSpec) name(i int) string {
	if p.ID == "" {
		return fmt.Sprintf("parent%d", i+1)
	}
	return p.ID
}

// UpstreamNames are the ids of the upstream proxies, as in records and metrics.
func (o Options) UpstreamNames() []string {
	names := make([]string, len(o.Upstreams))
	for i, p := range o.Upstreams {
		names[i] = p.name(i)
	}
	return names
}

// target parses URL: where to connect to, and whether by TLS.
func (p UpstreamSpec) target() (t policy.Target, secure bool, err error) {
	u, err := url.Parse(p.URL)
	switch {
	case err != nil:
		// The error's text would quote the whole URL, which may contain a password.
		return t, false, fmt.Errorf("not a URL")
	case u.User != nil:
		return t, false, fmt.Errorf("has a user: credentials belong in a file of their own")
	case u.Scheme != "http" && u.Scheme != "https":
		return t, false, fmt.Errorf("scheme %q: want http or https", u.Scheme)
	case strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "":
		return t, false, fmt.Errorf("a proxy has no path")
	case u.Port() == "":
		return t, false, fmt.Errorf("no port")
	}
	t, err = policy.ParseTarget(policy.HTTPS, u.Host)
	return t, u.Scheme == "https", err
}

// UpstreamOf returns the upstream proxy through which a host that pattern matches may be reached, and false if
// none may be: every such host is reached directly. o must have passed its Check.
func (o Options) UpstreamOf(pattern policy.Pattern) (id string, ok bool) {
	for i, p := range o.Upstreams {
		if p.mayServe(pattern) {
			return p.name(i), true
		}
	}
	return "", false
}

func (p UpstreamSpec) mayServe(pattern policy.Pattern) bool {
	for _, except := range patterns(p.Except) {
		if except.Contains(pattern) {
			return false
		}
	}
	for _, host := range patterns(p.Hosts) {
		if host.Overlaps(pattern) {
			return true
		}
	}
	return len(p.Hosts) == 0
}

// patterns parses texts that have passed a Check.
func patterns(texts []string) []policy.Pattern {
	all := make([]policy.Pattern, 0, len(texts))
	for _, s := range texts {
		if p, err := policy.ParsePattern(s); err == nil {
			all = append(all, p)
		}
	}
	return all
}
