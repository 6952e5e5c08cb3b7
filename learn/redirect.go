package learn

import (
	"fmt"

	"webproxy/audit"
	"webproxy/policy"
)

// redirectLimit bounds the endpoints of a group that responses redirected to.
const redirectLimit = 10_000

// redirected notes where the response to a request for s sent the client.
func (g *Group) redirected(s *Sighting, r *audit.Record) {
	if r.Redirect == "" {
		return
	}
	t, _, _, err := policy.ParseURL(r.Redirect)
	if err != nil {
		return
	}
	to := Endpoint{Host: t.Host(), Port: t.Port(), Scheme: t.Scheme()}
	from := g.redirects[to]
	if from == nil {
		if len(g.redirects) >= redirectLimit {
			return
		}
		from = map[*Sighting]uint64{}
		to.Host = g.word(to.Host)
		g.redirects[to] = from
	}
	if _, known := from[s]; known || len(from) < beforeLimit {
		from[s]++
	}
}

// A link is a response that redirects to what is proposed.
type link struct {
	text    string
	allowed bool // a rule allows the origin of the response
}

// link returns the origin whose responses redirected most often to what p would admit; nil if no response did.
func (w *proposer) link(p *Proposal) *link {
	var best *Sighting
	var to Endpoint
	var most uint64
	for _, seen := range p.Seen {
		e := seen.Endpoint().anyPath()
		for s, n := range w.group.redirects[e] {
			if n > most || n == most && best != nil && compareKeys(s.Key, best.Key) < 0 {
				best, to, most = s, e, n
			}
		}
	}
	if best == nil {
		return nil
	}
	l := &link{allowed: w.decide(best).Verdict == policy.Allow}
	what := "which no rule allows itself"
	if l.allowed {
		what = "which is allowed"
	}
	l.text = fmt.Sprintf("%d responses of %s, %s, redirected to %s", most, best.Endpoint(), what, to)
	return l
}
