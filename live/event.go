package live

import (
	"fmt"
	"strings"
	"time"

	"webproxy/audit"
)

// An Event is a request as viewers see it: text of bounded length, without control characters or characters that
// change the direction of text.
type Event struct {
	Seq      uint64    `json:"seq"`
	ID       string    `json:"id"`
	Time     time.Time `json:"ts"`
	Client   string    `json:"client"`
	Group    string    `json:"group"`
	Method   string    `json:"method"`
	Target   string    `json:"target"`
	Decision string    `json:"decision"`
	Reason   string    `json:"reason"`
	Rule     string    `json:"rule"`
	Count    int64     `json:"count,omitempty"` // of repeats
}

// textLimit bounds a text of an Event, so that 20 of them are a few kilobytes.
const textLimit = 300

// text is s, bounded and cleaned.
func text(s string) string {
	if len(s) > textLimit {
		s = strings.ToValidUTF8(s[:textLimit], "") + "…"
	}
	return strings.Clone(audit.Printable(s))
}

// eventOf is the Event of a record; false if the record is not about a request, or its request was shown before.
func eventOf(r *audit.Record) (Event, bool) {
	if requests(r) == 0 {
		return Event{}, false
	}
	client := audit.AddrText(r.Client)
	if r.ClientName != "" {
		client = r.ClientName + " (" + client + ")"
	}
	target := r.Host
	if strings.Contains(target, ":") {
		target = "[" + target + "]"
	}
	switch {
	case r.Host == "" && r.Hosts > 0:
		target = fmt.Sprintf("%d hosts", r.Hosts)
	case r.Host == "":
		target = "-"
	default:
		target = fmt.Sprintf("%s:%d%s", target, r.Port, r.Path)
	}
	decision := r.Decision
	if decision == "" {
		decision = "deny" // a record without a decision permits nothing
	}
	return Event{
		Seq: r.Seq, ID: text(r.ID), Time: r.Time, Client: text(client), Group: text(r.Group), Method: text(r.Method), Target: text(target),
		Decision: text(string(decision)), Reason: text(r.Reason), Rule: text(r.Rule), Count: r.Count,
	}, true
}
