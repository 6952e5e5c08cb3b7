package lint

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"webproxy/audit"
	"webproxy/policy"
)

const (
	maxSeen  = 100_000 // hosts that are remembered of a log: bounded memory, whatever clients asked for
	maxHosts = 100     // that a finding lists
	maxNamed = 5       // that its fix names

	// enoughLog is how long a log must be before a host that it does not have counts as unused.
	enoughLog = 21 * 24 * time.Hour
)

// narrow looks in the audit log for the hosts that were allowed below wildcards on shared domains. The log is read only if
// there is such a wildcard.
func (l *linter) narrow(found []Finding) error {
	wide := map[string][]*wildcard{} // by the tail
	for i := range found {
		if f := &found[i]; f.Code == SharedSuffix && l.Log != "" {
			p, err := policy.ParsePattern(f.Entry)
			if err != nil {
				continue
			}
			wide[p.Tail()] = append(wide[p.Tail()], &wildcard{finding: f, pattern: p, seen: map[string]int{}})
		}
	}
	if len(wide) == 0 {
		return nil
	}
	seen, err := l.hostsSeen()
	if err != nil {
		return fmt.Errorf("look for narrower hosts: %w", err)
	}
	for host, n := range seen.hosts {
		for tail := parentOf(host); tail != ""; tail = parentOf(tail) {
			for _, w := range wide[tail] {
				if w.pattern.Matches(host) {
					w.seen[host] = n
				}
			}
		}
	}
	for _, all := range wide {
		for _, w := range all {
			w.say(seen)
		}
	}
	return nil
}

// A wildcard is a finding about a wildcard, and the hosts below it that the log has, with their counts.
type wildcard struct {
	finding *Finding
	pattern policy.Pattern
	seen    map[string]int
}

// A logHosts is what the log has: the requests that were let through, counted by host, and from when to when it reaches.
type logHosts struct {
	hosts       map[string]int
	first, last time.Time
}

// length says how long the log is, for people.
func (s *logHosts) length() string {
	switch d := s.last.Sub(s.first); {
	case d >= 48*time.Hour:
		return fmt.Sprintf("%d days", int(d.Hours()/24))
	case d >= 2*time.Hour:
		return fmt.Sprintf("%d hours", int(d.Hours()))
	default:
		return fmt.Sprintf("%d minutes", int(d.Minutes()))
	}
}

// hostsSeen reads the log.
func (l *linter) hostsSeen() (*logHosts, error) {
	seen := &logHosts{hosts: map[string]int{}}
	_, err := audit.Scan(l.Log, audit.ScanOptions{Since: l.Since}, func(r audit.Record) error {
		if r.Type != audit.TypeDecision {
			return nil
		}
		if seen.first.IsZero() || r.Time.Before(seen.first) {
			seen.first = r.Time
		}
		if r.Time.After(seen.last) {
			seen.last = r.Time
		}
		if r.Decision != policy.Allowed {
			return nil
		}
		if _, known := seen.hosts[r.Host]; known || len(seen.hosts) < maxSeen {
			seen.hosts[strings.Clone(r.Host)]++
		}
		return nil
	})
	return seen, err
}

// say puts the hosts into the finding's fix. It advises to remove an unused entry only if the log reaches back for weeks.
func (w *wildcard) say(log *logHosts) {
	since := log.first.UTC().Format("2006-01-02")
	short := log.last.Sub(log.first) < enoughLog
	switch {
	case log.first.IsZero():
		w.finding.Fix = "name the hosts that are needed; the audit log has no request yet, so it cannot say which: let it run for some weeks first"
		return
	case len(w.seen) == 0 && short:
		w.finding.Fix = fmt.Sprintf("name the hosts that are needed; the audit log is of %s only (since %s) and has none of them, which says little: let it run for some weeks first",
			log.length(), since)
		return
	case len(w.seen) == 0:
		w.finding.Fix = fmt.Sprintf("nothing below it was asked for in the %s since %s, says the audit log: remove it, or name the hosts that are needed",
			log.length(), since)
		return
	}
	names := slices.SortedFunc(maps.Keys(w.seen), func(a, b string) int {
		return cmp.Or(cmp.Compare(w.seen[b], w.seen[a]), strings.Compare(a, b))
	})
	w.finding.Hosts = names[:min(len(names), maxHosts)]
	spoken := strings.Join(names[:min(len(names), maxNamed)], ", ")
	if more := len(names) - maxNamed; more > 0 {
		spoken += fmt.Sprintf(" and %d more", more)
	}
	w.finding.Fix = fmt.Sprintf("name the hosts that are needed; since %s the audit log has %s", since, spoken)
	if short {
		w.finding.Fix += fmt.Sprintf(" (it is of %s only: let it run for some weeks first)", log.length())
	}
}
