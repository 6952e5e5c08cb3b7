// Package adminrecord compares two configurations and makes audit records of the decisions of people between them. It is pure: it
// reads and writes no files.
package adminrecord

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"webproxy/audit"
	"webproxy/config"
	"webproxy/internal/wording"
	"webproxy/learn"
	"webproxy/policy"
)

// Between returns records of the decisions between the configurations old and new: approved entries, rejected and snoozed
// proposals, switched modes and phases, started and ended lockdowns. Who decided, and why, is in the files. The error says that
// learn.yaml cannot be read; the other records are complete.
func Between(old, new *config.Config, now time.Time) ([]audit.Record, error) {
	before, errBefore := learn.ParseDecisions(old.Decisions)
	after, err := learn.ParseDecisions(new.Decisions)
	records := approvals(old.Set, new.Set)
	if errBefore == nil && err == nil { // otherwise every old decision would count as new
		records = append(records, decisions(before, after)...)
	}
	records = append(records, switches(old.Set, new.Set, after)...)
	records = append(records, phases(old.Started, new.Started, now)...)
	records = append(records, lockdowns(old.Lockdown, new.Lockdown, now)...)
	for i := range records {
		records[i].Policy = new.Set.Digest()
	}
	return records, err
}

// approvals returns the approved entries that new has and old does not, one record for each person, reason and file.
func approvals(old, new *policy.Set) []audit.Record {
	type approval struct{ entry, by, reason string }
	had := map[approval]bool{}
	for _, r := range old.Approved() {
		had[approval{r.String(), r.By, r.Reason}] = true
	}
	type act struct{ by, reason, file string }
	found := map[act]*audit.Record{}
	var order []*audit.Record
	for _, r := range new.Approved() {
		if r.Deny || had[approval{r.String(), r.By, r.Reason}] {
			continue
		}
		k := act{r.By, r.Reason, fileOf(r.Source)}
		record := found[k]
		if record == nil {
			record = &audit.Record{Type: audit.TypeApprove, By: r.By, Ticket: r.Reason}
			found[k] = record
			order = append(order, record)
		}
		record.Added = append(record.Added, r.String())
		record.Detail = fmt.Sprintf("%s approved in %s", wording.Plural(len(record.Added), "entry"), k.file)
	}
	records := make([]audit.Record, 0, len(order))
	for _, r := range order {
		records = append(records, *r)
	}
	return records
}

// fileOf is the file of a place such as "lists/approved.txt:4".
func fileOf(source string) string {
	if i := strings.LastIndexByte(source, ':'); i > 0 {
		return source[:i]
	}
	return source
}

// decisions returns the proposals that were rejected or snoozed since before.
func decisions(before, after learn.Decisions) []audit.Record {
	var records []audit.Record
	for _, d := range after.Decided {
		if slices.Contains(before.Decided, d) {
			continue
		}
		what := "rejected: " + d.Entry
		if d.Domain != "" {
			what = "rejected: all names of " + d.Domain
		}
		if d.Answer == learn.Snooze {
			what = fmt.Sprintf("put off until %s: %s", d.Until.Format(time.DateOnly), d.Entry)
		}
		records = append(records, audit.Record{Type: audit.TypeApprove, Group: d.Group, By: d.By, Ticket: d.Reason, Detail: what})
	}
	return records
}

// switches returns the groups whose mode has changed.
func switches(old, new *policy.Set, decided learn.Decisions) []audit.Record {
	had := map[string]policy.Mode{}
	for _, g := range old.Groups() {
		had[g.Name] = g.Mode
	}
	var records []audit.Record
	for _, g := range new.Groups() {
		was, known := had[g.Name]
		if !known || was == g.Mode {
			continue
		}
		r := audit.Record{Type: audit.TypeMode, Group: g.Name, Mode: g.Mode.String(), Detail: fmt.Sprintf("group %s: %s -> %s", g.Name, was, g.Mode)}
		if s := decided.Switched[g.Name]; s.Mode == g.Mode {
			r.By, r.Ticket = s.By, s.Reason
		}
		records = append(records, r)
	}
	return records
}

// phases returns the phases that a command switched on, or off before their end.
func phases(old, new map[string]config.StartedPhase, now time.Time) []audit.Record {
	var records []audit.Record
	for _, name := range slices.Sorted(maps.Keys(new)) {
		if p := new[name]; p != old[name] && p.Until.After(now) {
			records = append(records, audit.Record{Type: audit.TypePhase, Phase: name, By: p.By, Ticket: p.Reason,
				Detail: fmt.Sprintf("phase %s is on until %s", name, p.Until.UTC().Format(time.RFC3339))})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(old)) {
		if _, still := new[name]; !still && old[name].Until.After(now) {
			records = append(records, audit.Record{Type: audit.TypePhase, Phase: name, Detail: fmt.Sprintf("phase %s was switched off", name)})
		}
	}
	return records
}

// lockdowns returns the start of a lockdown, or its end by a person. A lockdown that expires has no record here.
func lockdowns(old, new *config.Lockdown, now time.Time) []audit.Record {
	switch {
	case old.Same(new):
	case new.IsOn(now):
		of := policy.Lockdown{Only: new.Only, Until: new.Until}
		return []audit.Record{{Type: audit.TypeLockdown, By: new.By, Ticket: new.Reason, Detail: "lockdown " + of.Text()}}
	case !old.IsOn(now):
	case new == nil:
		return []audit.Record{{Type: audit.TypeLockdown, Detail: "the lockdown ended: its file was removed"}}
	case !new.Ended.At.IsZero():
		return []audit.Record{{Type: audit.TypeLockdown, By: new.Ended.By, Ticket: new.Ended.Reason, Detail: "the lockdown was ended"}}
	default:
		return []audit.Record{{Type: audit.TypeLockdown, By: new.By, Ticket: new.Reason, Detail: "the lockdown ended: its file has an earlier end"}}
	}
	return nil
}
