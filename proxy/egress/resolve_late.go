package egress

import (
	"errors"
	"os"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// A and AAAA records are queried at the same time, and some servers never answer one of the queries. net.Resolver
// waits for both. Here, once the first answer is in, the other is waited for as long as RFC 8305, section 3, says,
// and then taken for empty. If no connection succeeds to an address of the first, the other is queried again, and
// waited for.

// resolutionDelay is the Resolution Delay of RFC 8305, section 8.
const resolutionDelay = 50 * time.Millisecond

// hurry bounds the remaining time for the other query, when there are addresses of the type kind. n.mu is held.
func (n *dnsNote) hurry(kind dnsmessage.Type) {
	other := dnsmessage.TypeA
	if kind == dnsmessage.TypeA {
		other = dnsmessage.TypeAAAA
	}
	if n.cutoff == nil {
		n.cutoff = make(map[dnsmessage.Type]time.Time)
	}
	if _, ok := n.cutoff[other]; ok {
		return
	}
	n.cutoff[other] = time.Now().Add(n.patience)
	for c := range n.asking {
		n.limit(c)
	}
}

// limit sets the deadline of reads from c to the end of that time. n.mu is held.
func (n *dnsNote) limit(c *notedConn) {
	if cutoff, ok := n.cutoff[c.question.Type]; ok && (c.deadline.IsZero() || cutoff.Before(c.deadline)) {
		c.Conn.SetReadDeadline(cutoff)
	}
}

// ask notes the query that c is about to send; nil if it sends no more.
func (n *dnsNote) ask(c *notedConn, question []byte) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.asking, c)
	var p dnsmessage.Parser
	head, err := p.Start(question)
	if err != nil {
		return
	}
	if c.question, err = p.Question(); err != nil {
		return
	}
	c.id = head.ID
	if n.asking == nil {
		n.asking = make(map[*notedConn]bool)
	}
	n.asking[c] = true
	n.limit(c)
}

// without returns an empty answer to the query of c, if err means that its time was over; else nil.
func (n *dnsNote) without(c *notedConn, err error) []byte {
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		return nil
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	cutoff, ok := n.cutoff[c.question.Type]
	if !ok || time.Now().Before(cutoff) {
		return nil
	}
	m := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: c.id, Response: true, RecursionDesired: true, RecursionAvailable: true},
		Questions: []dnsmessage.Question{c.question},
	}
	empty, err := m.Pack()
	if err != nil {
		return nil
	}
	n.late = c.question.Type
	return empty
}

// rest is the network, as net.Resolver calls it, whose addresses were not waited for; empty if none.
func (n *dnsNote) rest() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	switch n.late {
	case dnsmessage.TypeA:
		return "ip4"
	case dnsmessage.TypeAAAA:
		return "ip6"
	}
	return ""
}
