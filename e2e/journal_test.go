//go:build e2e

package e2e

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"webproxy/audit"
)

// An installed is a policy that was applied, and where the audit log says so.
type installed struct {
	digest  string
	version version
	seq     uint64
}

// A journal follows the audit log while it is written, and has the policies in force so
// far. It is safe for concurrent use; after it was stopped, its fields may be read.
type journal struct {
	t *testing.T

	mu        sync.Mutex // guards both
	installed []installed
	refused   int
}

// follow reads the live file of the site's log until the test ends. It returns when it has the
// policy that the process started with.
func follow(t *testing.T, s *site) *journal {
	t.Helper()
	f, err := os.Open(filepath.Join(s.audit(), "audit.ndjson"))
	if err != nil {
		t.Fatal(err)
	}
	j := &journal{t: t}
	stop := make(chan struct{})
	var reading sync.WaitGroup
	reading.Go(func() { j.read(f, stop) })
	t.Cleanup(func() { close(stop); reading.Wait(); f.Close() })
	eventually(t, "the start is recorded", func() bool { return j.current().seq != 0 })
	return j
}

// read reads lines as they are written, until stop is closed.
func (j *journal) read(f *os.File, stop <-chan struct{}) {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	lines := bufio.NewReaderSize(f, 1<<20)
	var begun []byte // of a line whose end has not been written
	for {
		part, err := lines.ReadSlice('\n')
		begun = append(begun, part...)
		switch err {
		case nil:
			j.take(begun)
			begun = begun[:0]
		case io.EOF:
			select {
			case <-stop:
				return
			case <-tick.C:
			}
		default:
			j.t.Errorf("follow the audit log: %v", err)
			return
		}
	}
}

// marked finds the hosts that have the numbers of parts.
var marked = regexp.MustCompile(`\b(main|list|deny)-(\d+)\.test\b`)

// take processes a line.
func (j *journal) take(line []byte) {
	if !bytes.Contains(line, []byte(`"admin.reload"`)) && !bytes.Contains(line, []byte(`"system.start"`)) {
		return
	}
	r, err := audit.Decode(line)
	if err != nil {
		j.t.Errorf("the audit log has the line %q: %v", line, err)
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	switch {
	case r.Type == audit.TypeStart:
		j.installed = append(j.installed, installed{digest: r.Policy, seq: r.Seq})
	case strings.HasPrefix(r.Detail, "refused"):
		j.refused++
	default:
		j.install(r)
	}
}

// install processes a reload record: the added hosts give the new version.
func (j *journal) install(r audit.Record) {
	before := j.installed[len(j.installed)-1]
	if r.PolicyOld != before.digest {
		j.t.Errorf("seq %d: replaces %s, but %s was in force", r.Seq, r.PolicyOld, before.digest)
	}
	now := installed{r.Policy, before.version, r.Seq}
	for _, m := range marked.FindAllStringSubmatch(strings.Join(r.Added, "\n"), -1) {
		n, err := strconv.Atoi(m[2])
		if err != nil {
			j.t.Errorf("seq %d: %q: %v", r.Seq, m[0], err)
		}
		now.version[slices.Index(marks[:], m[1])] = n
	}
	j.installed = append(j.installed, now)
}

// current is the policy in force according to the log.
func (j *journal) current() installed {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.installed) == 0 {
		return installed{}
	}
	return j.installed[len(j.installed)-1]
}

// installs is the number of applied policies.
func (j *journal) installs() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(j.installed)
}

// refusals is the number of reloads that were refused.
func (j *journal) refusals() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.refused
}
