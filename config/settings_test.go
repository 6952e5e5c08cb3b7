package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"webproxy/internal/setting"
	"webproxy/internal/spelling"
)

// Every exported field of a section is a setting, or says that it is none; its type can be decoded.
func TestEverySettingDecodes(t *testing.T) {
	seen := map[reflect.Type]bool{}
	var visit func(typ reflect.Type, path string)
	visit = func(typ reflect.Type, path string) {
		isText := typ == durationType || typ == timeType || reflect.PointerTo(typ).Implements(textType)
		if seen[typ] || isText {
			return
		}
		seen[typ] = true
		switch typ.Kind() {
		case reflect.Pointer, reflect.Slice:
			visit(typ.Elem(), path+"[]")
		case reflect.Map:
			if typ.Key().Kind() != reflect.String {
				t.Errorf("%s: a map by %s", path, typ.Key())
			}
			visit(typ.Elem(), path+".NAME")
		case reflect.Struct:
			for i := range typ.NumField() {
				f := typ.Field(i)
				name := f.Tag.Get("yaml")
				if f.IsExported() && (name == "" || strings.Contains(name, ",")) {
					t.Errorf("%s.%s: no yaml tag, or one with options", path, f.Name)
				}
				if f.IsExported() && name != "-" {
					visit(f.Type, join(path, name))
				}
			}
		case reflect.String, reflect.Bool, reflect.Int, reflect.Int64, reflect.Uint16:
		default:
			t.Errorf("%s: no decoding for %s", path, typ)
		}
	}
	visit(reflect.TypeFor[Config](), "")
}

// An earlier name of a setting is understood, with a warning where it stands, and problems of its value have the name of today.
func TestRenamedSettings(t *testing.T) {
	c := loadText(t, `
egress:
  parents:
    - { id: corp, url: "http://192.0.2.1:3128" }
audit: { fold_after: 7, fold_window: 30s }
proxy: { tunnel_linger: 40s }
tls: { hello_timeout: 7s }
policy: { rules: [] }
`)
	if len(c.Egress.Upstreams) != 1 || c.Egress.Upstreams[0].ID != "corp" {
		t.Errorf("upstream proxies: %+v", c.Egress.Upstreams)
	}
	if got := fmt.Sprint(c.Audit.AggregateAfter, c.Audit.AggregateWindow, c.Proxy.HalfCloseTimeout, c.TLS.HelloTimeout); got != "7 30s 40s 7s" {
		t.Errorf("values: %s", got)
	}
	for old, want := range map[string]string{
		"egress.parents":      "3:3: is now called upstream_proxies",
		"audit.fold_after":    "5:10: is now called aggregate_after",
		"audit.fold_window":   "5:25: is now called aggregate_window",
		"proxy.tunnel_linger": "6:10: is now called half_close_timeout",
		"tls.hello_timeout":   "7:8: is now called client_hello_timeout",
	} {
		i := slices.IndexFunc(c.Warnings, func(w Problem) bool { return w.Path == old })
		if i < 0 {
			t.Errorf("%s: no warning", old)
		} else if w := c.Warnings[i]; fmt.Sprintf("%d:%d: %s", w.Line, w.Column, w.Msg) != want || w.Hint == "" {
			t.Errorf("%s: %+v", old, w)
		}
	}
	path := filepath.Join(t.TempDir(), "webproxy.yaml")
	put(t, path, "egress:\n  parents:\n    - { url: http://proxy.example.com }\npolicy: { rules: [] }\n")
	var problems Problems
	if _, err := Load(path); !errors.As(err, &problems) || len(problems) != 1 || problems[0].Path != "egress.upstream_proxies[0].url" || problems[0].Line != 3 {
		t.Errorf("%+v", problems)
	}
}

