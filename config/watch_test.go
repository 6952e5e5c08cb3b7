package config

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"webproxy/internal/atomicfile"
	"webproxy/internal/proxytest"
)

// byEvents looks at files when there are events, and never otherwise: what passes with it does not
// owe it to polling.
var byEvents = timing{quiet: 5 * time.Millisecond, patient: time.Second, confirm: 5 * time.Millisecond, poll: time.Hour, give: 10 * time.Second}

// byPolling has no events.
var byPolling = timing{quiet: time.Hour, patient: time.Hour, confirm: 5 * time.Millisecond, poll: 10 * time.Millisecond, give: 10 * time.Second, noEvents: true}

// A watching is a Watcher of a configuration of one rule and one list, and what it reports.
type watching struct {
	*Watcher
	t       *testing.T
	path    string
	reports chan report
}

type report struct {
	config *Config
	err    error
}

// watch starts a Watcher of path and closes it at the end of the test.
func watch(t *testing.T, path string, how timing) *watching {
	t.Helper()
	proxytest.NoneLeft(t)
	current, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	w := &watching{t: t, path: path, reports: make(chan report)}
	ctx, cancel := context.WithCancel(t.Context())
	w.Watcher = Watch(ctx, path, WatchOptions{Current: current, timing: how}, func(c *Config, err error) {
		select {
		case w.reports <- report{c, err}:
		case <-ctx.Done():
		}
	})
	t.Cleanup(func() {
		cancel()
		w.Close()
	})
	return w
}

// next waits for a report.
func (w *watching) next() report {
	w.t.Helper()
	select {
	case r := <-w.reports:
		return r
	case <-time.After(20 * time.Second):
		w.t.Fatal("nothing reported")
		return report{}
	}
}

// wantRule waits until a Config with the rule id is reported. On the way there may be reports of
// what the files were in between.
func (w *watching) wantRule(id string) {
	w.t.Helper()
	for {
		if r := w.next(); r.err == nil && r.config.Policy.Rules[0].ID == id {
			return
		}
	}
}

// wantProblem waits until problems are reported that contain text.
func (w *watching) wantProblem(text string) {
	w.t.Helper()
	for {
		r := w.next()
		if r.err == nil {
			continue
		}
		if r.config != nil {
			w.t.Fatal("problems, and a Config besides")
		}
		if strings.Contains(r.err.Error(), text) {
			return
		}
	}
}

// rule is a configuration whose first rule has the given id.
func rule(id string) string {
	return fmt.Sprintf("policy:\n  rules:\n    - { id: %s, hosts: [www.example.com] }\n    - { id: list, file: lists/approved.txt }\n", id)
}

// site makes a configuration in dir, and returns its path.
func site(t *testing.T, dir string) string {
	t.Helper()
	put(t, filepath.Join(dir, "lists", "approved.txt"), "www.example.org\n")
	path := filepath.Join(dir, "webproxy.yaml")
	put(t, path, rule("first"))
	return path
}

