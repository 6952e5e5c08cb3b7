package egress

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"net"
	"sync"
	"syscall"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// A dnsNote learns from the answers to one lookup how long they may be cached, which net.Resolver does not return: it
// reads along on the resolver's connections.
//
// It sees the answers to the resolver's queries, as ownAnswer leaves them. All times are minima. A negative answer
// counts only if the resolver itself came to one. What was not waited for is queried again when it is needed.
type dnsNote struct {
	files admission // of the sockets

	mu          sync.Mutex    // guards what follows; A and AAAA are queried at the same time
	asked       bool          // a server was asked: the answer is not from the hosts file
	positives   int           // messages with addresses
	negatives   int           // messages that say that there are none
	noSuchName  bool          // one of them was NXDOMAIN: it holds for every type (RFC 2308, 5)
	ttl         time.Duration // the least of the positives
	negativeTTL time.Duration // the least of the negatives

	patience time.Duration                 // for the other address type, after the first answer with addresses
	cutoff   map[dnsmessage.Type]time.Time // when the wait for that type ends
	late     dnsmessage.Type               // whose answer was not in time; zero if none
	asking   map[*notedConn]bool           // connections that wait for an answer
}

// age is how long the addresses found may be used.
func (n *dnsNote) age() time.Duration {
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case !n.asked:
		return shortAnswerAge
	case n.positives == 0: // not understood, so not cached
		return 0
	}
	return min(n.ttl, maxAnswerAge)
}

// negativeAge is how long err, the resolver's, may be cached: not at all unless the server said for both address
// types that the name does not exist.
func (n *dnsNote) negativeAge(err error) time.Duration {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !isNoSuchName(err) || !n.noSuchName && n.negatives < 2 {
		return 0
	}
	return min(n.negativeTTL, shortAnswerAge)
}

// read reads one DNS message. It ignores what does not parse: the resolver will reject it.
func (n *dnsNote) read(msg []byte) {
	var p dnsmessage.Parser
	head, err := p.Start(msg)
	if err != nil || !head.Response || p.SkipAllQuestions() != nil {
		return
	}
	// The answer for a type that the target does not have may contain only a CNAME: that equals an empty answer (RFC
	// 2308, 2.2).
	addresses, ttl := dnsmessage.Type(0), uint32(math.MaxInt32)
	for {
		rr, err := p.AnswerHeader()
		if err != nil {
			break
		}
		if rr.Type == dnsmessage.TypeA || rr.Type == dnsmessage.TypeAAAA {
			addresses = rr.Type
		}
		ttl = min(ttl, saneTTL(rr.TTL))
		if p.SkipAnswer() != nil {
			return
		}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case head.RCode == dnsmessage.RCodeSuccess && addresses != 0:
		n.ttl = least(n.positives, n.ttl, ttl)
		n.positives++
		n.hurry(addresses)
	case head.RCode == dnsmessage.RCodeSuccess, head.RCode == dnsmessage.RCodeNameError:
		n.negativeTTL = least(n.negatives, n.negativeTTL, min(ttl, soaTTL(&p)))
		n.negatives++
		n.noSuchName = n.noSuchName || head.RCode == dnsmessage.RCodeNameError
	}
}

// soaTTL is how long the negative answer in p may be cached (RFC 2308, section 5). Without a SOA record it must not
// be.
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

// least is the lesser of the time noted so far, if any, and ttl seconds.
func least(noted int, sofar time.Duration, ttl uint32) time.Duration {
	d := time.Duration(ttl) * time.Second
	if noted > 0 {
		return min(sofar, d)
	}
	return d
}

// dial opens a connection to a DNS server that n reads along on. It is closed at the end of the lookup at the latest,
// and no exchange on it takes longer than limit.
func (n *dnsNote) dial(ctx, lookup context.Context, network, address string, limit time.Duration) (net.Conn, error) {
	n.mu.Lock()
	n.asked = true
	n.mu.Unlock()
	dialer := net.Dialer{Control: func(_, _ string, c syscall.RawConn) error { return n.files.open(c) }}
	conn, err := dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	noted := &notedConn{Conn: conn, note: n, limit: limit}
	noted.release = context.AfterFunc(lookup, func() { conn.Close() })
	// The resolver frames messages by the type of its connection: a UDP connection must still look like one.
	if udp, ok := conn.(*net.UDPConn); ok {
		return &dnsPackets{notedConn: noted, packetReader: udp}, nil
	}
	return &dnsStream{notedConn: noted}, nil
}

