package proxy

import (
	"context"
	"encoding/binary"
	"math"
	"net"
	"sync"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// A dnsNote learns from the answers to one lookup how long they hold, which net.Resolver does not
// tell: it reads along on the resolver's connections.
//
// It sees forged packets too, which the resolver drops. They can only shorten what they touch: all
// times are minima, and a negative answer counts only if the resolver itself came to one.
type dnsNote struct {
	mu          sync.Mutex    // guards what follows; A and AAAA are asked for at the same time
	asked       bool          // a server was asked: the answer is not from the hosts file
	positives   int           // messages with addresses
	negatives   int           // messages that say there are none
	noSuchName  bool          // one of them was NXDOMAIN: it holds for every type (RFC 2308, 5)
	ttl         time.Duration // the least of the positives
	negativeTTL time.Duration // the least of the negatives
}

// age is how long the addresses found may be used.
func (n *dnsNote) age() time.Duration {
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case !n.asked:
		return shortAnswerAge
	case n.positives == 0: // not understood, so not kept
		return 0
	}
	return min(n.ttl, maxAnswerAge)
}

// negativeAge is how long err, the resolver's, may be repeated without asking again: not at all
// unless the server said for both address types that there is no such name.
func (n *dnsNote) negativeAge(err error) time.Duration {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !isNoSuchName(err) || !n.noSuchName && n.negatives < 2 {
		return 0
	}
	return min(n.negativeTTL, shortAnswerAge)
}

// read takes one DNS message. What does not parse is ignored: the resolver will reject it.
func (n *dnsNote) read(msg []byte) {
	var p dnsmessage.Parser
	head, err := p.Start(msg)
	if err != nil || !head.Response || p.SkipAllQuestions() != nil {
		return
	}
	// A CNAME may stand alone in the answer for a type that its target does not have: it tells no
	// more than an empty answer (RFC 2308, 2.2).
	addresses, ttl := false, uint32(math.MaxInt32)
	for {
		rr, err := p.AnswerHeader()
		if err != nil {
			break
		}
		addresses = addresses || rr.Type == dnsmessage.TypeA || rr.Type == dnsmessage.TypeAAAA
		ttl = min(ttl, saneTTL(rr.TTL))
		if p.SkipAnswer() != nil {
			return
		}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case head.RCode == dnsmessage.RCodeSuccess && addresses:
		n.ttl = least(n.positives, n.ttl, ttl)
		n.positives++
	case head.RCode == dnsmessage.RCodeSuccess, head.RCode == dnsmessage.RCodeNameError:
		n.negativeTTL = least(n.negatives, n.negativeTTL, min(ttl, soaTTL(&p)))
		n.negatives++
		n.noSuchName = n.noSuchName || head.RCode == dnsmessage.RCodeNameError
	}
}

// soaTTL is how long the negative answer in p holds (RFC 2308, section 5). Without a SOA record it
// must not be kept.
func soaTTL(p *dnsmessage.Parser) uint32 {
	for {
		rr, err := p.AuthorityHeader()
		if err != nil {
			return 0
		}
		if rr.Type != dnsmessage.TypeSOA {
			if p.SkipAuthority() != nil {
				return 0
			}
			continue
		}
		soa, err := p.SOAResource()
		if err != nil {
			return 0
		}
		return min(saneTTL(rr.TTL), saneTTL(soa.MinTTL))
	}
}

// saneTTL takes a TTL with the highest bit set for zero (RFC 2181, section 8).
func saneTTL(ttl uint32) uint32 {
	if ttl > math.MaxInt32 {
		return 0
	}
	return ttl
}

// least is the lesser of the time noted so far, if any was, and ttl seconds.
func least(noted int, sofar time.Duration, ttl uint32) time.Duration {
	d := time.Duration(ttl) * time.Second
	if noted > 0 {
		return min(sofar, d)
	}
	return d
}

// dial opens a connection to a DNS server that n reads along on. It is closed when lookup is done, if
// the resolver has not closed it before, and no exchange on it takes longer than limit.
func (n *dnsNote) dial(ctx, lookup context.Context, network, address string, limit time.Duration) (net.Conn, error) {
	n.mu.Lock()
	n.asked = true
	n.mu.Unlock()
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	noted := notedConn{Conn: conn, limit: limit}
	noted.release = context.AfterFunc(lookup, func() { conn.Close() })
	// The resolver frames messages by the type of its connection: UDP must still look like it.
	if udp, ok := conn.(*net.UDPConn); ok {
		return &dnsPackets{notedConn: noted, packetReader: udp, note: n}, nil
	}
	return &dnsStream{notedConn: noted, note: n}, nil
}

// A notedConn is what both kinds of connection to a DNS server have in common.
type notedConn struct {
	net.Conn
	limit   time.Duration
	release func() bool // from the lookup's end
}

func (c *notedConn) Close() error {
	c.release()
	return c.Conn.Close()
}

func (c *notedConn) SetDeadline(t time.Time) error {
	return c.Conn.SetDeadline(sooner(t, c.limit))
}

// dnsPackets is a connection by UDP.
type dnsPackets struct {
	notedConn
	packetReader
	note *dnsNote
}

// packetReader is the part of net.PacketConn that net.Conn lacks.
type packetReader interface {
	ReadFrom(p []byte) (int, net.Addr, error)
	WriteTo(p []byte, addr net.Addr) (int, error)
}

func (c *dnsPackets) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if err == nil {
		c.note.read(b[:n])
	}
	return n, err
}

// dnsStream is a connection by TCP: one message, two bytes of length before it (RFC 7766, section 8).
type dnsStream struct {
	notedConn
	note *dnsNote
	read []byte // so far; at most 2+65535 bytes
}

func (c *dnsStream) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if len(c.read) < 2+math.MaxUint16 {
		c.read = append(c.read, b[:n]...)
	}
	if len(c.read) >= 2 {
		size := int(binary.BigEndian.Uint16(c.read))
		if msg := c.read[2:]; n > 0 && len(msg) >= size && len(msg)-n < size {
			c.note.read(msg[:size])
		}
	}
	return n, err
}

// sooner is t, or limit from now if that is earlier or t is zero.
func sooner(t time.Time, limit time.Duration) time.Time {
	if end := time.Now().Add(limit); t.IsZero() || end.Before(t) {
		return end
	}
	return t
}
