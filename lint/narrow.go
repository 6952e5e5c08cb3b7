package lint

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"webproxy/audit"
	"webproxy/policy"
)

const (
	maxSeen   = 100_000 // hosts that are remembered of a log: bounded memory, whatever clients asked for
	maxHosts  = 100     // that a finding lists
	maxSpoken = 5       // that its fix names
)

// narrow looks in the audit log for the hosts that were really reached under wildcards on shared
// domains. The log is read only if there is such a wildcard.
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
	hosts, err := l.hostsSeen()
	if err != nil {
		return fmt.Errorf("look for narrower hosts: %w", err)
	}
	for host, n := range hosts {
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
			w.say(l.Since.Format("2006-01-02"))
		}
	}
	return nil
}

// A wildcard is a finding about one, and the hosts under it that the log has, with their counts.
type wildcard struct {
	finding *Finding
	pattern policy.Pattern
	seen    map[string]int
}

// hostsSeen counts the requests that were let through by host.
func (l *linter) hostsSeen() (map[string]int, error) {
	hosts := map[string]int{}
	_, err := audit.Scan(l.Log, audit.ScanOptions{Since: l.Since}, func(r audit.Record) error {
		if r.Type != audit.TypeDecision || r.Decision != "allow" {
			return nil
		}
		if _, known := hosts[r.Host]; known || len(hosts) < maxSeen {
			hosts[strings.Clone(r.Host)]++
		}
		return nil
	})
	return hosts, err
}

// say puts the hosts into the finding's fix.
func (w *wildcard) say(since string) {
	if len(w.seen) == 0 {
		w.finding.Fix = fmt.Sprintf("nothing below it was asked for since %s, says the audit log: remove it, or name the hosts that are needed", since)
		return
	}
	names := slices.SortedFunc(maps.Keys(w.seen), func(a, b string) int {
		return cmp.Or(cmp.Compare(w.seen[b], w.seen[a]), strings.Compare(a, b))
	})
	w.finding.Hosts = names[:min(len(names), maxHosts)]
	spoken := strings.Join(names[:min(len(names), maxSpoken)], ", ")
	if more := len(names) - maxSpoken; more > 0 {
		spoken += fmt.Sprintf(" and %d more", more)
	}
	w.finding.Fix = fmt.Sprintf("name the hosts that are needed; since %s the audit log has %s", since, spoken)
}
