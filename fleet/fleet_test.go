package fleet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unsafe"

	"webproxy/audit"
	"webproxy/config"
)

// Each number counts once, in any order and amount.
func TestSeenSet(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	var s seenSet
	want := map[string]bool{}
	for range 40_000 {
		site, seq := fmt.Sprint(rng.IntN(2)), rng.Uint64N(70_000)
		if rng.IntN(50) == 0 {
			seq = rng.Uint64()
		}
		key := fmt.Sprint(site, " ", seq)
		isNew, err := s.add(site, seq)
		if err != nil || isNew == want[key] {
			t.Fatalf("%s: new %v, %v", key, isNew, err)
		}
		want[key] = true
	}
	s.add("0", 1)
	s.blocks = seenBlocks
	if _, err := s.add("hostile", 1<<40); err == nil {
		t.Error("a site may make up numbers without end")
	}
	if isNew, err := s.add("0", 1); isNew || err != nil {
		t.Errorf("new %v, %v: numbers of a block that is there need no other", isNew, err)
	}
}

// Any value of an expression is quoted safely, and a condition without an exact filter excludes nothing.
func TestFilter(t *testing.T) {
	for expr, want := range map[string]string{
		`site = oslo`:                                      `(_msg:"\"oslo\"")`,
		`site != oslo`:                                     `*`,
		`decision = deny`:                                  `("webproxy.decision":="deny")`,
		`group = "x\" or webproxy.site:*"`:                 `("webproxy.group":="x\" or webproxy.site:*")`,
		`group = "a) | delete (b"`:                         `("webproxy.group":="a) | delete (b")`,
		"rule = \"new\nline`\"":                            "(\"webproxy.rule\":=\"new\\nline`\")",
		`not group = a`:                                    `!("webproxy.group":="a")`,
		`group != 1.1`:                                     `*`,
		`not group in (a, "10")`:                           `(!("webproxy.group":="a"))`,
		`not port > 80`:                                    `*`,
		`port < 80`:                                        `("server.port":<80 or "server.port":="")`,
		`port > 80`:                                        `("server.port":>80 or "server.port":<0)`,
		`seq = 18446744073709551615`:                       `*`,
		`decision = deny or path_enforced = true`:          `*`,
		`decision = deny path_enforced = true`:             `(("webproxy.decision":="deny"))`,
		`not (decision = deny or path_enforced = true)`:    `(!("webproxy.decision":="deny"))`,
		`not (decision = deny and path_enforced = true)`:   `*`,
		`host ~ "^a"`:                                      `*`,
		`client in 10.0.1.0/24`:                            `("client.address":ipv4_range("10.0.1.0/24"))`,
		`client = "::1"`:                                   `("client.address":="::1")`,
		`client = ""`:                                      `*`,
		`host = *.example.com`:                             `"server.address":~"example\\.com$"`,
		`client_name = node2`:                              `(_msg:"\"node2\"")`,
		`policy = sha256:9c1e77aa01f2`:                     `(_msg:"\"sha256:9c1e77aa01f2"*)`,
		`host = A.test.`:                                   `("server.address":="A.test." or "server.address":="a.test")`,
		`ts < 2026-10-01`:                                  `_time:<2026-10-01T00:00:00.001000000Z`,
		`group in ("` + strings.Repeat("a", 20<<10) + `")`: `*`,
		``: `*`,
	} {
		q, err := audit.ParseQuery(expr)
		if err != nil {
			t.Fatalf("%.50s: %v", expr, err)
		}
		if got := Filter(q); got != want {
			t.Errorf("%.50s: %.80s, want %s", expr, got, want)
		}
	}
}