func TestValues(t *testing.T) {
	c := loadText(t, `
listen: [127.0.0.1:9090, "[::1]:9090"]
policy:
  clients: { nodes: [10.0.0.0/8] }
  rules:
    - id: 007
      hosts: [www.example.com, 192.0.32.10]
      ports: [443, 8443]
      schemes: [https]
      deny: TRUE
      expires: 2027-12-31
  tests:
    deny: [{ from: nodes, to: "https://www.example.com", at: 2027-01-01T00:00:00Z }]
egress: { connect_timeout: 1m30s, keep_alive: 1d, hosts: { a.example.com: [192.0.2.1] } }
proxy: { tunnel_idle: off, half_close_timeout: 2d, max_connections: 100 }
log: { level: warn, format: json }
`)
	r := c.Policy.Rules[0]
	for _, tt := range []struct{ got, want any }{
		{[]string(c.Listen), []string{"127.0.0.1:9090", "[::1]:9090"}},
		{r.ID, "007"},
		{r.Hosts, []string{"www.example.com", "192.0.32.10"}},
		{r.Ports, []uint16{443, 8443}},
		{r.Deny, true},
		{r.Source, "webproxy.yaml:6"},
		{r.Expires.String(), "2027-12-31"},
		{c.Policy.Tests.Deny[0].At, time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)},
		{c.Egress.ConnectTimeout, 90 * time.Second},
		{c.Egress.KeepAlive, 24 * time.Hour},
		{c.Proxy.TunnelIdle, setting.Off},
		{c.Proxy.HalfCloseTimeout, setting.Duration(48 * time.Hour)},
		{c.Egress.Hosts, map[string][]string{"a.example.com": {"192.0.2.1"}}},
		{c.Proxy.MaxConnections, 100},
		{c.Log.Level.String() + " " + c.Log.Format.String(), "warn json"},
		{c.Audit.Dir, filepath.Join(filepath.Dir(c.Path), "audit")},
		{c.Dashboard.Listen, "127.0.0.1:9091"},
	} {
		if !reflect.DeepEqual(tt.got, tt.want) {
			t.Errorf("got %v, want %v", tt.got, tt.want)
		}
	}
}

// All problems are reported at once, in the order of the file.
func TestAllProblems(t *testing.T) {
	path := filepath.Join(t.TempDir(), "webproxy.yaml")
	put(t, filepath.Join(filepath.Dir(path), "l.txt"), "*\nwww.example.com\nwww.example.com:0\n")
	put(t, path, `lisen: ":1"
policy:
  region:
  rules:
    - { id: a, host: [www.example.com] }
    - { id: b, hosts: ["*"] }
    - { id: c, file: l.txt }
audit: { rotate: big, dir: [a] }
egress: { resolver: here }
`)
	_, err := Load(path)
	var got []string
	for _, p := range err.(Problems) {
		got = append(got, fmt.Sprintf("%s:%d:%d", filepath.Base(p.File), p.Line, p.Column))
	}
	want := []string{
		"l.txt:1:1", "l.txt:3:17", "webproxy.yaml:1:1", "webproxy.yaml:3:10", "webproxy.yaml:5:16", "webproxy.yaml:6:24",
		"webproxy.yaml:8:18", "webproxy.yaml:8:28", "webproxy.yaml:9:21",
	}
	if !slices.Equal(got, want) {
		t.Errorf("problems at\n%v, want\n%v\n%v", got, want, err)
	}
}

func TestNearest(t *testing.T) {
	names := []string{"hosts", "ports", "schemes", "listen", "header_timeout", "id"}
	for word, want := range map[string]string{
		"host": "hosts", "prots": "ports", "scheme": "schemes", "Listen": "listen", "lsiten": "listen",
		"header-timeout": "header_timeout", "headertimeout": "header_timeout", "colour": "", "x": "", "": "",
		strings.Repeat("hosts", 100): "",
	} {
		if got := spelling.Nearest(word, names); got != want {
			t.Errorf("spelling.Nearest(%q) = %q, want %q", word, got, want)
		}
	}
}

func TestNeedRestart(t *testing.T) {
	load := func(text string) *Config { return loadText(t, "policy: { rules: ["+text) }
	a := load("] }\n")
	a.Audit.Dir, a.Inspection.Dir, a.Admin.Socket, a.Dashboard.Users = "", "", "", "" // each Config has a directory of its own
	for _, tt := range []struct {
		text string
		want []string
	}{
		{"] }\n", nil},
		{"{ id: a, hosts: [www.example.com] }] }\n", nil},
		{"] }\nlisten: ':9090'\nproxy: {}\n", nil},           // as by default
		{"] }\ninspection: { roots: [private.pem] }\n", nil}, // taken over
		{"] }\nlisten: ':9999'\negress: { max_names: 5 }\nlog: { level: debug }\n", []string{"egress.max_names", "listen", "log.level"}},
	} {
		b := load(tt.text)
		b.Audit.Dir, b.Inspection.Dir, b.Admin.Socket, b.Dashboard.Users = "", "", "", ""
		if got := NeedRestart(a, b); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, want %v", tt.text, got, tt.want)
		}
	}
}

// loadText loads text as webproxy.yaml in a directory of its own.
func loadText(t *testing.T, text string) *Config {
	t.Helper()
	path := filepath.Join(t.TempDir(), "webproxy.yaml")
	put(t, path, text)
	c, err := Load(path)
	must(t, err)
	return c
}

