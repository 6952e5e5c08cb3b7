//go:build e2e

package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestReaders has programs of Debian read the audit log: lnav the log itself, goaccess and calamaris its exports.
func TestReaders(t *testing.T) {
	site := newSite(t)
	site.configure("policy: { rules: [ { id: none, hosts: [allowed.example.org] } ] }\n")
	p := site.start()
	p.askDenied(40)
	p.stop()

	t.Run("lnav", func(t *testing.T) {
		home := t.TempDir()
		format, err := os.ReadFile("../docs/webproxy.lnav.json")
		if err != nil {
			t.Fatal(err)
		}
		formats := filepath.Join(home, ".config", "lnav", "formats", "webproxy")
		if err := os.MkdirAll(formats, 0o755); err != nil {
			t.Fatal(err)
		}
		put(t, filepath.Join(formats, "webproxy.lnav.json"), string(format))
		env := []string{"HOME=" + home, "XDG_CONFIG_HOME=" + filepath.Join(home, ".config"), "TERM=dumb"}
		log := filepath.Join(site.audit(), "audit.ndjson")
		shown := run(t, env, "lnav", "-n", log)
		if shown.exit != 0 || strings.Count(shown.stdout, " egress.decision deny host_not_listed  127.0.0.1 POST denied-") != 40 {
			t.Errorf("lnav: exit %d, %s\n%s", shown.exit, shown.stderr, tail(shown.stdout, 1000))
		}
		counted := run(t, env, "lnav", "-n", "-c", ";SELECT type, decision, log_level, count(*) AS n FROM webproxy_audit GROUP BY type, decision ORDER BY n DESC",
			"-c", ":write-csv-to -", log)
		if !strings.Contains(counted.stdout, "egress.decision,deny,error,40\n") {
			t.Errorf("lnav: %s%s", counted.stdout, counted.stderr)
		}
	})
	t.Run("lnav's own w3c format", func(t *testing.T) {
		home := t.TempDir()
		env := []string{"HOME=" + home, "XDG_CONFIG_HOME=" + filepath.Join(home, ".config"), "TERM=dumb"}
		exported := run(t, nil, binary(t), "audit", "export", "--as", "w3c", "--dir", site.audit())
		file := filepath.Join(home, "access.log")
		put(t, file, exported.stdout)
		counted := run(t, env, "lnav", "-n", "-c", ";SELECT sc_status, count(*) AS n FROM w3c_log GROUP BY sc_status",
			"-c", ":write-csv-to -", file)
		if !strings.Contains(counted.stdout, "403,40\n") {
			t.Errorf("lnav: %s%s\n%s", counted.stdout, counted.stderr, tail(exported.stdout, 600))
		}
	})
	t.Run("calamaris reads squid", func(t *testing.T) {
		exported := run(t, nil, binary(t), "audit", "export", "--as", "squid", "--dir", site.audit())
		file := filepath.Join(t.TempDir(), "access.log")
		put(t, file, exported.stdout)
		ran := run(t, nil, "sh", "-c", "calamaris --all-useful-reports < "+file)
		if ran.exit != 0 || !regexp.MustCompile(`invalid lines: +lines +0 `).MatchString(ran.stdout) ||
			!regexp.MustCompile(`Total amount: +requests +40 `).MatchString(ran.stdout) {
			t.Errorf("calamaris: exit %d, %s\n%s", ran.exit, ran.stderr, tail(ran.stdout, 3000))
		}
	})
	// As in docs/reading.md: goaccess has other formats by these names.
	for as, format := range map[string][]string{
		"squid": {"--log-format=%x.%^ %~%L %h %^/%s %b %m %U %^", "--datetime-format=%s"},
		"w3c":   {"--log-format=%d %t %T %h %^ %m %^ %v %^ %^ %U %s %^ %b %^", "--date-format=%Y-%m-%d", "--time-format=%H:%M:%S"},
	} {
		t.Run("goaccess reads "+as, func(t *testing.T) {
			exported := run(t, nil, binary(t), "audit", "export", "--as", as, "--dir", site.audit())
			file, report := filepath.Join(t.TempDir(), as), filepath.Join(t.TempDir(), "report.json")
			put(t, file, exported.stdout)
			ran := run(t, nil, "goaccess", append([]string{file, "--no-global-config", "--no-strict-status", "-o", report}, format...)...)
			data, err := os.ReadFile(report)
			if err != nil {
				t.Fatalf("goaccess: exit %d, %v\n%s\n%s", ran.exit, err, ran.stderr, tail(exported.stdout, 1000))
			}
			var r struct {
				General struct {
					Valid  int `json:"valid_requests"`
					Failed int `json:"failed_requests"`
				}
			}
			if err := json.Unmarshal(data, &r); err != nil || r.General.Valid != 40 || r.General.Failed != 0 {
				t.Errorf("goaccess: %+v, %v\n%s", r, err, tail(exported.stdout, 600))
			}
		})
	}
}
