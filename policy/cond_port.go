package policy

import "slices"

// An admission is the ports that an entry admits in each form. Entries share them.
type admission struct {
	http  portSet // absolute form
	https portSet // CONNECT
}

// A portSet is a set of ports. The zero portSet is empty.
type portSet struct {
	all   bool
	ports []uint16
}

func (s *portSet) has(port uint16) bool { return s.all || slices.Contains(s.ports, port) }

func (s portSet) any() bool { return s.all || len(s.ports) > 0 }

// String is "*", or the ports by comma.
func (s portSet) String() string { return string(s.appendTo(nil)) }

func (s portSet) appendTo(b []byte) []byte {
	if s.all {
		return append(b, '*')
	}
	return appendPorts(b, s.ports)
}

// checkPort evaluates port and scheme together, since an entry may list them together.
func (e *entry) checkPort(t Target) Reason {
	admits := e.terms().admits
	own, other := &admits.https, &admits.http
	if t.scheme == HTTP {
		own, other = other, own
	}
	switch {
	case own.has(t.port):
		return reasonUnset
	case other.has(t.port):
		return SchemeNotAllowed
	}
	return PortNotAllowed
}

// compilePort computes which ports an entry admits in which form: those of its scheme. Without a scheme, CONNECT on
// every port and plain HTTP too on port 80; without ports, the scheme's default port. A deny without a scheme is for
// both, and without ports for all.
func (c *compiler) compilePort(r *RuleSpec, f *form) *admission {
	schemes, ports := r.Schemes, f.list
	if f.scheme != SchemeNone {
		schemes = []Scheme{f.scheme}
	}
	var a admission
	switch {
	case len(schemes) > 0:
		for _, s := range schemes {
			a.add(s, ports, r.Deny)
		}
	case r.Deny:
		a.add(HTTP, ports, true)
		a.add(HTTPS, ports, true)
	default:
		a.add(HTTPS, ports, false)
		if slices.Contains(ports, 80) {
			a.add(HTTP, []uint16{80}, false)
		}
	}
	return c.intern(a)
}

func (a *admission) add(s Scheme, ports []uint16, deny bool) {
	set := portSet{ports: ports}
	if len(ports) == 0 {
		set = portSet{all: deny}
		if !deny {
			set.ports = []uint16{s.DefaultPort()}
		}
	}
	if s == HTTP {
		a.http = set
		return
	}
	a.https = set
}

// intern returns one admission for all that are equal: 100,000 entries have a handful of them.
func (c *compiler) intern(a admission) *admission {
	c.key = a.http.appendTo(c.key[:0])
	c.key = append(c.key, ' ')
	c.key = a.https.appendTo(c.key)
	if p, ok := c.admissions[string(c.key)]; ok {
		return p
	}
	p := &a
	c.admissions[string(c.key)] = p
	return p
}
