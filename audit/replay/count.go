package replay

import (
	"strings"

	"webproxy/audit"
	"webproxy/policy"
)

// rulingOf is d in the log's words.
func rulingOf(d policy.Decision) Ruling { return Ruling{d.Outcome(), d.Reason.String(), d.Rule()} }

// count counts n requests like x by x.verdict.
func (p *Replay) count(x *openRequest, n uint64) {
	p.Requests += n
	v := &x.verdict
	if v.why != "" {
		p.Skipped[v.why] += n
		return
	}
	if was := x.was.permits(); was == v.is.permits() {
		p.same(x.was, v.is, n)
		return
	} else if was {
		p.NewlyDenied += n
	} else {
		p.NewlyAllowed += n
		if !x.request.Target.Addr().IsValid() {
			p.Undialled += n
		}
	}
	v.change = p.change(x)
	v.change.Requests += n
	v.change.Include(audit.Span{First: x.request.Time, Last: x.request.Time})
}

func (p *Replay) same(was, is Ruling, n uint64) {
	p.Same += n
	switch {
	case was.Decision == policy.WouldDeny && is.Decision == policy.Allowed:
		p.Listed += n
	case was.Decision == policy.Allowed && is.Decision == policy.WouldDeny:
		p.Unlisted += n
	}
}

// uncount undoes count for the one request x.
func (p *Replay) uncount(x *openRequest) {
	p.Requests--
	v := &x.verdict
	if v.why != "" {
		p.Skipped[v.why]--
		return
	}
	switch was, is := x.was.permits(), v.is.permits(); {
	case was == is:
		p.same(x.was, v.is, ^uint64(0)) // minus one
	case was:
		p.NewlyDenied--
	default:
		p.NewlyAllowed--
		if !x.request.Target.Addr().IsValid() {
			p.Undialled--
		}
	}
	if v.change != nil {
		v.change.Requests--
		v.change = nil
	}
}

// change returns the Change to which x belongs.
func (p *Replay) change(x *openRequest) *Change {
	t := x.request.Target
	k := changeKey{x.group, t.Scheme().String(), t.Host(), x.request.Client, t.Port(), x.was, x.verdict.is}
	c, ok := p.changes[k]
	if ok {
		return c
	}
	if len(p.changes) >= changeRows {
		p.Overflow++
		k = changeKey{host: audit.Other, was: Ruling{Decision: x.was.Decision}, is: Ruling{Decision: x.verdict.is.Decision}}
		if c, ok = p.changes[k]; ok {
			return c
		}
	}
	k.group, k.host = strings.Clone(k.group), strings.Clone(k.host)
	k.was = Ruling{policy.Outcome(strings.Clone(string(k.was.Decision))), strings.Clone(k.was.Reason), strings.Clone(k.was.Rule)}
	c = &Change{Group: k.group, Client: k.client, Scheme: k.scheme, Host: k.host, Port: k.port, Was: k.was, Is: k.is}
	p.changes[k] = c
	return c
}
