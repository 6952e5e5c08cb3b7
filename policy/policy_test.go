package policy_test

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"webproxy/policy"
)

// now is a Tuesday.
var now = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// library is a policy.Library in memory.
type library struct {
	lists map[string]policy.List
	files map[string]string
	tags  map[string][]netip.Prefix
}

func (l library) List(name string, _ policy.Place) (policy.List, error) {
	list, ok := l.lists[name]
	if !ok {
		return policy.List{}, fmt.Errorf("no list %q", name)
	}
	return list, nil
}

func (l library) File(path string) ([]policy.Entry, error) {
	text, ok := l.files[path]
	if !ok {
		return nil, fmt.Errorf("no file %q", path)
	}
	var entries []policy.Entry
	for i, line := range strings.Split(text, "\n") {
		e, err := policy.ParseEntry(line)
		if err != nil {
			return nil, err
		}
		if e.Host.String() != "" {
			e.Source = fmt.Sprintf("%s:%d", path, i+1)
			entries = append(entries, e)
		}
	}
	return entries, nil
}

func (l library) Prefixes(tag, _ string) ([]netip.Prefix, error) {
	p, ok := l.tags[tag]
	if !ok {
		return nil, fmt.Errorf("no service tag %q", tag)
	}
	return p, nil
}

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
