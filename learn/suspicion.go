package learn

import (
	"fmt"
	"time"

	"webproxy/catalog"
	"webproxy/internal/wording"
)

// What is suspicious, with its weight, of 10.
const (
	asDisguise = 6 // it reads like a known name
	asReceiver = 6 // it exists to receive data
	asRejected = 3 // it would admit what somebody rejected
	asStranger = 2 // no list and no entry has a name of its owner
	asShared   = 2 // one of many owners' names
	asRandom   = 2 // looks like no word
	asMany     = 3 // many names below one domain
	asRegular  = 2 // asked for at regular intervals
	asOnly     = 2 // by one client alone
	asMinority = 1 // by less than half of the clients
	asNew      = 1 // not from the beginning
	asBrief    = 1 // on few days
	asWide     = 2 // a wildcard that no list has
	asUnproved = 1 // never let through
)

const (
	manyNames = 8 // names below the domain of one owner that no list has
	newAfter  = 7 * 24 * time.Hour
	newWindow = 14 * 24 * time.Hour
)

// raiseConcerns sets the concerns and the suspicion of p. Bulk approval is for names that a built-in list has, or that are
// of an owner of whom a list in use or an entry of the operator has a name: how many clients ask for another name proves
// nothing about its owner.
func (w *proposer) raiseConcerns(p *Proposal) {
	object := func(weight int, format string, args ...any) {
		p.Concerns = append(p.Concerns, fmt.Sprintf(format, args...))
		p.Suspicion = min(p.Suspicion+weight, 10)
	}
	// A remark ranks a proposal that has a concern, and does not exclude another one from bulk approval.
	var remarks []func()
	remark := func(weight int, format string, args ...any) {
		remarks = append(remarks, func() { object(weight, format, args...) })
	}
	defer func() {
		for _, r := range remarks {
			if len(p.Concerns) > 0 {
				r()
			}
		}
	}()
	hosts := p.Hosts()
	w.concernNames(p, hosts, object)
	if p.Replaces != "" {
		object(0, "%s allows it today, and every other name there too", p.Replaces)
	}
	if p.Hits == p.Refused {
		object(asUnproved, "it was never let through, so it was not seen to respond")
	}
	if entry := w.decisions.rejectedIn(p); entry != "" {
		object(asRejected, "it would admit %s, which was rejected", entry)
	}
	if p.Known != nil && p.Known.required() {
		return
	}
	switch {
	case p.Clients < minClients && p.GroupClients > 1:
		object(asOnly, "only one of %d clients asks for it", p.GroupClients)
	case !p.listed() && p.Clients*2 < p.GroupClients:
		remark(asMinority, "only %d of %d clients ask for it", p.Clients, p.GroupClients)
	}
	if p.listed() {
		return // its documents say whose it is, and what for
	}
	w.concernHabits(p, hosts, object, remark)
}

// listed reports whether a built-in list has p, or its exact name for another place.
func (p *Proposal) listed() bool { return p.Known != nil || p.About != "" && !p.Host.IsWildcard() }

// concernNames raises concerns about the owners of the names.
func (w *proposer) concernNames(p *Proposal, hosts []string, object func(int, string, ...any)) {
	for _, h := range hosts {
		if why := w.owners.lookAlike(h); why != "" && !catalog.HasHost(h) {
			object(asDisguise, "%s", why)
			break
		}
	}
	rented := false
	for _, h := range hosts {
		if what := p.owner(h); what != "" {
			rented = true
			weight := asShared + asStranger
			if catalog.Receiver(h) != "" {
				weight = asReceiver + asStranger
			}
			object(weight, "%s: %s", h, what)
			break
		}
	}
	if p.listed() {
		return
	}
	for _, h := range hosts {
		if !rented && !w.owners.inUse(h) {
			object(asStranger, "no list has %s, and neither a list in use nor an entry of yours a name of %s", h, ownerText(h))
			break
		}
	}
	if p.Host.IsWildcard() {
		object(asWide, "no list has this wildcard")
	}
}

// concernHabits raises concerns about how a name that no list has is requested.
func (w *proposer) concernHabits(p *Proposal, hosts []string, object, remark func(int, string, ...any)) {
	if p.Days < minDays {
		object(asBrief, "seen on %s only", wording.Plural(p.Days, "day"))
	}
	for _, h := range hosts {
		if looksRandom(h, p.Kind) {
			object(asRandom, "%s looks like no word", h)
			break
		}
	}
	if owner := catalog.Owner(hosts[0]); owner != "" && !w.owners.knows(hosts[0]) && w.namesOf[owner] >= manyNames {
		remark(asMany, "%d names below %s were asked for", w.namesOf[owner], owner)
	}
	for _, s := range p.Seen {
		if every := s.pace.regular(); every > 0 {
			remark(asRegular, "asked for at regular intervals, about every %s", roughly(every))
			break
		}
	}
	if p.First.Sub(w.group.First) >= newAfter && w.group.Last.Sub(w.group.First) >= newWindow {
		remark(asNew, "first seen %d days after the beginning", int(p.First.Sub(w.group.First)/day))
	}
}

// roughly is a duration in one unit.
func roughly(d time.Duration) string {
	switch {
	case d >= 48*time.Hour:
		return fmt.Sprintf("%d days", int(d.Hours()/24))
	case d >= 2*time.Hour:
		return fmt.Sprintf("%d hours", int(d.Hours()))
	case d >= 2*time.Minute:
		return fmt.Sprintf("%d minutes", int(d.Minutes()))
	}
	return fmt.Sprintf("%d seconds", int(d.Seconds()))
}
