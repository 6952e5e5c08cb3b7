package tables

import (
	"fmt"
	"strings"

	"webproxy/policy"
)

// A protocol is the protocol of a port, as far as a document says it. Several may be set.
type protocol uint8

const (
	tcp protocol = 1 << iota
	udp
	http
	https
)

// A service is a port with its protocols; 0 if they are not known.
type service struct {
	port  uint16
	proto protocol
}

// A portList is the ports in a cell, or in the words beside a host.
type portList struct {
	services []service
	proto    protocol // without a port, and so for all ports
}

// parsePorts reads a list of ports: "443", "80,443", "443/TCP", "TCP 80, UDP 123", "HTTP/HTTPS".
// An empty text, or "n/a", is an empty list. The error says what is not understood.
func parsePorts(s string) (portList, error) {
	var list portList
	s = strings.ToLower(strings.TrimSpace(s))
	if s == "n/a" || s == "-" || s == "none" {
		return list, nil
	}
	inherited := protocol(0) // "TCP 80, 443" says TCP of both
	for _, piece := range portPieces(s) {
		groups, err := portGroups(piece)
		if err != nil {
			return portList{}, err
		}
		for _, g := range groups {
			proto := g.before | g.after
			if proto == 0 {
				proto = inherited
			}
			if g.before != 0 {
				inherited = g.before
			}
			if len(g.ports) == 0 {
				list.proto |= proto
			}
			for _, port := range g.ports {
				list.services = append(list.services, service{port, proto})
			}
		}
	}
	return list, nil
}

// portPieces splits at separators between ports, except at a comma between digits, which may separate thousands.
func portPieces(s string) []string {
	s = strings.NewReplacer(";", "\n", "|", "\n", "&", "\n", " and ", "\n", " or ", "\n", ", ", "\n").Replace(s)
	var pieces []string
	for line := range strings.SplitSeq(s, "\n") {
		start := 0
		for i := range len(line) {
			if line[i] == ',' && !(i > 0 && isDigit(line[i-1]) && i+1 < len(line) && isDigit(line[i+1])) {
				pieces = append(pieces, line[start:i])
				start = i + 1
			}
		}
		pieces = append(pieces, line[start:])
	}
	return pieces
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// A portGroup is ports with the protocols named before and after them: "TCP 80", "80/TCP".
type portGroup struct {
	before, after protocol
	ports         []uint16
}

// portGroups reads a piece, which normally is one group; "TCP 443 UDP 53" is two.
func portGroups(s string) ([]portGroup, error) {
	groups := make([]portGroup, 1)
	for _, word := range strings.FieldsFunc(s, func(c rune) bool { return strings.ContainsRune(" \t/():[]", c) }) {
		g := &groups[len(groups)-1]
		if isDigit(word[0]) {
			ports, err := portNumbers(word)
			if err != nil {
				return nil, err
			}
			if g.after != 0 {
				groups = append(groups, portGroup{ports: ports})
			} else {
				g.ports = append(g.ports, ports...)
			}
			continue
		}
		p, known := portWord(word)
		switch {
		case !known:
			return nil, fmt.Errorf("%q is not a port", word)
		case p == 0:
		case len(g.ports) == 0:
			g.before |= p
		case g.before != 0:
			groups = append(groups, portGroup{before: p})
		default:
			g.after |= p
		}
	}
	return groups, nil
}

func portWord(word string) (protocol, bool) {
	switch strings.TrimRight(word, ".") {
	case "tcp":
		return tcp, true
	case "udp", "ntp":
		return udp, true
	case "http":
		return http, true
	case "https", "tls", "ssl", "wss":
		return https, true
	case "port", "ports", "outbound", "web":
		return 0, true
	}
	return 0, false
}

// portNumbers reads digits with commas. "80,443" is two ports, since there is no port 80443; "9,418" is one, since nobody means
// port 9; "22,443" could be either, and is an error.
func portNumbers(word string) ([]uint16, error) {
	parts := strings.Split(word, ",")
	if len(parts) == 2 && len(parts[0]) <= 2 && len(parts[1]) == 3 && strings.Trim(parts[0]+parts[1], "0123456789") == "" {
		whole, err := policy.ParsePort(parts[0] + parts[1])
		switch {
		case err != nil: // above 65535
		case len(parts[0]) == 1 || parts[1][0] == '0':
			return []uint16{whole}, nil
		default:
			return nil, fmt.Errorf("%q could be port %d, or ports %s and %s: write it without the comma, or with a space after it",
				word, whole, parts[0], parts[1])
		}
	}
	var ports []uint16
	for _, part := range parts {
		port, err := policy.ParsePort(part)
		if err != nil {
			return nil, err
		}
		if port < 10 { // a part of a larger number, or of a list of notes
			return nil, fmt.Errorf("%q: nobody means port %d", word, port)
		}
		ports = append(ports, port)
	}
	return ports, nil
}

// protocolsIn returns the protocols in a cell that may have other words too.
func protocolsIn(cell string) protocol {
	var all protocol
	for _, word := range strings.FieldsFunc(strings.ToLower(cell), func(c rune) bool { return c < 'a' || c > 'z' }) {
		p, _ := portWord(word)
		all |= p
	}
	return all
}
