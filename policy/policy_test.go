package policy_test

import (
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"webproxy/internal/policytest"
	"webproxy/policy"
)

// now is a Tuesday.
var now = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

type library = policytest.Library

func compile(t testing.TB, spec policy.Spec) *policy.Set {
	t.Helper()
	set, err := policy.Compile(&spec, library{}, policy.Env{})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// ask is a request for url from 10.0.1.1.
func ask(t testing.TB, url string) *policy.Request {
	t.Helper()
	req, err := policy.NewRequest(netip.MustParseAddr("10.0.1.1"), "", url, now)
	if err != nil {
		t.Fatal(err)
	}
	return &req
}

// parseRule reads the short form of the files in testdata/decide: an id, then settings.
func parseRule(t *testing.T, line string) policy.RuleSpec {
	t.Helper()
	words := strings.Fields(line)
	r := policy.RuleSpec{ID: words[0]}
	for _, w := range words[1:] {
		key, value, _ := strings.Cut(w, "=")
		values := strings.Split(value, ",")
		switch key {
		case "hosts":
			r.Hosts = values
		case "url":
			r.URL = value
		case "ports":
			for _, v := range values {
				n, err := strconv.ParseUint(v, 10, 16)
				if err != nil {
					t.Fatal(err)
				}
				r.Ports = append(r.Ports, uint16(n))
			}
		case "schemes":
			for _, v := range values {
				var s policy.Scheme
				if err := s.UnmarshalText([]byte(v)); err != nil {
					t.Fatal(err)
				}
				r.Schemes = append(r.Schemes, s)
			}
		case "methods":
			r.Methods = values
		case "for":
			r.For = values
		case "phase":
			r.Phase = value
		case "expires":
			if err := r.Expires.UnmarshalText([]byte(value)); err != nil {
				t.Fatal(err)
			}
		case "private":
			r.Private = value
		case "deny":
			r.Deny = true
		default:
			t.Fatalf("rule %q: no setting %q", line, key)
		}
	}
	return r
}

// parseSpec reads the clients, modes and phases of a testdata file.
func parseSpec(t *testing.T, text string, spec *policy.Spec) {
	t.Helper()
	spec.Clients = map[string][]string{}
	spec.Modes = map[string]policy.Mode{}
	spec.Phases = map[string]policy.PhaseSpec{}
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		switch words[0] {
		case "clients":
			spec.Clients[words[1]] = words[2:]
		case "mode":
			var m policy.Mode
			if err := m.UnmarshalText([]byte(words[2])); err != nil {
				t.Fatal(err)
			}
			spec.Modes[words[1]] = m
		case "phase":
			var p policy.PhaseSpec
			how := strings.Join(words[2:], " ")
			if s, ok := strings.CutPrefix(how, "until="); ok {
				u, err := time.Parse(time.RFC3339, s)
				if err != nil {
					t.Fatal(err)
				}
				p.Until = u
			}
			p.Schedule, _ = strings.CutPrefix(how, "schedule=")
			if !strings.HasPrefix(how, "schedule=") {
				p.Schedule = ""
			}
			p.Active = how == "active"
			spec.Phases[words[1]] = p
		default:
			t.Fatalf("spec: %q", line)
		}
	}
}
