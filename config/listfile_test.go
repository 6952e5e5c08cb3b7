package config

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestParseList(t *testing.T) {
	tests := []struct {
		name, text string
		want       []string // the entries, with their lines
		warnings   []string // with theirs
		problems   []string
	}{
		{"plain", "www.example.com\n*.example.org:443,8443\n", []string{"1 www.example.com", "2 *.example.org:443,8443"}, nil, nil},
		{"comments and blanks", "# hosts\n\n  \t\nwww.example.com # one\n", []string{"4 www.example.com"}, nil, nil},
		{"Windows", "\ufeffwww.example.com\r\nwww.example.org\r\n", []string{"1 www.example.com", "2 www.example.org"}, nil, nil},
		{"no end after a comment", "www.example.com\n# end", []string{"1 www.example.com"}, nil, nil},
		{"repeated", "www.example.com\nWWW.example.com id=a by=bob\nwww.example.com:8443\n",
			[]string{"1 www.example.com", "2 www.example.com id=a by=bob", "3 www.example.com:8443"}, []string{"2:1 says the same as line 1"}, nil},
		{"until another day", "www.example.com\nwww.example.com expires=2027-01-01\n",
			[]string{"1 www.example.com", "2 www.example.com expires=2027-01-01"}, nil, nil},
		{"empty", "", nil, []string{"0:0 the list is empty: it names nothing"}, nil},
		{"blank", "\n \n", nil, []string{"0:0 the list is empty: it names nothing"}, nil},
		{"only comments", "# nothing yet\n", nil, nil, nil},
		{"every line wrong", "*\nwww.example.com\nä ö\n", []string{"2 www.example.com"}, nil, []string{"1:1", "3:3"}},
		{"characters, not bytes", "# ä\nwww.example.com reason=ä x\n", nil, nil, []string{"2:26"}},
		{"not whole", "www.example.com\n*.example.co", nil, nil, []string{"2:13"}},
		{"binary", "www.example.com\n\x00\x01\n", nil, nil, []string{"2:1"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := parseList("dir/l.txt", "l.txt", tt.text, nil)
			var got []string
			for i := range l.entries.Len() {
				e := l.entries.Entry(i)
				got = append(got, strings.TrimPrefix(e.Source, "l.txt:")+" "+e.String())
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("entries %q, want %q", got, tt.want)
			}
			if got := places(l.warnings, true); !slices.Equal(got, tt.warnings) {
				t.Errorf("warnings %q, want %q", got, tt.warnings)
			}
			if got := places(l.problems, false); !slices.Equal(got, tt.problems) {
				t.Errorf("problems %q, want %q: %v", got, tt.problems, l.problems)
			}
		})
	}
}

// places are the problems' lines and columns, and what they say if that is asked for.
func places(ps Problems, say bool) []string {
	var got []string
	for _, p := range ps {
		at := fmt.Sprintf("%d:%d", p.Line, p.Column)
		if say {
			at += " " + p.Msg
		}
		got = append(got, at)
	}
	return got
}

// A list of any size is read once, however many rules name it; an empty one is a warning.
func TestSharedList(t *testing.T) {
	dir := t.TempDir()
	put(t, filepath.Join(dir, "l.txt"), "")
	path := filepath.Join(dir, "webproxy.yaml")
	put(t, path, "policy: { rules: [{ id: a, file: l.txt }, { id: b, file: l.txt }] }\n")
	c, err := Load(path)
	must(t, err)
	if len(c.Warnings) != 1 {
		t.Errorf("warnings: %v, want one", c.Warnings)
	}
	want := []string{filepath.Join(dir, "l.txt"), filepath.Join(dir, "learn.yaml"), filepath.Join(dir, "lockdown.yaml"), filepath.Join(dir, "phases.yaml"), path}
	if !slices.Equal(c.Files, want) {
		t.Errorf("Files %q, want %q", c.Files, want)
	}
}

