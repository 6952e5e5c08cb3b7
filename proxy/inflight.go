package proxy

import (
	"cmp"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"time"

	"webproxy/policy"
)

// Words for the close records of exchanges that the proxy ended itself.
const (
	wordPolicyChanged = "policy_changed"
	wordLockdown      = "lockdown"
	wordShutdown      = "shutdown"
)

// An Open is an exchange in progress.
type Open struct {
	ID       string
	Client   netip.Addr
	Group    string
	Method   string
	Target   policy.Target
	Rule     string
	Since    time.Time
	Tunnel   bool  // a tunnel; otherwise a request being forwarded
	BytesOut int64 // client to origin, so far
	BytesIn  int64
}

// inflight holds the exchanges in progress. The zero inflight is empty and ready.
type inflight struct {
	mu   sync.Mutex // guards open
	open map[*exchange]struct{}
	wg   sync.WaitGroup // tunnels, and the waits of Recheck
}

// track adds x until untrack. It is called after the decision was recorded, before the dial.
func (s *Server) track(x *exchange) {
	x.setPermit(x.decision)
	x.info = Open{
		ID:     x.rec.ID,
		Client: x.request.Client,
		Group:  x.decision.Group,
		Method: x.request.Method,
		Target: x.request.Target,
		Rule:   x.decision.Rule(),
		Since:  x.began,
	}
	s.inflight.mu.Lock()
	if s.inflight.open == nil {
		s.inflight.open = make(map[*exchange]struct{})
	}
	s.inflight.open[x] = struct{}{}
	s.inflight.mu.Unlock()
	// Recheck may have run for a newer Set before x was added.
	if set := s.policySet(); set != x.set {
		x.cutUnlessPermitted(set)
	}
}

func (s *Server) untrack(x *exchange) {
	s.inflight.mu.Lock()
	defer s.inflight.mu.Unlock()
	delete(s.inflight.open, x)
}

func (s *Server) tracked() []*exchange {
	s.inflight.mu.Lock()
	defer s.inflight.mu.Unlock()
	all := make([]*exchange, 0, len(s.inflight.open))
	for x := range s.inflight.open {
		all = append(all, x)
	}
	return all
}

// snapshot is x as it is now.
func (x *exchange) snapshot() Open {
	o := x.info
	o.Tunnel = x.tunnel.Load() != nil
	o.BytesOut, o.BytesIn = x.counts()
	return o
}

// Open returns the exchanges in progress, the oldest first.
func (s *Server) Open() []Open {
	return snapshots(s.tracked())
}

func snapshots(all []*exchange) []Open {
	open := make([]Open, 0, len(all))
	for _, x := range all {
		open = append(open, x.snapshot())
	}
	slices.SortFunc(open, func(a, b Open) int {
		return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.ID, b.ID))
	})
	return open
}

// Recheck evaluates the exchanges in progress against set, which was just installed, and returns those that it
// forbids. After grace they are ended in the background, unless the Set then in force permits them; their close
// records say policy_changed, or lockdown. Exchanges that set permits are not touched. Recheck also closes idle
// connections to origins that were opened under an older Set.
//
// If grace is 0, forbidden exchanges are ended at once.
func (s *Server) Recheck(set *policy.Set, grace time.Duration) []Open {
	s.Prepare()
	s.origins.drop()
	var doomed []*exchange
	for _, x := range s.tracked() {
		if x.forbiddenBy(set) != "" {
			doomed = append(doomed, x)
		}
	}
	forbidden := snapshots(doomed)
	if len(doomed) == 0 {
		return forbidden
	}
	if grace <= 0 {
		s.cutForbidden(doomed)
		return forbidden
	}
	s.inflight.wg.Go(func() {
		timer := time.NewTimer(grace)
		defer timer.Stop()
		select {
		case <-timer.C:
			s.cutForbidden(doomed)
		case <-s.stopped:
		}
	})
	return forbidden
}

// cutForbidden ends those of all that the Set in force still forbids.
func (s *Server) cutForbidden(all []*exchange) {
	set := s.policySet()
	for _, x := range all {
		x.cutUnlessPermitted(set)
	}
}

// cutUnlessPermitted ends x if set forbids it.
func (x *exchange) cutUnlessPermitted(set *policy.Set) {
	if word := x.forbiddenBy(set); word != "" {
		x.cut(word)
	}
}

// forbiddenBy evaluates x again, as if it were made now, for the address it is connected to and with the ClientHello
// that its tunnel began with. It returns the word for the close record if set forbids x, else "".
func (x *exchange) forbiddenBy(set *policy.Set) (word string) {
	d, req := x.decideAgain(set)
	if h := x.clientHello.Load(); h != nil {
		d = x.clientHelloDecision(set, d, &req, h)
	}
	// A change between tunnel and inspection ends it too: a new CONNECT would not get what x has.
	switch {
	case !d.Permit && d.Reason == policy.LockedDown:
		return wordLockdown
	case !d.Permit || req.Method == http.MethodConnect && d.Inspect() != x.inspected:
		return wordPolicyChanged
	}
	return ""
}

// decideAgain is set's decision about x and the address that it is connected to, and the request evaluated.
func (x *exchange) decideAgain(set *policy.Set) (policy.Decision, policy.Request) {
	req := x.request
	req.Time = time.Now()
	d := set.Decide(&req)
	if addr := x.addr.Load(); addr != nil {
		d = d.CheckAddr(*addr)
	}
	return d, req
}

// cutAll ends every exchange.
func (s *Server) cutAll(why string) {
	for _, x := range s.tracked() {
		x.cut(why)
	}
}
