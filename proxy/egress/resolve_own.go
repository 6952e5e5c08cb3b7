package egress

import (
	"strings"

	"golang.org/x/net/dns/dnsmessage"
)

// maxAliases bounds the CNAME records between a name and its addresses.
const maxAliases = 16

// ownAnswer returns msg, a DNS server's answer to q, reduced to what belongs to that query: the CNAME records that
// lead from the queried name to another, the records of the queried type of this last name, and the SOA record of a
// zone that it is in. Records of other names must not be accepted (RFC 5452, 6), and net.Resolver does not check
// names. It reports false if msg is no answer to q with that id. If the records do not parse, or lead in circles or
// two ways, it returns a SERVFAIL answer.
func ownAnswer(msg []byte, id uint16, q dnsmessage.Question) ([]byte, bool) {
	var p dnsmessage.Parser
	head, err := p.Start(msg)
	if err != nil || !head.Response || head.ID != id {
		return nil, false
	}
	questions, err := p.AllQuestions()
	if err != nil || len(questions) != 1 {
		return nil, false
	}
	if is := questions[0]; is.Type != q.Type || is.Class != q.Class || dnsName(is.Name) != dnsName(q.Name) {
		return nil, false
	}
	own := dnsmessage.Message{Header: head, Questions: questions}
	if !head.Truncated { // a truncated answer is queried again by TCP, whatever it contains
		var all dnsmessage.Message
		if all.Unpack(msg) != nil || !adopt(&own, &all) {
			own = dnsmessage.Message{Header: head, Questions: questions}
			own.RCode = dnsmessage.RCodeServerFailure
		}
	}
	packed, err := own.Pack()
	return packed, err == nil
}

// adopt copies into own those records of all that belong to own's query. It reports false if that cannot be decided.
func adopt(own, all *dnsmessage.Message) bool {
	q := own.Questions[0]
	aliases := make(map[string]*dnsmessage.Resource, len(all.Answers))
	for i := range all.Answers {
		rr := &all.Answers[i]
		if _, ok := rr.Body.(*dnsmessage.CNAMEResource); !ok || rr.Header.Class != q.Class {
			continue
		}
		owner := dnsName(rr.Header.Name)
		if other := aliases[owner]; other != nil && aliasOf(other) != aliasOf(rr) {
			return false // RFC 2181, 10.1
		}
		aliases[owner] = rr
	}
	name := dnsName(q.Name)
	for hops := 0; aliases[name] != nil; hops++ {
		if hops == maxAliases {
			return false
		}
		own.Answers = append(own.Answers, *aliases[name])
		name = aliasOf(aliases[name])
	}
	for _, rr := range all.Answers {
		if rr.Header.Type == q.Type && rr.Header.Class == q.Class && dnsName(rr.Header.Name) == name {
			own.Answers = append(own.Answers, rr)
		}
	}
	for _, rr := range all.Authorities {
		if rr.Header.Type == dnsmessage.TypeSOA && inZone(name, dnsName(rr.Header.Name)) {
			own.Authorities = append(own.Authorities, rr)
		}
	}
	for _, rr := range all.Additionals {
		if rr.Header.Type == dnsmessage.TypeOPT { // it has the upper bits of the response code (RFC 6891, 6.1.3)
			own.Additionals = append(own.Additionals, rr)
		}
	}
	return true
}

// dnsName is n as names are compared: case does not matter (RFC 4343).
func dnsName(n dnsmessage.Name) string { return strings.ToLower(n.String()) }

// aliasOf is the name that a CNAME record leads to.
func aliasOf(rr *dnsmessage.Resource) string {
	return dnsName(rr.Body.(*dnsmessage.CNAMEResource).CNAME)
}

// inZone reports whether name is zone or below it.
func inZone(name, zone string) bool {
	return zone == "." || name == zone || strings.HasSuffix(name, "."+zone)
}
