package daemon

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"webproxy/audit"
	"webproxy/bundle"
	"webproxy/config"
	"webproxy/internal/notekey"
	"webproxy/policy"
)

// What a malicious or broken server of bundles can answer, after the list of attacks of The Update Framework (specification, section
// 1.5.2): none changes what is in force, each is told, and the next good bundle is taken.
func TestBundleAttacks(t *testing.T) {
	s := newAttackedSite(t)
	good := s.bundle(7, "stable", "oslo-3", "", "good.example.com").signed(s.alice, s.bob)
	s.answers(good)
	s.awaitTaken("stable-7 after none")
	serial := uint64(8)
	next := func() attackBundle {
		serial++
		return s.bundle(serial, "stable", "oslo-3", "", "evil.example.com")
	}
	mallory := s.key("mallory")
	// The same problem is told once: no two that follow on each other have the same text.
	for _, attack := range []struct {
		name    string
		handler http.HandlerFunc // or
		answer  []byte
		want    string // in what the log says
		fetched bool   // and the audit log has it
	}{
		{name: "arbitrary software: nobody signed", answer: next().signed(), want: "0 of the 2 keys have signed it, 2 must", fetched: true},
		{name: "rollback", answer: s.bundle(6, "stable", "oslo-3", "", "old.example.com").signed(s.alice, s.bob), want: "serial 6 is not greater than 7", fetched: true},
		{name: "arbitrary software: another key, twice", answer: next().signed(mallory, mallory), want: "0 of the 2 keys", fetched: true},
		{name: "key compromise: 1 of 2", answer: next().signed(s.alice), want: "1 of the 2 keys have signed it, 2 must", fetched: true},
		{name: "rollback within a serial", answer: s.bundle(7, "stable", "oslo-3", "", "other.example.com").signed(s.alice, s.bob), want: "serial 7 is not greater than 7", fetched: true},
		{name: "key compromise: 1 of 2, and a foreign one", answer: next().signed(s.alice, mallory), want: "1 of the 2 keys", fetched: true},
		{name: "mix and match: another channel", answer: s.bundle(90, "canary", "oslo-3", "", "a.example.com").signed(s.alice, s.bob), want: "it is of the bundles", fetched: true},
		{name: "mix and match: another site", answer: s.bundle(91, "stable", "bergen", "", "a.example.com").signed(s.alice, s.bob), want: "oslo-3", fetched: true},
		{name: "mix and match: a signature of another bundle", answer: grafted(t, next(), good), want: "signature", fetched: true},
		{name: "too new", answer: s.bundle(92, "stable", "oslo-3", "99.0", "a.example.com").signed(s.alice, s.bob), want: "99.0", fetched: true},
		{name: "a test fails", answer: s.failing(93).signed(s.alice, s.bob), want: "tests", fetched: true},
		{name: "does not compile", answer: s.of(94, "rules: [{ id: x }]\n").signed(s.alice, s.bob), want: "rules[0]", fetched: true},
		{name: "half a file", answer: good[:len(good)/2], want: "bundle refused", fetched: true},
		{name: "half a file, said to be whole", handler: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(len(good)))
			w.Write(good[:len(good)/2])
		}, want: "not fetched: unexpected EOF"},
		{name: "a login page", answer: []byte("<!doctype html><title>Log in</title>"), want: "bundle refused", fetched: true},
		{name: "an empty file", answer: []byte{}, want: "the file is empty", fetched: true},
		{name: "endless data", handler: func(w http.ResponseWriter, r *http.Request) {
			io.Copy(w, endless{r.Context()})
		}, want: "not fetched: more than"},
		{name: "a redirect elsewhere", handler: func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://127.0.0.2:1/stable.bundle", http.StatusFound)
		}, want: "is not the server of policy.bundle.from"},
		{name: "an error", handler: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }, want: "500"},
	} {
		t.Run(attack.name, func(t *testing.T) {
			told := s.log.Len()
			if attack.handler == nil {
				s.answers(attack.answer)
			} else {
				s.answersBy(attack.handler)
			}
			s.awaitLog(t, told, attack.want)
			if attack.fetched {
				s.awaitRecord(t, "refused: bundle refused: ", attack.want)
			}
			if got, err := os.ReadFile(config.BundleFile(s.config)); err != nil || !bytes.Equal(got, good) {
				t.Errorf("the bundle in force is another one (%v)", err)
			}
		})
	}
	s.answers(s.bundle(100, "stable", "oslo-3", "", "next.example.com").signed(s.alice, s.bob))
	s.awaitTaken("stable-100 after stable-7")
}

