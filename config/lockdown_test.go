package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"webproxy/policy"
)

const withRules = `policy:
  rules:
    - { id: api, hosts: [api.example.com] }
    - { id: approved, file: approved.txt }
    - { id: never, deny: true, hosts: [bad.example.com] }
`

// lockable is the path of a configuration, with a lockdown.yaml of that text.
func lockable(t *testing.T, lockdown string) string {
	path := filepath.Join(t.TempDir(), "webproxy.yaml")
	put(t, path, withRules)
	put(t, filepath.Join(filepath.Dir(path), "approved.txt"), "approved.example.com\n")
	if lockdown != "" {
		put(t, filepath.Join(filepath.Dir(path), lockdownFile), lockdown)
	}
	return path
}

// live is what a Config permits, of two hosts.
func live(t *testing.T, c *Config) (api, approved bool) {
	permits := func(host string) bool {
		target, err := policy.ParseTarget(policy.HTTPS, host+":443")
		must(t, err)
		return c.Live.Decide(&policy.Request{Time: time.Now(), Group: "default", Method: "CONNECT", Target: target}).Permit
	}
	return permits("api.example.com"), permits("approved.example.com")
}

func TestLockdownFile(t *testing.T) {
	later := time.Now().Add(time.Hour).UTC().Format(time.RFC3339)
	for _, tt := range []struct {
		text          string
		api, approved bool
		want          string // of the problem; empty for none
	}{
		{"", true, true, ""},
		{"until: " + later + "\n", false, false, ""},
		{"only: [api]\nuntil: " + later + "\n", true, false, ""},
		{"only: [approved.txt]\nuntil: " + later + "\n", false, true, ""},
		{"only: [api, approved]\nuntil: " + later + "\n", true, true, ""},
		{"until: 2020-01-01T00:00:00Z\n", true, true, ""},                           // over
		{"ended: { at: 2020-01-01T00:00:00Z, by: a, reason: b }\n", true, true, ""}, // ended
		{"ended: { at: 2020-01-01T00:00:00Z }\nuntil: " + later + "\n", true, true, ""},
		{"only: [api]\n", false, false, "lockdown.yaml:1:1: has no until"},
		{"only: [aip]\nuntil: " + later + "\n", false, false, `lockdown.yaml:1:8: only[0]: no allow rule or list of policy.rules is called "aip"; did you mean "api"?`},
		{"only: [never]\nuntil: " + later + "\n", false, false, "no allow rule"},
		{"only: api\nuntil: " + later + "\n", false, false, "lockdown.yaml:1:7"},
		{"untill: " + later + "\n", false, false, `did you mean "until"?`},
		{"until: " + later, false, false, "does not end"},
		{"only: [api\n", false, false, "lockdown.yaml:1"},
		{"\n", false, false, "the file is empty"},
		{"- x\n", false, false, "lockdown.yaml:1:1"},
	} {
		path := lockable(t, tt.text)
		_, err := Load(path)
		if (err != nil) != (tt.want != "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q: Load: %v, want %q", tt.text, err, tt.want)
		}
		// The process that serves starts all the same, and lets nothing out.
		c, err := LoadToServe(path)
		if err != nil {
			t.Errorf("%q: LoadToServe: %v", tt.text, err)
			continue
		}
		if api, approved := live(t, c); api != tt.api || approved != tt.approved {
			t.Errorf("%q: api %v, approved %v, want %v, %v", tt.text, api, approved, tt.api, tt.approved)
		}
		if told := strings.Contains(warnings(c), "everything is refused"); told != (tt.want != "") {
			t.Errorf("%q: warnings %q", tt.text, warnings(c))
		}
	}
}

func warnings(c *Config) string {
	var b strings.Builder
	c.Warnings.Write(&b)
	return b.String()
}

// A mistake anywhere else ends the start, as ever, whatever lockdown.yaml is.
func TestLockdownIsNoExcuse(t *testing.T) {
	path := lockable(t, "only: [api\n")
	put(t, path, "policy: { rulez: [] }\n")
	if _, err := LoadToServe(path); err == nil || !strings.Contains(err.Error(), "rulez") || strings.Contains(err.Error(), "lockdown") {
		t.Errorf("%v, want the mistake of webproxy.yaml", err)
	}
}

// Relock reads the lockdown where the rest on disk is not valid.
func TestRelock(t *testing.T) {
	later := time.Now().Add(time.Hour).UTC().Format(time.RFC3339)
	path := lockable(t, "")
	c, err := Load(path)
	must(t, err)
	put(t, path, "policy: {\n")
	must(t, os.Remove(filepath.Join(filepath.Dir(path), "approved.txt")))
	put(t, filepath.Join(filepath.Dir(path), lockdownFile), "only: [approved]\nuntil: "+later+"\n")
	next, err := Relock(c)
	must(t, err)
	if api, approved := live(t, next); api || !approved {
		t.Errorf("under the lockdown: api %v, approved %v", api, approved)
	}
	if api, approved := live(t, c); !api || !approved {
		t.Error("Relock changed what it was given")
	}
	put(t, filepath.Join(filepath.Dir(path), lockdownFile), "only: [gone]\nuntil: "+later+"\n")
	if next, err := Relock(c); err == nil || next != nil {
		t.Errorf("%v, %v, want an error", next, err)
	}
	must(t, os.Remove(filepath.Join(filepath.Dir(path), lockdownFile)))
	next, err = Relock(c)
	must(t, err)
	if api, approved := live(t, next); !api || !approved || next.Lockdown != nil {
		t.Errorf("without one: api %v, approved %v", api, approved)
	}
}

func TestLockdownEncode(t *testing.T) {
	l := Lockdown{Only: []string{"api", "#x: y"}, Since: time.Unix(1e9, 0).UTC(), Until: time.Unix(2e9, 0).UTC(), By: "ann", Reason: `INC-7: "quoted" # all`}
	data, err := l.Encode()
	must(t, err)
	got, _, problems := parseLockdown("x", data)
	if len(problems) > 0 || !got.Same(&l) {
		t.Errorf("%+v, %v, want %+v", got, problems, l)
	}
	for _, wrong := range []Lockdown{{By: "ann"}, {Reason: "x"}, {By: "ann", Reason: "\u202e"}, {By: "ann", Reason: "x", Ended: LockdownEnd{At: time.Now()}}} {
		if _, err := wrong.Encode(); err == nil {
			t.Errorf("%+v: no error", wrong)
		}
	}
}
