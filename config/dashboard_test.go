package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"time"
	"webproxy/internal/account"
)

// A dashboard that others can reach starts as it always did, and says what they get and what is missing for more; TLS needs
// both of its files.
func TestDashboardSection(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"proxy.crt", "proxy.key"} {
		text, err := os.ReadFile(filepath.Join("testdata/good/tls", name))
		must(t, err)
		put(t, filepath.Join(dir, name), string(text))
		must(t, os.Chmod(filepath.Join(dir, name), 0o600))
	}
	must(t, account.Edit(filepath.Join(dir, "people"), func(u *account.Users) error {
		return u.Add("anna", account.Reader, "correct horse battery", "root", time.Now())
	}))
	for text, want := range map[string]struct{ err, warning string }{
		`{ listen: "127.0.0.1:9091" }`:                                  {},
		`{ listen: "127.0.0.1:9091", cert: proxy.crt, key: proxy.key }`: {},
		`{ listen: off }`:                                                                  {},
		`{ listen: ":9091" }`:                                                              {warning: "the pages are denied to them, because there is no TLS"},
		`{ listen: "10.0.0.5:9091", users: people }`:                                       {warning: "the pages are denied to them, because there is no TLS"},
		`{ listen: ":9091", cert: proxy.crt, key: proxy.key }`:                             {warning: "nobody can log in from elsewhere: there are no users"},
		`{ listen: ":9091", cert: proxy.crt, key: proxy.key, users: people }`:              {},
		`{ listen: ":9091", cert: proxy.crt, key: proxy.key, users: webproxy.yaml }`:       {warning: "nobody can log in with a password: "},
		`{ listen: ":9091", cert: proxy.crt }`:                                             {err: "dashboard: key is missing"},
		`{ listen: ":9091", key: proxy.key }`:                                              {err: "dashboard: cert is missing"},
		`{ listen: "127.0.0.1:9091", cert: proxy.crt, key: none.key }`:                     {err: "no such file"},
		`{ listen: "127.0.0.1:9091", cert: proxy.key, key: proxy.crt }`:                    {err: "dashboard: "},
		`{ listen: "127.0.0.1:9091", cert: "~/proxy.crt", key: proxy.key, users: people }`: {err: "~ is not replaced in a path"},
	} {
		path := filepath.Join(dir, "webproxy.yaml")
		put(t, path, "dashboard: "+text+"\npolicy: { rules: [] }\n")
		c, err := Load(path)
		if (err == nil) != (want.err == "") || err != nil && !strings.Contains(err.Error(), want.err) {
			t.Errorf("%s: %v, want %q", text, err, want.err)
		}
		if err != nil {
			continue
		}
		var warnings []string
		for _, w := range c.Warnings {
			if strings.Contains(w.String(), "dashboard.") {
				warnings = append(warnings, w.String())
			}
		}
		if got := strings.Join(warnings, "\n"); (want.warning == "") != (got == "") || !strings.Contains(got, want.warning) {
			t.Errorf("%s: warns %q, want %q", text, got, want.warning)
		}
	}
}