// endless is read without an end, as long as ctx lasts.
type endless struct{ ctx context.Context }

func (e endless) Read(b []byte) (int, error) { return len(b), e.ctx.Err() }

// An attackedSite is a running proxy, oslo-3, that takes bundles of two keys from a server that is not to be trusted.
type attackedSite struct {
	t          *testing.T
	dir        string
	config     string // the path of webproxy.yaml
	alice, bob note.Signer
	log        logBuffer

	mu      sync.Mutex
	handler http.HandlerFunc
}

func newAttackedSite(t *testing.T) *attackedSite {
	t.Helper()
	s := &attackedSite{t: t, dir: t.TempDir(), handler: http.NotFound}
	s.config = filepath.Join(s.dir, config.FileName)
	s.alice, s.bob = s.key("alice"), s.key("bob")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		h := s.handler
		s.mu.Unlock()
		h(w, r)
	}))
	t.Cleanup(server.Close)
	text := fmt.Sprintf(`listen: "127.0.0.1:0"
dashboard: {listen: "off"}
audit: {dir: audit, site: oslo-3}
policy:
  bundle: {from: "%s/stable.bundle", name: stable, keys: [alice.pub, bob.pub], every: 20ms}
`, server.URL)
	if err := os.WriteFile(s.config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c := newControl()
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		load := func() (*config.Config, error) { return config.Load(s.config) }
		ended <- serve(ctx, Options{Load: load, Version: "1.0.0", Stderr: &s.log}, c)
	}()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	<-c.ready
	return s
}

// key makes a key, and its public half beside the configuration.
func (s *attackedSite) key(name string) note.Signer {
	s.t.Helper()
	key, public, err := notekey.Make(filepath.Join(s.dir, name+".key"), name)
	if err == nil {
		err = os.WriteFile(filepath.Join(s.dir, name+".pub"), []byte(public), 0o644)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return key
}

// An attackBundle is one that its maker may sign.
type attackBundle struct {
	t *testing.T
	*bundle.Bundle
}

func (s *attackedSite) make(m bundle.Manifest, policy string) attackBundle {
	s.t.Helper()
	m.Made, m.By = time.Unix(1e9, 0), "ann"
	b, err := bundle.New(m, map[string][]byte{bundle.PolicyFile: []byte(policy)})
	if err != nil {
		s.t.Fatal(err)
	}
	return attackBundle{s.t, b}
}

// bundle is one that allows a host.
func (s *attackedSite) bundle(serial uint64, name, site, version, host string) attackBundle {
	return s.make(bundle.Manifest{Name: name, Serial: serial, Version: version, Sites: []string{site}}, "rules: [{ id: x, hosts: ["+host+"] }]\n")
}

func (s *attackedSite) of(serial uint64, policy string) attackBundle {
	return s.make(bundle.Manifest{Name: "stable", Serial: serial, Sites: []string{"*"}}, policy)
}

// failing is one whose own test fails.
func (s *attackedSite) failing(serial uint64) attackBundle {
	return s.of(serial, "rules: [{ id: x, hosts: [a.example.com] }]\ntests: { deny: [ \"https://a.example.com\" ] }\n")
}

func (b attackBundle) signed(by ...note.Signer) []byte {
	b.t.Helper()
	for _, key := range by {
		if err := b.Sign(key); err != nil {
			b.t.Fatal(err)
		}
	}
	return b.Bytes()
}

// grafted is b, which nobody signed, with the signatures of another bundle.
func grafted(t *testing.T, b attackBundle, signed []byte) []byte {
	t.Helper()
	_, signatures, ok := strings.Cut(string(member(t, signed, "manifest")), "\n\n")
	if !ok {
		t.Fatal("no signatures")
	}
	manifest := string(member(t, b.Bytes(), "manifest")) + "\n" + signatures
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, m := range [][2]string{{"manifest", manifest}, {bundle.PolicyFile, string(member(t, b.Bytes(), bundle.PolicyFile))}} {
		if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: m[0], Size: int64(len(m[1])), Mode: 0o644, Format: tar.FormatUSTAR}); err != nil {
			t.Fatal(err)
		}
		io.WriteString(w, m[1])
	}
	w.Close()
	return out.Bytes()
}

