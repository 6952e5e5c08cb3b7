package dashboard

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"
)

// A Status is what is to be known of a running proxy at a glance. The zero Status is not ready.
// It is safe for concurrent use.
type Status struct {
	mu        sync.Mutex // guards all below
	ready     bool
	digest    string
	installed time.Time
	problem   string // why the configuration on disk is not in force; empty if it is
	refused   time.Time
	pending   []string // settings that are on disk and not in force
	unsteady  []string // files of which an earlier content is in force
	// Lockdown says which lockdown is on; empty if none is. It is nil, or set before the Status is used.
	Lockdown func(now time.Time) string
}

// SetReady says whether the proxy takes requests; it does not before it serves and while it drains.
func (s *Status) SetReady(ready bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ready = ready
}

// Installed says that the configuration on disk is in force, with the policy of that digest, but for pending, the names
// of settings that hold only after a restart, and for unsteady, files of which an earlier content counts.
func (s *Status) Installed(digest string, now time.Time, pending, unsteady []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.digest != digest {
		s.digest, s.installed = digest, now
	}
	s.problem, s.pending, s.unsteady = "", pending, unsteady
}

// Refused says that the configuration on disk could not be put in force, and why.
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

// A State is what a Status holds at one moment.
type State struct {
	Ready     bool
	Digest    string    // of the policy in force
	Installed time.Time // and since when it is
	Problem   string    // why the configuration on disk is not in force; empty if it is
	Refused   time.Time // when that was found
}

// State returns what s holds now.
func (s *Status) State() State {
	s.mu.Lock()
	defer s.mu.Unlock()
	return State{Ready: s.ready, Digest: s.digest, Installed: s.installed, Problem: s.problem, Refused: s.refused}
}

// write answers /readyz: 503 if no requests are taken, or all are refused. A configuration that was refused is told, but
// the proxy goes on with the one before.
func (s *Status) write(w http.ResponseWriter, now time.Time, refusing bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	word := "ready"
	if !s.ready || refusing {
		word = "not ready"
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	fmt.Fprintf(w, "%s\npolicy %s, in force for %s\n", word, s.digest, now.Sub(s.installed).Round(time.Second))
	if s.Lockdown != nil {
		if on := s.Lockdown(now); on != "" {
			fmt.Fprintln(w, "lockdown "+on)
		}
	}
	if s.problem == "" {
		fmt.Fprintln(w, "configuration on disk: "+s.inForce())
		return
	}
	fmt.Fprintf(w, "configuration on disk: refused %s ago, the policy before it stays in force\n%s\n", now.Sub(s.refused).Round(time.Second), s.problem)
}

// inForce says how much of the configuration on disk is in force, none of which was refused. s.mu is held.
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

// A snapshot is a Status at one time.
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