func put(t *testing.T, path, text string) {
	t.Helper()
	must(t, os.MkdirAll(filepath.Dir(path), 0o755))
	must(t, os.WriteFile(path, []byte(text), 0o644))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Each way in which people and programs change a file is noticed, and a second time too: a watch
// that is set on the file itself would be dead by then.
func TestWatchChanges(t *testing.T) {
	changes := map[string]func(t *testing.T, path, text string){
		"truncate and write": put,
		"rename over": func(t *testing.T, path, text string) {
			put(t, path+".tmp", text)
			must(t, os.Rename(path+".tmp", path))
		},
		"delete and create": func(t *testing.T, path, text string) {
			must(t, os.Remove(path))
			put(t, path, text)
		},
		"vim": func(t *testing.T, path, text string) {
			must(t, os.Rename(path, path+"~"))
			put(t, path, text)
			must(t, os.Remove(path+"~"))
		},
		"in pieces": func(t *testing.T, path, text string) {
			f, err := os.Create(path)
			must(t, err)
			for _, c := range []byte(text) {
				_, err := f.Write([]byte{c})
				must(t, err)
			}
			must(t, f.Close())
		},
	}
	for name, change := range changes {
		for how, timing := range map[string]timing{"events": byEvents, "polling": byPolling} {
			t.Run(name+" by "+how, func(t *testing.T) {
				path := site(t, t.TempDir())
				w := watch(t, path, timing)
				for _, id := range []string{"second", "third", "fourth"} {
					change(t, path, rule(id))
					w.wantRule(id)
				}
			})
		}
	}
}

func TestWatchList(t *testing.T) {
	path := site(t, t.TempDir())
	w := watch(t, path, byEvents)
	list := filepath.Join(filepath.Dir(path), "lists", "approved.txt")
	put(t, list, "www.example.org\nwww.example.net\n")
	for r := w.next(); r.err != nil || r.config.Set.Len() != 3; r = w.next() {
	}
	put(t, list, "www.example.org\n*\n")
	w.wantProblem("approved.txt:2:1")
	must(t, os.Remove(list))
	w.wantProblem("no such file")
	put(t, list, "www.example.org\n")
	w.wantRule("first")
}

// A list that a new configuration names is watched from then on, though it is not there yet, and
// neither, perhaps, is its directory.
func TestWatchNewList(t *testing.T) {
	for _, made := range []bool{true, false} {
		dir := t.TempDir()
		path := site(t, dir)
		if made {
			must(t, os.Mkdir(filepath.Join(dir, "more"), 0o755))
		}
		w := watch(t, path, byEvents)
		list := filepath.Join(dir, "more", "hosts.txt")
		put(t, path, strings.ReplaceAll(rule("second"), "lists/approved.txt", "more/hosts.txt"))
		w.wantProblem("more/hosts.txt")
		put(t, list, "www.example.org\n")
		w.wantRule("second")
		put(t, list, "*.\n")
		w.wantProblem("hosts.txt:1:1")
	}
}

// The authorities for inspection belong to the configuration: a root that is replaced, and an authority that is made.
func TestWatchInspection(t *testing.T) {
	for how, timing := range map[string]timing{"events": byEvents, "polling": byPolling} {
		t.Run(how, func(t *testing.T) {
			path := site(t, t.TempDir())
			dir := filepath.Dir(path)
			put(t, path, "inspection: { dir: authority, roots: [private.pem] }\npolicy: { rules: [{ id: in, url: \"https://www.example.com/x\", inspect: true }] }\n")
			w := watch(t, path, timing)
			for _, change := range []func(){
				func() { must(t, atomicfile.Write(filepath.Join(dir, "private.pem"), []byte("first"), 0o644)) },
				func() { must(t, atomicfile.Write(filepath.Join(dir, "private.pem"), []byte("second"), 0o644)) },
				func() { must(t, os.Mkdir(filepath.Join(dir, "authority"), 0o700)) },
				func() { put(t, filepath.Join(dir, "authority", "root-1.key"), "key") },
				func() { must(t, os.Remove(filepath.Join(dir, "authority", "root-1.key"))) },
			} {
				change()
				w.wantRule("in")
			}
		})
	}
}

func TestWatchBadFiles(t *testing.T) {
	for name, tt := range map[string]struct{ text, want string }{
		"empty":   {"", "empty"},
		"half":    {strings.TrimSuffix(rule("second"), ".txt }\n"), "does not end"},
		"syntax":  {"policy: [\n", "webproxy.yaml:1:"},
		"setting": {"polcy: {}\n", `did you mean "policy"`},
	} {
		t.Run(name, func(t *testing.T) {
			path := site(t, t.TempDir())
			w := watch(t, path, byEvents)
			put(t, path, tt.text)
			w.wantProblem(tt.want)
			put(t, path, rule("third"))
			w.wantRule("third")
		})
	}
}

func TestWatchUnreadable(t *testing.T) {
	if runtime.GOOS == "windows" || os.Geteuid() == 0 {
		t.Log("permissions do not stop this user: a directory takes the file's name instead")
	}
	path := site(t, t.TempDir())
	w := watch(t, path, byEvents)
	must(t, os.Remove(path))
	must(t, os.Mkdir(path, 0o755))
	w.wantProblem("directory")
	must(t, os.Remove(path))
	w.wantProblem("no such file")
	put(t, path, rule("second"))
	w.wantRule("second")
	if runtime.GOOS != "windows" && os.Geteuid() != 0 {
		must(t, os.Chmod(path, 0))
		w.wantProblem("permission denied")
	}
}

// What is written again as it was is not reported; a reload that is asked for is, even so.
func TestWatchSame(t *testing.T) {
	path := site(t, t.TempDir())
	w := watch(t, path, byEvents)
	for _, id := range []string{"first", "second"} { // whole, so that there is no other report in between
		must(t, atomicfile.Write(path, []byte(rule(id)), 0o644))
	}
	if r := w.next(); r.err != nil || r.config.Policy.Rules[0].ID != "second" {
		t.Errorf("reported %v, %v; want the second rule at once", r.config, r.err)
	}
	w.Reload()
	if r := w.next(); r.err != nil || r.config.Policy.Rules[0].ID != "second" {
		t.Errorf("reported %v, %v; want the same again", r.config, r.err)
	}
}

// A change between Load and Watch is not lost.
func TestWatchMissedChange(t *testing.T) {
	proxytest.NoneLeft(t)
	path := site(t, t.TempDir())
	current, err := Load(path)
	must(t, err)
	put(t, path, rule("second"))
	got := make(chan string, 1)
	w := Watch(t.Context(), path, WatchOptions{Current: current, timing: byEvents}, func(c *Config, err error) {
		must(t, err)
		got <- c.Policy.Rules[0].ID
	})
	defer w.Close()
	if id := <-got; id != "second" {
		t.Errorf("reported rule %q, want second", id)
	}
}

// Phases that a command switches on come into force.
func TestWatchPhases(t *testing.T) {
	path := site(t, t.TempDir())
	put(t, path, "policy:\n  phases: { onboarding: {} }\n"+strings.TrimPrefix(rule("first"), "policy:\n"))
	w := watch(t, path, byEvents)
	until := time.Now().Add(time.Hour).Truncate(time.Second)
	must(t, StartPhase(path, "onboarding", until, "alice", "CHG-1"))
	if r := w.next(); r.err != nil || !r.config.Policy.Phases["onboarding"].Until.Equal(until) {
		t.Errorf("reported %+v, %v; want onboarding until %v", r.config, r.err, until)
	}
	must(t, StopPhase(path, "onboarding"))
	if r := w.next(); r.err != nil || !r.config.Policy.Phases["onboarding"].Until.IsZero() {
		t.Errorf("reported %+v, %v; want onboarding stopped", r.config, r.err)
	}
}

// Closing waits for onChange, and ends a Watcher in whatever state it is.
func TestWatchClose(t *testing.T) {
	proxytest.NoneLeft(t)
	path := site(t, t.TempDir())
	running, finish := make(chan bool), make(chan bool)
	returned := false
	w := Watch(t.Context(), path, WatchOptions{timing: byEvents}, func(*Config, error) {
		close(running)
		<-finish
		returned = true
	})
	<-running
	go close(finish)
	w.Close() // the race detector sees it if this does not wait
	if !returned {
		t.Error("Close returned before onChange did")
	}
	w.Close()
}

// Events that were lost, as by an overflow, are made up for, and those to come are not.
func TestWatchLostEvents(t *testing.T) {
	path := site(t, t.TempDir())
	w := watch(t, path, byEvents)
	put(t, path, rule("second"))
	w.wantRule("second")
	for i := range 3 {
		before := w.events
		before.Errors <- errors.New("overflow")
		id := fmt.Sprintf("third-%d", i)
		put(t, path, rule(id))
		w.wantRule(id)
		if w.events == before {
			t.Error("the watch that lost events is still in use")
		}
	}
}
