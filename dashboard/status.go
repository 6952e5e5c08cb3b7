package dashboard

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// A Status is a summary of the state of a running proxy. The zero Status is not ready.
// It is safe for concurrent use.
type Status struct {
	mu        sync.Mutex // guards all below
	ready     bool
	digest    string
	installed time.Time
	problem   string // why the configuration on disk is not in force; empty if it is
	refused   time.Time
	pending   []string // settings on disk that are not in force
	unsteady  []string // files whose earlier content is in force
	// Lockdown describes the lockdown that is on; empty if there is none. It is nil, or set before the Status is used.
	Lockdown func(now time.Time) string
	// Bundle is one line about the policy bundle in force, and why the next one is not taken; empty if none is configured. It is nil, or set
	// before the Status is used.
	Bundle func() string
}

// SetReady sets whether the proxy accepts requests: not before it serves and not while it drains.
func (s *Status) SetReady(ready bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ready = ready
}

// Installed sets that the configuration on disk is in force, with the policy of that digest, except for pending, the names
// of settings that need a restart, and unsteady, files whose earlier content is in force.
func (s *Status) Installed(digest string, now time.Time, pending, unsteady []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.digest != digest {
		s.digest, s.installed = digest, now
	}
	s.problem, s.pending, s.unsteady = "", pending, unsteady
}

// Refused sets that the configuration on disk was refused, and why.
func (s *Status) Refused(problem string, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.problem, s.refused = problem, now
}

// Age is how long the policy has been in force.
func (s *Status) Age(now time.Time) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return now.Sub(s.installed)
}

// A State is a copy of a Status.
type State struct {
	Ready     bool
	Digest    string    // of the policy in force
	Installed time.Time // and when it was installed
	Problem   string    // why the configuration on disk is not in force; empty if it is
	Refused   time.Time // when that was found
}

// State returns the current state of s.
func (s *Status) State() State {
	s.mu.Lock()
	defer s.mu.Unlock()
	return State{Ready: s.ready, Digest: s.digest, Installed: s.installed, Problem: s.problem, Refused: s.refused}
}

// write serves /readyz: 503 if no requests are accepted, or all are refused. A refused configuration is reported, but
// is not a 503: the previous one is in force.
func (s *Status) write(w http.ResponseWriter, now time.Time, refusing bool) {
	ready, text := s.text(now, refusing) // nobody waits for a slow client
	if !ready {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	io.WriteString(w, text)
}

// text is the body of /readyz, and whether requests are accepted.
func (s *Status) text(now time.Time, refusing bool) (ready bool, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var b strings.Builder
	ready = s.ready && !refusing
	word := "ready"
	if !ready {
		word = "not ready"
	}
	fmt.Fprintf(&b, "%s\npolicy %s, in force for %s\n", word, s.digest, now.Sub(s.installed).Round(time.Second))
	if s.Lockdown != nil {
		if on := s.Lockdown(now); on != "" {
			fmt.Fprintln(&b, "lockdown "+on)
		}
	}
	if s.Bundle != nil {
		if text := s.Bundle(); text != "" {
			fmt.Fprintln(&b, "bundle "+text)
		}
	}
	if s.problem == "" {
		fmt.Fprintln(&b, "configuration on disk: "+s.inForce())
	} else {
		fmt.Fprintf(&b, "configuration on disk: refused %s ago, the policy before it stays in force\n%s\n", now.Sub(s.refused).Round(time.Second), s.problem)
	}
	return ready, b.String()
}

// inForce says how much of a configuration on disk that was not refused is in force. s.mu is held.
func (s *Status) inForce() string {
	var but []string
	if len(s.pending) > 0 {
		but = append(but, strings.Join(s.pending, ", ")+": not in force until a restart")
	}
	if len(s.unsteady) > 0 {
		but = append(but, strings.Join(s.unsteady, ", ")+": changed faster than it could be read, its content before that is in force")
	}
	if len(but) == 0 {
		return "in force"
	}
	return "in force, but for " + strings.Join(but, "; and for ")
}

// A snapshot is a copy of a Status, for the pages.
type snapshot struct {
	Ready     bool
	Digest    string
	Installed time.Time
	Problem   string // why the configuration on disk is not in force; empty if it is
	Disk      string // how much of it is
}

func (s *Status) snapshot() snapshot {
	s.mu.Lock()
	defer s.mu.Unlock()
	return snapshot{s.ready, s.digest, s.installed, s.problem, s.inForce()}
}
