//go:build e2e

package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"webproxy/catalog"
)

// An ask is a request as the audit log names it.
type ask struct {
	scheme, host string // http: absolute form; https: CONNECT
	port         int
}

func (a ask) url() string { return fmt.Sprintf("%s://%s:%d/", a.scheme, a.host, a.port) }

func (a ask) method() string {
	if a.scheme == "http" {
		return "GET"
	}
	return "CONNECT"
}

// A row is one line of the lists, as published.
type row struct {
	list string
	catalog.Endpoint
}

// generation is the generation of the tested lists.
const generation = "2021-12"

// seedRows returns all rows of the generation, of all clouds, including disabled ones.
func seedRows(t *testing.T) []row {
	t.Helper()
	lists, err := catalog.All()
	if err != nil {
		t.Fatal(err)
	}
	var rows []row
	for _, l := range lists {
		if l.Generation != generation {
			continue
		}
		for _, d := range l.Documents {
			for _, e := range d.Endpoints {
				rows = append(rows, row{l.Name, e})
			}
		}
	}
	return rows
}

// An oracle finds the right decision by checking every row, without package policy.
type oracle []row

// newOracle returns the oracle of the rows that are in force in a cloud.
func newOracle(rows []row, cloud string) oracle {
	return slices.DeleteFunc(slices.Clone(rows), func(r row) bool { return !r.HoldsIn(cloud) || r.Disabled != "" })
}

// covers reports whether the row covers host: the name itself, or one or more labels in place of the
// star.
func (r row) covers(host string) bool {
	suffix, wild := strings.CutPrefix(r.Host, "*")
	if !wild {
		return host == r.Host
	}
	label, ok := strings.CutSuffix(host, suffix)
	return ok && label != ""
}

// answer is the decision that the audit log must have for a.
func (o oracle) answer(a ask) (decision, reason string) {
	reason = "host_not_listed"
	for _, r := range o {
		if !r.covers(a.host) {
			continue
		}
		for i, scheme := range r.Schemes {
			switch samePort := int(r.Ports[i]) == a.port; {
			case samePort && scheme == a.scheme:
				return "allow", "allowed_by_rule"
			case samePort:
				reason = "scheme_not_allowed"
			case reason == "host_not_listed":
				reason = "port_not_allowed"
			}
		}
	}
	return "deny", reason
}

// names are the rules that may allow a; the record must name one of them.
func (o oracle) names(a ask) []string {
	var names []string
	for _, r := range o {
		for i, scheme := range r.Schemes {
			if r.covers(a.host) && scheme == a.scheme && int(r.Ports[i]) == a.port {
				name := r.list + "/" + r.ID
				if scheme == "http" && len(r.Schemes) > 1 {
					name += "-http"
				}
				names = append(names, name)
			}
		}
	}
	return names
}

// hosts are names that the row allows: its own, or two below its star.
func (r row) hosts() []string {
	suffix, wild := strings.CutPrefix(r.Host, "*")
	if !wild {
		return []string{r.Host}
	}
	return []string{"www" + suffix, "a1.b-2" + suffix}
}

// asks are the requests that the row allows.
func (r row) asks() []ask {
	var all []ask
	for _, host := range r.hosts() {
		for i, scheme := range r.Schemes {
			all = append(all, ask{scheme, host, int(r.Ports[i])})
		}
	}
	return all
}

// Ports that no row lists, on which an origin listens nevertheless.
const (
	otherHTTP  = 8080
	otherHTTPS = 8443
	gitPort    = 9418
)

// nearMisses are requests that this row does not allow; another may.
func (r row) nearMisses() []ask {
	var hosts []string
	suffix, wild := strings.CutPrefix(r.Host, "*.")
	if wild {
		hosts = append(hosts, suffix, "evil"+suffix) // the apex, and a name prefixed without a dot
	} else {
		hosts = append(hosts, "evil"+r.Host, "sub."+r.Host)
	}
	hosts = append(hosts, r.hosts()[0]+".evil.example", r.hosts()[0]+"x")
	var all []ask
	for _, host := range hosts {
		for i, scheme := range r.Schemes {
			all = append(all, ask{scheme, host, int(r.Ports[i])})
		}
	}
	host := r.hosts()[0]
	all = append(all, ask{"http", host, otherHTTP}, ask{"https", host, otherHTTPS}, ask{"https", host, gitPort}, // another port
		ask{"http", host, 443}, ask{"https", host, 80}) // another scheme
	for _, a := range []ask{{"http", host, 80}, {"https", host, 443}} {
		if !slices.Contains(r.asks(), a) {
			all = append(all, a)
		}
	}
	return all
}