// A notedConn is the common part of both kinds of connection to a DNS server.
type notedConn struct {
	net.Conn
	note    *dnsNote
	limit   time.Duration
	release func() bool // from the lookup's end

	// Of the query in progress. They are written by the goroutine that sends it, while note.mu is held.
	id       uint16
	question dnsmessage.Question
	deadline time.Time
}

func (c *notedConn) Close() error {
	c.release()
	c.note.ask(c, nil)
	return c.Conn.Close()
}

func (c *notedConn) SetDeadline(t time.Time) error {
	c.note.mu.Lock()
	defer c.note.mu.Unlock()
	c.deadline = sooner(t, c.limit)
	return c.Conn.SetDeadline(c.deadline)
}

// dnsPackets is a connection by UDP.
type dnsPackets struct {
	*notedConn
	packetReader
}

// packetReader is the part of net.PacketConn that net.Conn lacks.
type packetReader interface {
	ReadFrom(p []byte) (int, net.Addr, error)
	WriteTo(p []byte, addr net.Addr) (int, error)
}

// Write sends a question.
func (c *dnsPackets) Write(b []byte) (int, error) {
	c.note.ask(c.notedConn, b)
	return c.Conn.Write(b)
}

// Read returns an answer, as ownAnswer leaves it. Anything else is dropped: it may be forged.
func (c *dnsPackets) Read(b []byte) (int, error) {
	for {
		n, err := c.Conn.Read(b)
		if err != nil {
			if none := c.note.without(c.notedConn, err); none != nil {
				return copy(b, none), nil
			}
			return 0, err
		}
		if own, ok := ownAnswer(b[:n], c.id, c.question); ok && len(own) <= len(b) {
			c.note.read(own)
			return copy(b, own), nil
		}
	}
}

// dnsStream is a connection by TCP: one message, two bytes of length before it (RFC 7766, section 8).
type dnsStream struct {
	*notedConn
	answer []byte // the part of the answer that was not read yet, its length included
}

// Write sends a question.
func (c *dnsStream) Write(b []byte) (int, error) {
	if len(b) > 2 {
		c.note.ask(c.notedConn, b[2:])
	}
	return c.Conn.Write(b)
}

// Read returns bytes of an answer, as ownAnswer leaves it.
func (c *dnsStream) Read(b []byte) (int, error) {
	if len(c.answer) == 0 {
		own, err := c.receive()
		if err != nil {
			if own = c.note.without(c.notedConn, err); own == nil {
				return 0, err
			}
		}
		c.answer = append(binary.BigEndian.AppendUint16(nil, uint16(len(own))), own...)
	}
	n := copy(b, c.answer)
	c.answer = c.answer[n:]
	return n, nil
}

// receive reads the next message.
func (c *dnsStream) receive() ([]byte, error) {
	var size [2]byte
	if _, err := io.ReadFull(c.Conn, size[:]); err != nil {
		return nil, err
	}
	msg := make([]byte, binary.BigEndian.Uint16(size[:]))
	if _, err := io.ReadFull(c.Conn, msg); err != nil {
		return nil, err
	}
	own, ok := ownAnswer(msg, c.id, c.question)
	if !ok || len(own) > math.MaxUint16 {
		return nil, errNoDNSAnswer
	}
	c.note.read(own)
	return own, nil
}

var errNoDNSAnswer = errors.New("not an answer")

// sooner is t, or limit from now if that is earlier or t is zero.
func sooner(t time.Time, limit time.Duration) time.Time {
	if end := time.Now().Add(limit); t.IsZero() || end.Before(t) {
		return end
	}
	return t
}
