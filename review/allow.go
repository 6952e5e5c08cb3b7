package review

import (
	"fmt"
	"time"

	"webproxy/audit"
	"webproxy/audit/replay"
	"webproxy/config"
	"webproxy/internal/setting"
	"webproxy/internal/wording"
	"webproxy/learn"
	"webproxy/policy"
)

// An Allowance is one entry that is allowed until a time. Nothing is written before Commit.
type Allowance struct {
	Change
	Entry policy.Entry
	Line  string         // the line that is added
	File  string         // the list file that it is added to, as policy.rules names it
	Next  *config.Config // the configuration with it
}

// Allow prepares, in memory, to allow an entry such as "www.example.com:443" until a time. It goes to the list of group, or if
// that is empty to one for all groups.
func (w Writer) Allow(entry, group, reason string, until time.Time) (*Allowance, error) {
	if w.Config.Path == "" {
		return nil, ErrBuiltIn
	}
	item := learn.Item{Group: group, Entry: entry, Answer: learn.Approve, By: w.By, Reason: reason, Expires: until.UTC().Format(time.RFC3339)}
	lines, err := item.Lines()
	if err != nil {
		return nil, err
	}
	parsed, err := policy.ParseEntry(lines[0])
	if err != nil {
		return nil, err
	}
	rule, err := w.ListFor(group)
	if err != nil {
		return nil, err
	}
	a := Application{Change: newChange(w.Config), writer: w, added: map[string]int{}}
	if err := a.append(rule.File, lines); err != nil {
		return nil, err
	}
	next, err := config.LoadWith(w.Config.Path, a.files)
	if err != nil {
		return nil, err
	}
	return &Allowance{Change: a.Change, Entry: parsed, Line: lines[0], File: rule.File, Next: next}, nil
}

// Requests returns examples of requests that the entry matches, by a client of the group, one for each scheme and port; for a
// wildcard, to one host that it matches.
func (a *Allowance) Requests(group string, now time.Time) []policy.Request {
	host := a.Entry.Host.String()
	if a.Entry.Host.IsWildcard() {
		host = a.Entry.Host.Examples()[0]
	}
	var all []policy.Request
	for _, r := range a.Next.Set.Rules() {
		if r.Deny || r.Host != a.Entry.Host || !r.Expires.Equal(a.Entry.Expires.Time()) {
			continue
		}
		for _, scheme := range []policy.Scheme{policy.HTTP, policy.HTTPS} {
			for _, port := range r.Ports(scheme) {
				authority := fmt.Sprintf("%s:%d", host, port)
				if a.Entry.Host.IsAddr() {
					authority = fmt.Sprintf("[%s]:%d", host, port)
				}
				target, err := policy.ParseTarget(scheme, authority)
				if err != nil {
					if target, err = policy.ParseTarget(scheme, fmt.Sprintf("%s:%d", host, port)); err != nil {
						continue
					}
				}
				method := "GET"
				if scheme == policy.HTTPS {
					method = "CONNECT"
				}
				all = append(all, policy.Request{Time: now, Group: group, Method: method, Target: target, Path: examplePath(a.Entry.Path, scheme), Query: a.Entry.Query})
			}
		}
		break
	}
	return all
}

// examplePath is the path of an example request to which an entry with path applies.
func examplePath(path string, scheme policy.Scheme) string {
	switch {
	case scheme == policy.HTTPS:
		return "" // cannot be seen
	case path == "":
		return "/"
	}
	if n := len(path); path[n-1] == '*' {
		return path[:n-1]
	}
	return path
}

// Replay finds which refused requests of the log in dir the entry would have let through.
func (a *Allowance) Replay(dir string, back setting.Duration, now time.Time, watch Watch) (*Safe, error) {
	before, after := replay.New(a.cfg.Set), replay.New(a.Next.Set)
	found, err := refused(dir, back, now, watch, "", nil, func(r *audit.Record) bool {
		was, skipped := before.Decide(r)
		if skipped != "" || was.Decision == policy.Allowed {
			return false
		}
		is, skipped := after.Decide(r)
		return skipped == "" && is.Decision == policy.Allowed
	})
	if err != nil {
		return nil, err
	}
	return &Safe{clientTally: found}, nil
}

// refused counts the requests of the log that were refused, or that learn mode let through, and for which counts is true. only,
// if not empty, is an expression that all of these match, so that other records need not be parsed. byRow, if not nil, is counts for
// all records of a summary's row at once; known is false if it cannot tell.
func refused(dir string, back setting.Duration, now time.Time, watch Watch, only string, byRow func(*audit.Row) (counts, known bool), counts func(*audit.Record) bool) (found clientTally, err error) {
	text := "type in (egress.decision, egress.repeat) and decision in (deny, would_deny)"
	if only != "" {
		text += " and " + only
	}
	q, err := audit.ParseQuery(text)
	if err != nil {
		return found, err
	}
	o := audit.ScanOptions{Since: now.Add(-time.Duration(back)), Where: q}
	var done func(*audit.Stats)
	o.Progress, done = watch.begin("replay")
	var suffice func(*audit.Row) bool
	if byRow != nil {
		suffice = func(row *audit.Row) bool { _, known := byRow(row); return known }
	}
	stats, err := audit.ScanRows(dir, o, suffice, func(row *audit.Row) error {
		if yes, _ := byRow(row); yes && row.Requests > row.Late {
			r := row.Record()
			found.count(&r, row.Requests-row.Late) // the end of a request is no request
		}
		return nil
	}, func(r *audit.Record) error {
		if counts(r) {
			found.add(r)
		}
		return nil
	})
	done(&stats)
	return found, err
}

// Breadth says in words what the entry allows: which hosts, by CONNECT or plain HTTP, on which ports.
func (a *Allowance) Breadth() string {
	host := a.Entry.Host.Unicode()
	if a.Entry.Host.IsWildcard() {
		e := a.Entry.Host.Examples()
		host += " (any such name: " + e[0] + ", " + e[1] + ")"
	}
	var forms []string
	for _, req := range a.Requests("", time.Time{}) {
		form := "CONNECT"
		if req.Target.Scheme() == policy.HTTP {
			form = "plain HTTP"
		}
		forms = append(forms, fmt.Sprintf("%s on port %d", form, req.Target.Port()))
	}
	for i, f := range forms {
		if i == 0 {
			host += " by " + f
		} else {
			host += ", " + f
		}
	}
	if a.Entry.Path != "" {
		host += ", only the path " + a.Entry.Path
	}
	return host
}

// For says which client groups the entry's list is for.
func (a *Allowance) For() string {
	for _, r := range a.cfg.Policy.Rules {
		if r.File != a.File {
			continue
		}
		switch len(r.For) {
		case 0:
			return "all client groups"
		case 1:
			return "client group " + r.For[0]
		}
		return wording.Plural(len(r.For), "client group")
	}
	return ""
}