// testdata/good/every-setting.yaml and that of bundles live up to their name, so that every setting has been decoded and
// been accepted by the schema once.
func TestEverySettingIsShown(t *testing.T) {
	shown := map[string]bool{}
	var visit func(n *yaml.Node, typ reflect.Type, path string)
	visit = func(n *yaml.Node, typ reflect.Type, path string) {
		shown[path] = true
		for i, c := range n.Content {
			switch typ.Kind() {
			case reflect.Pointer:
				visit(n, typ.Elem(), path)
				return
			case reflect.Slice:
				visit(c, typ.Elem(), path+"[]")
			case reflect.Map:
				if i%2 == 1 {
					visit(c, typ.Elem(), path+".NAME")
				}
			case reflect.Struct:
				if i%2 == 1 {
					name := n.Content[i-1].Value
					visit(c, typ.Field(settings(typ)[name]).Type, join(path, name))
				}
			}
		}
	}
	for _, name := range []string{"good/every-setting.yaml", "bundle/every-setting.yaml"} {
		data, err := os.ReadFile(filepath.Join("testdata", name))
		must(t, err)
		src, _ := newSource(name, string(data))
		root, problems := parseYAML(src)
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		visit(root, reflect.TypeFor[Config](), "")
	}
	walkSettings(reflect.TypeFor[Config](), "", func(path string) {
		// Both kinds of tests are of one type.
		if !shown[path] && !shown[strings.Replace(path, "tests.deny", "tests.allow", 1)] {
			t.Errorf("%s is not shown", path)
		}
	})
}

func TestPathsBeginAtTheFile(t *testing.T) {
	anchor, token := filepath.FromSlash("/mnt/anchor"), filepath.FromSlash("/etc/token")
	if runtime.GOOS == "windows" { // a path without a drive is refused there: TestPaths
		anchor, token = `C:`+anchor, `C:`+token
	}
	c := loadText(t, "policy: { rules: [] }\naudit: { dir: log, key: keys/audit.key, anchor: '"+anchor+"' }\n"+
		`ship: { a: { syslog: "tls://siem:6514", ca: ca.pem, cert: c.pem, key: keys/k.pem }, b: { otlp: "https://otel", token_file: '`+token+"' } }\n")
	dir := filepath.Dir(c.Path)
	for _, tt := range []struct{ got, want string }{
		{c.Audit.Dir, filepath.Join(dir, "log")},
		{c.Audit.Key, filepath.Join(dir, "keys", "audit.key")},
		{c.Audit.Anchor, anchor},
		{c.Ship["a"].CA, filepath.Join(dir, "ca.pem")},
		{c.Ship["a"].Cert, filepath.Join(dir, "c.pem")},
		{c.Ship["a"].Key, filepath.Join(dir, "keys", "k.pem")},
		{c.Ship["b"].TokenFile, token},
	} {
		if tt.got != tt.want {
			t.Errorf("got %s, want %s", tt.got, tt.want)
		}
	}
}

// Receivers on other machines that are sent clear text are worth a warning.
func TestExposedReceivers(t *testing.T) {
	c := loadText(t, "policy: { rules: [{ id: a, hosts: [www.example.com] }] }\nship:\n"+
		"  a: { syslog: \"tcp://siem.example.com:601\" }\n  b: { syslog: \"tcp://127.0.0.1:601\" }\n  c: { otlp: \"https://otel.example.com\" }\n")
	if len(c.Warnings) != 1 || c.Warnings[0].Path != "ship.a" || c.Warnings[0].Line != 3 {
		t.Errorf("got %v, want a warning about ship.a", c.Warnings)
	}
}

// Only syslog has confirm: close; earlier versions accepted it everywhere.
func TestIgnoredConfirm(t *testing.T) {
	c := loadText(t, "policy: { rules: [{ id: a, hosts: [www.example.com] }] }\naudit: { site: oslo }\nship:\n"+
		"  a: { otlp: \"https://otel.example.com\", confirm: close }\n  b: { victorialogs: \"https://logs.example.com\", confirm: close }\n"+
		"  c: { syslog: \"tls://siem.example.com:6514\", confirm: close }\n  d: { victorialogs: \"https://logs.example.com\", confirm: readback }\n")
	var got []string
	for _, w := range c.Warnings {
		got = append(got, w.Path)
	}
	slices.Sort(got)
	if want := []string{"ship.a.confirm", "ship.b.confirm"}; !slices.Equal(got, want) {
		t.Errorf("warnings %v, want of %v", c.Warnings, want)
	}
}
