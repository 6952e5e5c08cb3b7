package daemon

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"webproxy/audit"
	"webproxy/config"
	"webproxy/internal/setting"
	"webproxy/proxy"
)

// A bundleRounds fetches from a file, round by round.
type bundleRounds struct {
	*attackedSite
	bundles
	file string
	mark time.Time // the last file's
}

func newBundleRounds(t *testing.T) *bundleRounds {
	t.Helper()
	r := &bundleRounds{attackedSite: &attackedSite{t: t, dir: t.TempDir()}, mark: time.Unix(1e9, 0)}
	r.attackedSite.config, r.file = filepath.Join(r.dir, config.FileName), filepath.Join(r.dir, "stable.bundle")
	r.alice = r.key("alice")
	r.configure("stable")
	cfg := r.latest()
	log, err := audit.Open(audit.Options{Dir: cfg.Audit.Dir, Sync: setting.Off})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { log.Close() })
	r.d.cfg, r.d.audit, r.d.proxy = cfg, log, &proxy.Server{}
	r.d.live.Swap(cfg.Set)
	r.d.metrics = newMetrics(r.d)
	return r
}

// configure puts another configuration in force, of another site.
func (r *bundleRounds) configure(site string) {
	r.t.Helper()
	text := fmt.Sprintf(`listen: "127.0.0.1:0"
audit: {dir: audit, site: %s}
policy:
  bundle: {from: stable.bundle, name: stable, keys: [alice.pub], refuse_if: newly_denied > 1, every: 1m}
`, site)
	if err := os.WriteFile(r.attackedSite.config, []byte(text), 0o600); err != nil {
		r.t.Fatal(err)
	}
	cfg, err := config.Load(r.attackedSite.config)
	if err != nil {
		r.t.Fatal(err)
	}
	if r.d == nil {
		r.bundles = bundles{d: &daemon{version: "1.0.0", log: zap.NewNop()}, idle: func() {}}
		r.latest = r.d.current.Load
	}
	r.d.current.Store(cfg)
}

// publish puts a bundle there, in a file with a time of its own.
func (r *bundleRounds) publish(data []byte) {
	r.t.Helper()
	r.mark = r.mark.Add(time.Minute)
	if err := os.WriteFile(r.file, data, 0o600); err != nil {
		r.t.Fatal(err)
	}
	if err := os.Chtimes(r.file, r.mark, r.mark); err != nil {
		r.t.Fatal(err)
	}
}

// told is what the status says after one round; it must have part, and the directory was reached or not.
func (r *bundleRounds) told(when, part string) {
	r.t.Helper()
	r.round(r.t.Context())
	if _, problem := r.d.bundle.last(); !strings.Contains(problem, part) || part == "" && problem != "" {
		r.t.Errorf("%s: the problem is %q, want %q", when, problem, part)
	}
}

// away has the bundle not be there for one round.
func (r *bundleRounds) away() {
	r.t.Helper()
	if err := os.Rename(r.file, r.file+".away"); err != nil {
		r.t.Fatal(err)
	}
	r.told("it is away", "not fetched: ")
	if err := os.Rename(r.file+".away", r.file); err != nil {
		r.t.Fatal(err)
	}
}

// Why a bundle was not accepted is told as long as it is the one that is published, also after it could not be fetched for a while.
func TestProblemAfterFetchFailed(t *testing.T) {
	t.Parallel()
	r := newBundleRounds(t)
	r.publish(r.bundle(7, "stable", "oslo", "", "a.example.com").signed(r.alice))
	for range 2 {
		r.told("of another site", "bundle refused: ")
	}
	r.away()
	r.told("refused, and there again", "bundle refused: ")

	r.publish(r.bundle(8, "stable", "*", "", "a.example.com").signed(r.alice))
	r.asking = make(whatIf) // the log's disk hangs
	r.told("not decided", errWhatIf.Error())
	r.away()
	r.told("not decided, and there again", errWhatIf.Error())

	r.asking, r.again = nil, time.Now()
	r.told("the disk answers", "")
	r.away()
	r.told("taken, and there again", "")
}

// How long is waited for the next what-if counts the failures of one bundle under one configuration.
func TestGivenUpIsOfOneBundle(t *testing.T) {
	t.Parallel()
	r := newBundleRounds(t)
	r.asking = make(whatIf) // the log's disk hangs all the time
	fail := func(when string, want int) {
		t.Helper()
		r.again = time.Now()
		r.told(when, errWhatIf.Error())
		if r.givenUp != want {
			t.Errorf("%s: %d failures in a row, want %d", when, r.givenUp, want)
		}
	}
	seven := r.bundle(7, "stable", "*", "", "a.example.com").signed(r.alice)
	r.publish(seven)
	fail("the first one", 1)
	fail("again", 2)
	r.publish(seven) // as a server without ETags does
	if r.told("the same one, too early", errWhatIf.Error()); r.givenUp != 2 {
		t.Errorf("the same one, too early: %d failures in a row, want 2", r.givenUp)
	}
	r.publish(r.bundle(8, "stable", "*", "", "a.example.com").signed(r.alice))
	fail("another bundle", 1)
	fail("again", 2)
	r.configure("oslo")
	fail("another configuration", 1)
}

// A bundle that could not be stored, as on a full disk, is not refused for good: it is taken when it can be.
func TestBundleIsStoredLater(t *testing.T) {
	t.Parallel()
	r := newBundleRounds(t)
	file := config.BundleFile(r.attackedSite.config)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(r.dir, "nowhere"), file); err != nil { // nothing is written through it
		t.Skip(err)
	}
	if _, err := os.Lstat(file); err != nil { // wine says that it has made one
		t.Skip(err)
	}
	r.publish(r.bundle(7, "stable", "*", "", "a.example.com").signed(r.alice))
	r.told("it cannot be stored", errNotStored.Error())
	if r.again.IsZero() {
		t.Error("it is not tried again")
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	r.again = time.Now()
	r.told("it can be stored", "")
	if _, err := os.Stat(file); err != nil {
		t.Error(err)
	}
}
