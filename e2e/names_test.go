//go:build e2e

package e2e

import (
	"net"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// nowhere is a domain whose names do not exist.
const nowhere = "nowhere.test"

// startNames serves DNS by UDP until the test ends, and returns its address. Every name has the
// address 127.0.0.1, except those below nowhere, which do not exist.
func startNames(t *testing.T) string {
	t.Helper()
	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() { answerNames(udp) })
	t.Cleanup(func() { udp.Close(); serving.Wait() })
	return udp.LocalAddr().String()
}

// answerNames responds until udp is closed.
func answerNames(udp net.PacketConn) {
	buf := make([]byte, 4096)
	for {
		n, from, err := udp.ReadFrom(buf)
		if err != nil {
			return
		}
		if reply := nameAnswer(buf[:n]); reply != nil {
			udp.WriteTo(reply, from)
		}
	}
}

// nameAnswer is the response to query; nil if that is invalid.
func nameAnswer(query []byte) []byte {
	var m dnsmessage.Message
	if m.Unpack(query) != nil || len(m.Questions) != 1 {
		return nil
	}
	q := m.Questions[0]
	reply := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: m.ID, Response: true, RecursionDesired: m.RecursionDesired, RecursionAvailable: true},
		Questions: m.Questions,
	}
	switch {
	case strings.HasSuffix(q.Name.String(), nowhere+"."):
		reply.RCode = dnsmessage.RCodeNameError
	case q.Type == dnsmessage.TypeA:
		reply.Answers = []dnsmessage.Resource{{
			Header: dnsmessage.ResourceHeader{Name: q.Name, Class: dnsmessage.ClassINET, TTL: 60},
			Body:   &dnsmessage.AResource{A: [4]byte{127, 0, 0, 1}},
		}}
	}
	packed, err := reply.Pack()
	if err != nil {
		return nil
	}
	return packed
}