// member is what a bundle has under a name.
func member(t *testing.T, data []byte, name string) []byte {
	t.Helper()
	for r := tar.NewReader(bytes.NewReader(data)); ; {
		h, err := r.Next()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if h.Name == name {
			text, err := io.ReadAll(r)
			if err != nil {
				t.Fatal(err)
			}
			return text
		}
	}
}

func (s *attackedSite) answersBy(h http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.handler = h
}

// A server by TLS cannot have the token sent to its port in clear text, by a redirect to http.
func TestBundleStaysEncrypted(t *testing.T) {
	t.Parallel()
	transport, err := new(bundles).transport(&policy.BundleSpec{From: "https://127.0.0.1:1/stable.bundle"})
	if err != nil {
		t.Fatal(err)
	}
	if c, err := transport.DialContext(t.Context(), "tcp", "127.0.0.1:1"); err == nil || !strings.Contains(err.Error(), "without TLS") {
		t.Errorf("%v, %v", c, err)
	}
}

func (s *attackedSite) answers(data []byte) {
	s.answersBy(func(w http.ResponseWriter, _ *http.Request) { w.Write(data) })
}

// attackPatience bounds the wait for what the proxy does by itself.
const attackPatience = 20 * time.Second

// eventually waits until done holds.
func eventually(t *testing.T, done func() bool, failure func() string) {
	t.Helper()
	for end := time.Now().Add(attackPatience); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal(failure())
		}
	}
}

func (s *attackedSite) awaitTaken(detail string) {
	s.t.Helper()
	s.awaitRecord(s.t, "installed; bundle "+detail, "")
}

// awaitRecord waits for a record of a reload whose detail begins with prefix and has part.
func (s *attackedSite) awaitRecord(t *testing.T, prefix, part string) {
	t.Helper()
	var details []string
	eventually(t, func() bool {
		found := false
		details = nil
		_, err := audit.Scan(filepath.Join(s.dir, "audit"), audit.ScanOptions{}, func(r audit.Record) error {
			if r.Type == audit.TypeReload {
				details = append(details, r.Detail)
				found = found || strings.HasPrefix(r.Detail, prefix) && strings.Contains(r.Detail, part)
			}
			return nil
		})
		return err == nil && found
	}, func() string { return fmt.Sprintf("no record of a reload with %q and %q: %q", prefix, part, details) })
}

// awaitLog waits until the operator's log says text after its first bytes.
func (s *attackedSite) awaitLog(t *testing.T, after int, text string) {
	t.Helper()
	eventually(t, func() bool { return strings.Contains(s.log.From(after), text) },
		func() string { return fmt.Sprintf("the log does not say %q: %s", text, s.log.From(after)) })
}

// A logBuffer keeps what is written to it. It is safe for concurrent use.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

// Len is how many bytes were written.
func (b *logBuffer) Len() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Len()
}

// From is what was written after the first n bytes.
func (b *logBuffer) From(n int) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return string(b.text.Bytes()[n:])
}
