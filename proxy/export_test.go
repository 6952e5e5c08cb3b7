package proxy

import (
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// StartDNS is startDNS for tests outside of the package: asked is called for each question for IPv4 addresses, before
// the answer, which is 127.0.0.1 and must not be kept. It returns the server's address.
func StartDNS(t testing.TB, asked func(name string)) string {
	answer := zone(0, "127.0.0.1")
	return startDNS(t, func(q dnsmessage.Question, reply *dnsmessage.Message, tcp bool) bool {
		if q.Type == dnsmessage.TypeA {
			asked(q.Name.String())
		}
		return answer(q, reply, tcp)
	}).addr
}
