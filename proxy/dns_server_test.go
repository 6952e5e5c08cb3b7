package proxy

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

// A dnsAnswer fills the reply to q. If it returns false there is none.
type dnsAnswer func(q dnsmessage.Question, reply *dnsmessage.Message, tcp bool) bool

// A fakeDNS answers by UDP and TCP on one port of loopback.
type fakeDNS struct {
	addr   string
	answer dnsAnswer

	mu    sync.Mutex // guards asked
	asked []string   // "A name.", in the order of arrival
}

func startDNS(t testing.TB, answer dnsAnswer) *fakeDNS {
	t.Helper()
	tcp, udp := listenBoth(t)
	s := &fakeDNS{addr: udp.LocalAddr().String(), answer: answer}
	var serving sync.WaitGroup
	serving.Go(func() { s.servePackets(udp) })
	serving.Go(func() { s.serveStreams(tcp) })
	t.Cleanup(func() { udp.Close(); tcp.Close(); serving.Wait() })
	return s
}

// listenBoth finds a port that is free for both protocols.
func listenBoth(t testing.TB) (net.Listener, net.PacketConn) {
	t.Helper()
	for range 20 {
		tcp, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		if udp, err := net.ListenPacket("udp", tcp.Addr().String()); err == nil {
			return tcp, udp
		}
		tcp.Close()
	}
	t.Fatal("no port is free for TCP and UDP")
	return nil, nil
}

func (s *fakeDNS) servePackets(udp net.PacketConn) {
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

func (s *fakeDNS) serveStreams(tcp net.Listener) {
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

func (s *fakeDNS) reply(query []byte, tcp bool) []byte {
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
	if !s.answer(q, &reply, tcp) {
		return nil
	}
	packed, err := reply.Pack()
	if err != nil {
		panic(err)
	}
	return packed
}

// queries returns how often was asked so far, for any type.
func (s *fakeDNS) queries() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.asked)
}

// take returns what was asked since it was last called, sorted.
func (s *fakeDNS) take() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	asked := s.asked
	s.asked = nil
	slices.Sort(asked)
	return asked
}

// zone answers with the addresses of the question's type in addrs, all with one TTL in seconds;
// without any, as an empty answer whose SOA says the same.
func zone(ttl uint32, addrs ...string) dnsAnswer {
	return func(q dnsmessage.Question, reply *dnsmessage.Message, _ bool) bool {
		for _, s := range addrs {
			addRecord(reply, q, netip.MustParseAddr(s), ttl)
		}
		if len(reply.Answers) == 0 {
			addSOA(reply, q, ttl)
		}
		return true
	}
}

func addRecord(reply *dnsmessage.Message, q dnsmessage.Question, addr netip.Addr, ttl uint32) {
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

func addSOA(reply *dnsmessage.Message, q dnsmessage.Question, ttl uint32) {
	reply.Authorities = append(reply.Authorities, dnsmessage.Resource{
		Header: dnsmessage.ResourceHeader{Name: q.Name, Class: dnsmessage.ClassINET, TTL: 3600},
		Body:   &dnsmessage.SOAResource{NS: q.Name, MBox: q.Name, MinTTL: ttl},
	})
}
