package main

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"webproxy/catalog"
	"webproxy/config"
	"webproxy/coverage"
	"webproxy/doctor"
	"webproxy/policy"
	"webproxy/review"
)

// doctorTargets returns the endpoints of a profile as targets, with the decision of cfg's policy about each for a client. flag is
// the value of --config.
func doctorTargets(cfg *config.Config, profile *coverage.Profile, flag string, client netip.Addr, optional bool, now time.Time) []doctor.Target {
	known := knownHosts(profile)
	var all []doctor.Target
	seen := map[string]bool{}
	for i := range profile.Endpoints {
		e := &profile.Endpoints[i]
		if !e.Need.Required() && !optional {
			continue
		}
		for _, t := range endpointTargets(e, known) {
			if t.Skip == "" {
				decideTarget(cfg, &t, flag, client, now)
			}
			if key := t.URL + " " + t.Listed; !seen[key] {
				seen[key] = true
				all = append(all, t)
			}
		}
	}
	return all
}

// endpointTargets returns the requests for an endpoint: one for each port and, if it is a wildcard, for each example.
func endpointTargets(e *coverage.Endpoint, known []string) []doctor.Target {
	want, port, why, _ := e.Want()
	t := doctor.Target{Listed: want.Host.String(), Port: port, Scheme: want.Scheme, Source: e.Source, Description: e.Description, Required: e.Need.Required()}
	if t.Listed == "" {
		t.Listed = e.Text
	}
	if why != "" {
		t.Skip, t.Host = why, t.Listed
		return []doctor.Target{t}
	}
	hosts := []string{t.Listed}
	if want.Host.IsWildcard() {
		if hosts = doctor.Examples(known, want.Host.Matches); len(hosts) == 0 {
			t.Skip, t.Host = "no host below it is known", t.Listed
			return []doctor.Target{t}
		}
	}
	ports := want.Ports
	if len(ports) == 0 {
		ports = []uint16{port}
	}
	var all []doctor.Target
	for _, port := range ports {
		for _, host := range hosts {
			t.Host, t.Port, t.Scheme = host, port, schemeOf(want.Scheme, port)
			t.Path, _, _ = strings.Cut(want.Path, "*")
			if t.Path == "" {
				t.Path = doctor.KnownPath(host)
			}
			if want.Query != "" {
				t.Path += "?" + want.Query
			}
			t.URL = fmt.Sprintf("%s://%s%s", t.Scheme, shownAuthority(&t), t.Path)
			all = append(all, t)
		}
	}
	return all
}

// schemeOf is how a client asks for a port of an entry.
func schemeOf(s policy.Scheme, port uint16) policy.Scheme {
	switch {
	case s == policy.HTTP || s == policy.HTTPS:
		return s
	case port == policy.HTTP.DefaultPort():
		return policy.HTTP
	}
	return policy.HTTPS
}

// shownAuthority is the host of a URL, without a default port.
func shownAuthority(t *doctor.Target) string {
	if t.Port != t.Scheme.DefaultPort() {
		return t.At()
	}
	if strings.Contains(t.Host, ":") {
		return "[" + t.Host + "]"
	}
	return t.Host
}

// decideTarget asks the policy.
func decideTarget(cfg *config.Config, t *doctor.Target, flag string, client netip.Addr, now time.Time) {
	req, err := policy.NewRequest(client, "", t.URL, now)
	if err != nil {
		t.Skip = err.Error()
		return
	}
	x := cfg.Live.Explain(&req)
	t.Policy, t.Why = x.Decision, x.Why
	for _, r := range review.Remedies(cfg, &x, flag) {
		t.Fixes = append(t.Fixes, r.Text)
	}
}

// knownHosts returns the names in the profile and in the built-in lists, the profile's first.
func knownHosts(profile *coverage.Profile) []string {
	var known []string
	for i := range profile.Endpoints {
		if want, _, why, _ := profile.Endpoints[i].Want(); why == "" && !want.Host.IsWildcard() && !want.Host.IsAddr() {
			known = append(known, want.Host.String())
		}
	}
	lists, err := catalog.All()
	if err != nil {
		return known // the lists are in the program, and tested
	}
	for i := len(lists) - 1; i >= 0; i-- { // newer generations are later
		for j := range lists[i].Documents {
			for k := range lists[i].Documents[j].Endpoints {
				if host := lists[i].Documents[j].Endpoints[k].Host; host != "" && !strings.ContainsAny(host, "*{") {
					known = append(known, host)
				}
			}
		}
	}
	return known
}