func TestListTooLarge(t *testing.T) {
	dir := t.TempDir()
	put(t, filepath.Join(dir, "l.txt"), "")
	must(t, os.Truncate(filepath.Join(dir, "l.txt"), maxList+1))
	put(t, filepath.Join(dir, "webproxy.yaml"), "policy: { rules: [{ id: a, file: l.txt }] }\n")
	_, err := Load(filepath.Join(dir, "webproxy.yaml"))
	if err == nil || !strings.Contains(err.Error(), "larger than 32 MiB") {
		t.Errorf("Load: %v, want a complaint about the size", err)
	}
}

func TestProblemWrite(t *testing.T) {
	for _, tt := range []struct {
		p    Problem
		want string
	}{
		{Problem{File: "f", Msg: "m"}, "f: m\n"},
		{Problem{File: "f", Line: 3, Msg: "m", Text: "abc"}, "f:3: m\n  3 | abc\n"},
		{Problem{File: "f", Line: 10, Column: 2, Width: 2, Path: "policy.rules[1].host", Msg: "m", Hint: "h", Text: "\tabc"},
			"f:10:2: rules[1].host: m\n  10 | \tabc\n     | \t^^\n    hint: h\n"},
		{Problem{File: "f", Line: 1, Column: 4, Width: 9, Msg: "m", Text: "äöü"}, "f:1:4: m\n  1 | äöü\n    |    ^\n"},
		{Problem{File: "f", Line: 1, Column: 99, Width: 1, Msg: "m", Text: "abc", Warning: true}, "f:1:99: warning: m\n  1 | abc\n"},
		{Problem{File: "f", Line: 1, Column: 1, Width: 5, Msg: "m", Text: "\x1b[2Jx"}, "f:1:1: m\n  1 | \ufffd[2Jx\n    | ^^^^^\n"},
	} {
		var b strings.Builder
		must(t, Problems{tt.p}.Write(&b))
		if b.String() != tt.want {
			t.Errorf("%+v:\n%s\nwant\n%s", tt.p, b.String(), tt.want)
		}
	}
}

func TestProblemsAreBounded(t *testing.T) {
	l := parseList("l.txt", "l.txt", strings.Repeat("*\n", 100_000), nil)
	got := l.problems.sorted()
	if len(got) != maxProblems+1 || got[maxProblems].Msg != "and 99900 more" {
		t.Errorf("%d problems, the last %v", len(got), got[len(got)-1])
	}
}

// Whatever bytes come in, there are entries that decide something, or problems with a place.
func FuzzParseList(f *testing.F) {
	f.Add([]byte("www.example.com # x\n*.example.org:443 reason=\"a b\"\n"))
	f.Add([]byte("\xef\xbb\xbfhttp://a.example.com/x?y\r\n"))
	f.Add([]byte("*.example.co"))
	f.Fuzz(func(t *testing.T, data []byte) {
		l := parseList("l.txt", "l.txt", string(data), nil)
		for _, p := range l.problems {
			if p.Line > len(l.src.lines()) || p.Column < 0 || p.Msg == "" {
				t.Errorf("problem %+v", p)
			}
			must(t, Problems{p}.Write(&strings.Builder{}))
		}
		for i := range l.entries.Len() {
			e := l.entries.Entry(i)
			if e.Source == "" || e.Host.String() == "" {
				t.Errorf("entry %+v", e)
			}
		}
	})
}

// Whatever bytes come in, there is a Config with a compiled policy, or problems with a place.
func FuzzLoad(f *testing.F) {
	f.Add(defaultYAML)
	f.Add([]byte("policy: { rules: [{ id: a, hosts: [*.x] }] }\n"))
	f.Add([]byte("a: &x [*x, *x]\n<<: *x\n? {a: b}\n: !!int 3\n---\nb\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		l := &loader{cfg: &Config{}, lib: &library{read: new(reader)}}
		l.run("f.yaml", data)
		if (l.cfg.Set == nil) != (len(l.problems) > 0) {
			t.Errorf("set %v, problems %v", l.cfg.Set, l.problems)
		}
		for _, p := range l.problems {
			if p.Line > len(l.doc.src.lines()) || p.Msg == "" {
				t.Errorf("problem %+v", p)
			}
		}
		must(t, l.problems.Write(&strings.Builder{}))
	})
}