// Errors in settings name their place, and relative paths are relative to the file.
func TestLoad(t *testing.T) {
	file := filepath.Join(t.TempDir(), FileName)
	for text, want := range map[string]string{
		"timeout: 1s":                                                               "victorialogs: is missing",
		"victorialogs: logs":                                                        "is not an http or https URL",
		"victorialogs: http://10.0.0.1":                                             "not encrypted",
		"victorialogs: https://a@b":                                                 "token_file is for secrets",
		"victorialogs: https://b\ncert: x":                                          "other half",
		"victorialogs: https://b\nneed: 2":                                          "2 of 0 keys",
		"victorialogs: https://b\ntimeout: off":                                     "cannot be off",
		"victorialogs: https://b\nrings: { a: { sites: ['['] } }":                   "has no dir",
		"victorialogs: https://b\nrings: { a: { dir: x } }":                         "has no sites",
		"victorialogs: https://b\nring: {}":                                         "no such setting",
		"victorialogs: https://b\nca: ca.pem\nrings: { a: { dir: x, sites: [b] } }": "",
	} {
		if err := os.WriteFile(file, []byte(text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := Load(file)
		var problems config.Problems
		switch {
		case want == "":
			if err != nil || c.CA != filepath.Join(filepath.Dir(file), "ca.pem") || c.Rings["a"].Dir != filepath.Join(filepath.Dir(file), "x") {
				t.Errorf("%q: %+v, %v", text, c, err)
			}
		case !errors.As(err, &problems) || !strings.Contains(fmt.Sprint(err, problems), want):
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

// A slicedServer answers queries about records at given milliseconds, as VictoriaLogs does.
func slicedServer(t *testing.T, at []int64) *Client {
	span := regexp.MustCompile(`_time:\[(\S+?),(\S+?)\)`)
	step := regexp.MustCompile(`_time:(\d+)ms`)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := r.FormValue("query")
		m := span.FindStringSubmatch(q)
		from, _ := time.Parse(time.RFC3339Nano, m[1])
		to, _ := time.Parse(time.RFC3339Nano, m[2])
		buckets, n := map[int64]int{}, 0
		first, last := int64(1<<62), int64(0)
		width := int64(1)
		if s := step.FindStringSubmatch(q); s != nil {
			fmt.Sscan(s[1], &width)
		}
		for _, ms := range at {
			if ms >= from.UnixMilli() && ms < to.UnixMilli() {
				n, first, last = n+1, min(first, ms), max(last, ms)
				buckets[ms/width*width]++
			}
		}
		w.Header().Set("Content-Type", "application/stream+json")
		text := func(ms int64) string { return time.UnixMilli(ms).UTC().Format(time.RFC3339Nano) }
		if !step.MatchString(q) {
			fmt.Fprintf(w, `{"n":"%d","first":%q,"last":%q}`+"\n", n, text(first), text(last))
			return
		}
		for b, n := range buckets {
			fmt.Fprintf(w, `{"n":"%d","_time":%q}`+"\n", n, text(b))
		}
	}))
	t.Cleanup(server.Close)
	c, err := NewClient(&Config{VictoriaLogs: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Slices have every record once, in order, and no more than fit, unless one millisecond has more.
func TestPlan(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	base := time.Date(2026, 10, 1, 7, 0, 0, 0, time.UTC).UnixMilli()
	var at []int64
	for range 3000 {
		at = append(at, base+rng.Int64N(1<<rng.IntN(32)))
	}
	for range 700 {
		at = append(at, base+999)
	}
	c := slicedServer(t, at)
	c.Slice = 100
	plan, err := c.plan(context.Background(), "x", new(Search).whole(), c.slice())
	if err != nil {
		t.Fatal(err)
	}
	total := uint64(0)
	for i, s := range plan {
		n := uint64(0)
		for _, ms := range at {
			if ms >= s.from.UnixMilli() && ms < s.to.UnixMilli() {
				n++
			}
		}
		if n != s.records || n > 100 && s.to.Sub(s.from) > time.Millisecond {
			t.Errorf("slice %v to %v: %d records, %d planned", s.from, s.to, n, s.records)
		}
		if i > 0 && s.from.Before(plan[i-1].to) {
			t.Errorf("slice %v begins before %v", s.from, plan[i-1].to)
		}
		total += n
	}
	if total != uint64(len(at)) || len(plan) > 400 {
		t.Errorf("%d records in %d slices, want %d", total, len(plan), len(at))
	}
}

// Responses are bounded, and end when the caller stops.
func TestAnswerBounds(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/stream+json")
		switch r.FormValue("query") {
		case "long":
			io.Copy(w, io.LimitReader(letters{}, maxLine+1<<20))
		case "slow":
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		}
	}))
	defer server.Close()
	c, err := NewClient(&Config{VictoriaLogs: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	none := func([]byte) error { return nil }
	if err := c.Query(context.Background(), "long", none); err == nil || !strings.Contains(err.Error(), "a line of more than") {
		t.Errorf("a line without end: %v", err)
	}
	c.timeout = 50 * time.Millisecond
	if err := c.Query(context.Background(), "slow", none); err == nil || !strings.Contains(err.Error(), "has not answered within 50ms") {
		t.Errorf("an answer without end: %v", err)
	}
}

type letters struct{}

func (letters) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = '{'
	}
	return len(p), nil
}

// A sum counts only if LogsQL, which has floating point and sums that begin anew, cannot have rounded it.
func TestExactSum(t *testing.T) {
	for _, tt := range []struct {
		sum, most string
		n, want   uint64
		ok        bool
	}{
		{"NaN", "", 3, 0, true},
		{"12", "7", 2, 12, true},
		{"9007199254740991", "9007199254740991", 1, 1<<53 - 1, true},
		{"9007199254740992", "9007199254740991", 2, 0, false},
		{"0", "1152921504606846976", 16, 0, false},
		{"4", "4503599627370496", 4096, 0, false},
		{"1e21", "5", 2, 0, false},
		{"1.5", "1", 2, 0, false},
		{"-1", "1", 2, 0, false},
	} {
		got, ok := exactSum(tt.sum, tt.most, tt.n)
		if ok != tt.ok || ok && got != tt.want {
			t.Errorf("%+v: %d %v", tt, got, ok)
		}
	}
}

// What counting keeps in memory is bounded, and so is what VictoriaLogs is asked for at a time.
func TestCountBounds(t *testing.T) {
	if size := countKinds * unsafe.Sizeof(kind{}); size > 256<<20 {
		t.Errorf("groups of %d MiB", size>>20)
	}
	var names, got []string
	for i := range 200 {
		names = append(names, fmt.Sprintf("site[%d]-%s", i, strings.Repeat("x", i)))
	}
	names = append(names, strings.Repeat("y", 4<<10))
	for i, part := range sitesAtOnce(slices.Clone(names)) {
		if len(part) > 1 && (&Search{Sites: part}).sitesFilter() == "" {
			t.Errorf("part %d has no filter: %d names", i, len(part))
		}
		for _, p := range part {
			got = append(got, strings.NewReplacer(`\[`, "[").Replace(p))
		}
	}
	slices.Sort(names)
	if !slices.Equal(got, names) {
		t.Errorf("%d of %d names", len(got), len(names))
	}
	all := []overlap{{"a", numbers{first: 1, last: 600}}, {"b", numbers{first: 1, last: 400}}, {"c", numbers{first: 1, last: 1}}}
	if _, used := overlapTerms(all, 1000); used != 2 {
		t.Errorf("%d overlaps at once", used)
	}
	if _, used := overlapTerms(all, 10); used != 1 {
		t.Errorf("%d overlaps at once", used)
	}
	text := ""
	for _, o := range append(pieces(overlap{"a", numbers{first: 5, last: 24}}, 10), pieces(overlap{"a", numbers{first: 5, last: 25}}, 10)...) {
		text += fmt.Sprint(o.first, "-", o.last, " ")
	}
	if want := "5-14 15-24 5-14 15-24 25-25 "; text != want {
		t.Errorf("pieces %swant %s", text, want)
	}
	if n := len(pieces(overlap{"a", numbers{first: 1, last: exactNumbers - 1}}, 10)); n != 1 {
		t.Errorf("%d pieces", n)
	}
}
