package bundle_test

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"webproxy/bundle"
)

// A publisher is a server of one bundle and a source that asks it.
type publisher struct {
	file   string
	source *bundle.Source
}

func publish(t *testing.T, token string) *publisher {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "canary"), 0o755); err != nil {
		t.Fatal(err)
	}
	p := &publisher{file: filepath.Join(dir, "canary", "stable.bundle")}
	files, err := bundle.NewServer(dir, token)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(files)
	t.Cleanup(func() {
		server.Close()
		files.Close()
	})
	p.source = &bundle.Source{From: server.URL + "/canary/stable.bundle", Client: server.Client()}
	return p
}

// put replaces the file as an operator should: by a rename.
func (p *publisher) put(t *testing.T, data []byte) {
	t.Helper()
	if err := os.WriteFile(p.file+".new", data, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(p.file+".new", p.file); err != nil {
		t.Fatal(err)
	}
}

func fetch(t *testing.T, s *bundle.Source) []byte {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	data, err := s.Fetch(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// bundleOf is a bundle of that serial.
func bundleOf(t testing.TB, serial uint64) []byte {
	t.Helper()
	m := manifest()
	m.Serial = serial
	b, err := bundle.New(m, policy)
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// A held request returns the next bundle, never a part of it.
func TestFetchWaits(t *testing.T) {
	p := publish(t, "")
	first, second := bundleOf(t, 1), bundleOf(t, 2)
	p.put(t, first)
	if got := fetch(t, p.source); !bytes.Equal(got, first) {
		t.Fatalf("first: %d bytes", len(got))
	}
	if !p.source.Waits() {
		t.Fatal("the server does not say that it holds requests")
	}
	got := make(chan []byte)
	go func() { got <- fetch(t, p.source) }()
	if err := os.WriteFile(p.file, second[:len(second)/2], 0o644); err != nil {
		t.Fatal(err)
	}
	other := &bundle.Source{From: p.source.From, Client: p.source.Client}
	if data := fetch(t, other); !bytes.Equal(data, first) {
		t.Errorf("while it is written: %d bytes", len(data))
	}
	p.put(t, second)
	if data := <-got; !bytes.Equal(data, second) {
		t.Errorf("second: %d bytes", len(data))
	}
}

func TestServerRefuses(t *testing.T) {
	p := publish(t, "secret")
	p.put(t, bundleOf(t, 1))
	if err := os.WriteFile(filepath.Join(filepath.Dir(p.file), "half.bundle"), bundleOf(t, 1)[:700], 0o644); err != nil {
		t.Fatal(err)
	}
	outside := filepath.Join(t.TempDir(), "outside.bundle")
	if err := os.WriteFile(outside, bundleOf(t, 1), 0o644); err != nil {
		t.Fatal(err)
	}
	link, linked := filepath.Join(filepath.Dir(p.file), "link.bundle"), 500
	if err := os.Symlink(outside, link); err != nil {
		t.Log(err) // Windows without the right to
	}
	if _, err := os.Lstat(link); err != nil { // so, or wine, which says that it has made one
		linked = 404
	}
	base := strings.TrimSuffix(p.source.From, "canary/stable.bundle")
	for _, tt := range []struct {
		method, path, token string
		status              int
	}{
		{"GET", "canary/stable.bundle", "secret", 200},
		{"HEAD", "canary/stable.bundle", "secret", 200},
		{"GET", "canary/stable.bundle", "", 401},
		{"GET", "canary/stable.bundle", "Secret", 401},
		{"POST", "canary/stable.bundle", "secret", 405},
		{"GET", "canary/none.bundle", "secret", 404},
		{"GET", "canary/", "secret", 404},
		{"GET", "", "secret", 404},
		{"GET", "canary/%2e%2e/canary/stable.bundle", "secret", 404},
		{"GET", "canary/half.bundle", "secret", 500},
		{"GET", "canary/link.bundle", "secret", linked},
	} {
		r, err := http.NewRequest(tt.method, base+tt.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if tt.token != "" {
			r.Header.Set("Authorization", "Bearer "+tt.token)
		}
		resp, err := p.source.Client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != tt.status {
			t.Errorf("%s %s with %q: %d, want %d", tt.method, tt.path, tt.token, resp.StatusCode, tt.status)
		}
	}
	p.source.Token = func() (string, error) { return "secret", nil }
	if got := fetch(t, p.source); !bytes.Equal(got, bundleOf(t, 1)) {
		t.Errorf("with the token: %d bytes", len(got))
	}
}

// An endless response is cut. One that is not a bundle is returned as it is; Open refuses it.
func TestFetchBounds(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/endless":
			for chunk := make([]byte, 1<<20); ; {
				if _, err := w.Write(chunk); err != nil {
					return
				}
			}
		case "/gone":
			http.Error(w, "gone", http.StatusGone)
		case "/most":
			w.Write(make([]byte, bundle.MaxSize))
		case "/more":
			w.Write(make([]byte, bundle.MaxSize+1))
		case "/half":
			w.Header().Set("Content-Length", "200000")
			w.Write(make([]byte, 100_000))
		}
	}))
	defer server.Close()
	for path, want := range map[string]string{"/endless": "more than", "/gone": "410 Gone", "/more": "more than", "/half": "unexpected EOF"} {
		s := &bundle.Source{From: server.URL + path, Client: server.Client()}
		if _, err := s.Fetch(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
	}
	if got := fetch(t, &bundle.Source{From: server.URL + "/empty", Client: server.Client()}); got == nil || len(got) > 0 {
		t.Errorf("an empty response: %v, which means that nothing has changed", got)
	}
	if got := fetch(t, &bundle.Source{From: server.URL + "/most", Client: server.Client()}); len(got) != bundle.MaxSize {
		t.Errorf("%d bytes of %d", len(got), bundle.MaxSize)
	}
}

func TestFetchFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a.bundle")
	s := &bundle.Source{From: file}
	if _, err := s.Fetch(t.Context()); err == nil {
		t.Error("no file, no error")
	}
	for serial := uint64(1); serial < 3; serial++ {
		data := bundleOf(t, serial)
		if err := os.WriteFile(file, data, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(file, time.Time{}, time.Unix(int64(serial), 0)); err != nil {
			t.Fatal(err)
		}
		if got := fetch(t, s); !bytes.Equal(got, data) {
			t.Errorf("serial %d: %d bytes", serial, len(got))
		}
		if got := fetch(t, s); got != nil {
			t.Errorf("serial %d again: %d bytes", serial, len(got))
		}
	}
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	s.Forget()
	if _, err := s.Fetch(t.Context()); err == nil {
		t.Error("an empty file, no error")
	}
}

func TestStore(t *testing.T) {
	s := bundle.NewStore(filepath.Join(t.TempDir(), "bundle"))
	open := func(serial uint64) *bundle.Bundle {
		b, err := bundle.Parse(bundleOf(t, serial))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for _, tt := range []struct {
		serial uint64
		again  bool
		err    string
	}{{5, false, ""}, {5, true, ""}, {4, false, "not greater than 5"}, {6, false, ""}} {
		b := open(tt.serial)
		again, err := s.Admit(b)
		if again != tt.again || (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
			t.Fatalf("%d: again %v, %v", tt.serial, again, err)
		}
		if err == nil && !again {
			if err := s.Take(b, bundle.State{Taken: time.Now()}); err != nil {
				t.Fatal(err)
			}
		}
	}
	before, err := s.Previous()
	if err != nil || before.Serial != 5 {
		t.Fatalf("previous %v, %v", before, err)
	}
	if err := s.Take(before, bundle.State{By: "ann", Reason: "CHG-1"}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Admit(open(6)); err == nil {
		t.Error("what was rolled back is taken again")
	}
	if st, err := s.State(); err != nil || st.Highest != 6 || st.By != "ann" {
		t.Errorf("state %+v, %v", st, err)
	}
}

// A process that ends while it puts a bundle in force does not use up its serial, and a rollback never loses the bundle that it goes back to.
func TestStoreInterrupted(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "bundle")
	s, current := bundle.NewStore(dir), filepath.Join(dir, bundle.CurrentFile)
	open := func(serial uint64, by string) *bundle.Bundle {
		m := manifest()
		m.Serial, m.By = serial, by
		b, err := bundle.New(m, policy)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	take := func(b *bundle.Bundle) {
		t.Helper()
		if err := s.Take(b, bundle.State{By: "ann"}); err != nil {
			t.Fatal(err)
		}
	}
	admits := func(b *bundle.Bundle, want bool) {
		t.Helper()
		if again, err := s.Admit(b); (err == nil) != want || again {
			t.Errorf("%v by %s: again %v, %v", b, b.By, again, err)
		}
	}
	take(open(5, "bob"))
	before, err := os.ReadFile(current)
	if err != nil {
		t.Fatal(err)
	}
	take(open(6, "bob"))
	// The state is replaced, the bundle is not: what a crash in between leaves.
	if err := os.WriteFile(current, before, 0o644); err != nil {
		t.Fatal(err)
	}
	if st, err := s.State(); err != nil || st.Of(nil) || st.Of(open(5, "bob")) || !st.Of(open(6, "bob")) {
		t.Errorf("state %+v, %v", st, err)
	}
	admits(open(6, "bob"), true)
	admits(open(6, "eve"), false) // another one with its serial
	admits(open(4, "bob"), false)
	admits(open(7, "bob"), true)
	take(open(6, "bob"))
	if runtime.GOOS == "windows" {
		return // symbolic links need a privilege
	}
	// Nothing can be written beside a file whose name is that long.
	long := strings.Repeat("p", 250)
	previous := filepath.Join(dir, "previous.bundle")
	if err := os.Rename(previous, filepath.Join(dir, long)); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(long, previous); err != nil {
		t.Fatal(err)
	}
	if err := s.Take(open(5, "bob"), bundle.State{By: "ann"}); err == nil || !strings.Contains(err.Error(), "is in force, but") {
		t.Errorf("rollback: %v", err)
	}
	for _, get := range []func() (*bundle.Bundle, error){s.Current, s.Previous} {
		if b, err := get(); err != nil || b.Serial != 5 {
			t.Errorf("after the rollback: %v, %v", b, err)
		}
	}
	admits(open(6, "bob"), false)
}
