package tables

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"webproxy/policy"
)

// A transport is a scheme and a port by which an entry can allow a host.
type transport struct {
	scheme policy.Scheme
	port   uint16
}

// transports returns by which schemes and ports a line allows its address. stated is the scheme of the address, own are its
// ports, list is what stands beside it. Where they differ, only what all have in common is allowed; the rest is in notes, or if
// nothing is left, in bad.
func transports(stated policy.Scheme, own []uint16, list portList) (open []transport, notes []string, bad *Left) {
	services, outside := agreed(own, list)
	if len(services) == 0 && len(outside) > 0 {
		return nil, nil, &Left{Kind: Problem, Why: "the address says port " + numbers(own) + ", the line beside it port " + numbers(outside)}
	}
	if len(outside) > 0 {
		notes = append(notes, "port "+numbers(outside)+" left out: the address itself says "+numbers(own))
	}
	if lost := missing(own, services); len(lost) > 0 {
		notes = append(notes, "port "+numbers(lost)+" of the address left out: what stands beside it has other ports")
	}
	if len(services) == 0 {
		services = defaults(stated, list.proto)
	}
	for _, s := range services {
		d, why := s.transport(stated)
		if why == nil {
			if !slices.Contains(open, d) {
				open = append(open, d)
			}
			if s.proto&udp != 0 {
				notes = append(notes, fmt.Sprintf("UDP port %d left out: it does not pass an HTTP proxy", s.port))
			}
			continue
		}
		if bad == nil || why.Kind == Problem {
			bad = why
		}
		notes = append(notes, why.Why)
	}
	if len(open) > 0 {
		bad = nil
	}
	return open, notes, bad
}

// agreed returns the services that own, the ports of the address, and list have in common, and the ports of list alone.
func agreed(own []uint16, list portList) (services []service, outside []uint16) {
	for _, s := range list.services {
		if s.proto == 0 {
			s.proto = list.proto
		}
		if len(own) > 0 && !slices.Contains(own, s.port) {
			outside = append(outside, s.port)
			continue
		}
		services = append(services, s)
	}
	if len(list.services) == 0 {
		for _, port := range own {
			services = append(services, service{port, list.proto})
		}
	}
	return services, outside
}

// missing returns those of ports that no service has.
func missing(ports []uint16, services []service) []uint16 {
	return slices.DeleteFunc(slices.Clone(ports), func(p uint16) bool {
		return slices.ContainsFunc(services, func(s service) bool { return s.port == p })
	})
}

// defaults are the services of a line that names no port.
func defaults(stated policy.Scheme, proto protocol) []service {
	switch {
	case stated != policy.SchemeNone:
		return []service{{stated.DefaultPort(), proto}}
	case proto&http != 0 && proto&https != 0:
		return []service{{80, http}, {443, https}}
	case proto&http != 0:
		return []service{{80, proto}}
	}
	return []service{{443, proto}}
}

// transport returns how s is reached through a web proxy, or why it cannot be.
func (s service) transport(stated policy.Scheme) (transport, *Left) {
	if s.proto == udp || s.proto == 0 && stated == policy.SchemeNone && udpOnly(s.port) {
		return transport{}, &Left{Kind: NoRule, Why: fmt.Sprintf("UDP port %d does not pass an HTTP proxy: allow it at the firewall", s.port), Firewall: true}
	}
	scheme := stated
	if said := s.scheme(); scheme == policy.SchemeNone {
		scheme = said
	} else if s.proto&(http|https) != 0 && s.proto&(http|https) != http|https && said != scheme {
		return transport{}, contradiction(scheme.String(), strings.ToUpper(said.String()))
	}
	if scheme == policy.HTTP && s.port == 443 || scheme == policy.HTTPS && s.port == 80 {
		return transport{}, contradiction(scheme.String(), "port "+strconv.Itoa(int(s.port)))
	}
	return transport{scheme, s.port}, nil
}

func contradiction(scheme, other string) *Left {
	return &Left{
		Kind: Problem,
		Why:  fmt.Sprintf("it says %s and %s, which do not go together", scheme, other),
		Hint: "write http://host for plain HTTP on port 80, https://host for CONNECT to port 443",
	}
}

// scheme is the scheme of s if its address has none: plain HTTP on port 80, else CONNECT.
func (s service) scheme() policy.Scheme {
	switch said := s.proto & (http | https); {
	case said == http, said != https && s.port == 80:
		return policy.HTTP
	}
	return policy.HTTPS
}

// udpOnly reports whether only UDP uses a port: NTP, SNMP, IKE. Microsoft's tables have "time.windows.com, 123" without
// mentioning UDP.
func udpOnly(port uint16) bool { return port == 123 || port == 161 || port == 500 || port == 4500 }

func numbers(ports []uint16) string {
	words := make([]string, len(ports))
	for i, p := range ports {
		words[i] = strconv.Itoa(int(p))
	}
	return strings.Join(words, ", ")
}
