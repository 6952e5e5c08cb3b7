package dnstest

import (
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// A Handler fills the response to q. If it returns false, no response is sent.
type Handler func(q dnsmessage.Question, reply *dnsmessage.Message, tcp bool) bool

// A Server serves UDP and TCP on one port of loopback. Its methods are safe for concurrent use.
type Server struct {
	Addr   string
	handle Handler

	mu    sync.Mutex // guards asked
	asked []string   // "A name.", in the order of arrival
}

// Start starts a Server that ends with t.
func Start(t testing.TB, handle Handler) *Server {
	t.Helper()
	tcp, udp := ListenBoth(t)
	s := &Server{Addr: udp.LocalAddr().String(), handle: handle}
	var serving sync.WaitGroup
	serving.Go(func() { s.servePackets(udp) })
	serving.Go(func() { s.serveStreams(tcp) })
	t.Cleanup(func() { udp.Close(); tcp.Close(); serving.Wait() })
	return s
}

// ListenBoth finds a port that is free for both protocols.
func ListenBoth(t testing.TB) (net.Listener, net.PacketConn) {
	t.Helper()
	var inUse error
	for range 20 {
		tcp, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		udp, err := net.ListenPacket("udp", tcp.Addr().String())
		if err == nil {
			return tcp, udp
		}
		inUse = err
		tcp.Close()
	}
	t.Fatal("no port is free for TCP and UDP: ", inUse)
	return nil, nil
}

func (s *Server) servePackets(udp net.PacketConn) {
	buf := make([]byte, 4096)
	for {
		n, from, err := udp.ReadFrom(buf)
		if err != nil {
			return
		}
		if reply := s.reply(buf[:n], false); reply != nil {
			udp.WriteTo(reply, from)
		}
	}
}

func (s *Server) serveStreams(tcp net.Listener) {
	for {
		conn, err := tcp.Accept()
		if err != nil {
			return
		}
		head := make([]byte, 2)
		io.ReadFull(conn, head)
		buf := make([]byte, int(head[0])<<8|int(head[1]))
		io.ReadFull(conn, buf)
		if reply := s.reply(buf, true); reply != nil {
			conn.Write([]byte{byte(len(reply) >> 8)}) // in three pieces, as networks may do
			conn.Write([]byte{byte(len(reply))})
			conn.Write(reply)
		}
		conn.Close()
	}
}

func (s *Server) reply(query []byte, tcp bool) []byte {
	var m dnsmessage.Message
	if m.Unpack(query) != nil || len(m.Questions) != 1 {
		return nil
	}
	q := m.Questions[0]
	s.mu.Lock()
	s.asked = append(s.asked, strings.TrimPrefix(q.Type.String(), "Type")+" "+q.Name.String())
	s.mu.Unlock()
	reply := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: m.ID, Response: true, RecursionAvailable: true},
		Questions: m.Questions,
	}
	if !s.handle(q, &reply, tcp) {
		return nil
	}
	packed, err := reply.Pack()
	if err != nil {
		panic(err)
	}
	return packed
}

// Queries returns the number of queries so far, of all types.
func (s *Server) Queries() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.asked)
}

// Take returns the queries since it was last called, sorted.
func (s *Server) Take() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	asked := s.asked
	s.asked = nil
	slices.Sort(asked)
	return asked
}

// Zone responds with the addresses of the question's type in addrs, with a TTL in seconds; without such addresses, with no records
// but an SOA with that TTL.
func Zone(ttl uint32, addrs ...string) Handler {
	return func(q dnsmessage.Question, reply *dnsmessage.Message, _ bool) bool {
		for _, s := range addrs {
			AddRecord(reply, q, netip.MustParseAddr(s), ttl)
		}
		if len(reply.Answers) == 0 {
			AddSOA(reply, q, ttl)
		}
		return true
	}
}

func AddRecord(reply *dnsmessage.Message, q dnsmessage.Question, addr netip.Addr, ttl uint32) {
	rr := dnsmessage.Resource{Header: dnsmessage.ResourceHeader{Name: q.Name, Class: dnsmessage.ClassINET, TTL: ttl}}
	switch {
	case q.Type == dnsmessage.TypeA && addr.Is4():
		rr.Body = &dnsmessage.AResource{A: addr.As4()}
	case q.Type == dnsmessage.TypeAAAA && !addr.Is4():
		rr.Body = &dnsmessage.AAAAResource{AAAA: addr.As16()}
	default:
		return
	}
	reply.Answers = append(reply.Answers, rr)
}

func AddSOA(reply *dnsmessage.Message, q dnsmessage.Question, ttl uint32) {
	reply.Authorities = append(reply.Authorities, dnsmessage.Resource{
		Header: dnsmessage.ResourceHeader{Name: q.Name, Class: dnsmessage.ClassINET, TTL: 3600},
		Body:   &dnsmessage.SOAResource{NS: q.Name, MBox: q.Name, MinTTL: ttl},
	})
}

// StartDNS starts a server that responds with 127.0.0.1 and a TTL of 0. asked is called for each query for IPv4 addresses, before the
// response. It returns the server's address.
func StartDNS(t testing.TB, asked func(name string)) string {
	answer := Zone(0, "127.0.0.1")
	return Start(t, func(q dnsmessage.Question, reply *dnsmessage.Message, tcp bool) bool {
		if q.Type == dnsmessage.TypeA {
			asked(q.Name.String())
		}
		return answer(q, reply, tcp)
	}).Addr
}
