package config

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// A listener is a listening address of the configuration, with its setting.
type listener struct {
	path string
	host netip.Addr // invalid if it is every address of the machine
	port uint16
}

// parseListen reads host:port. The host is an IP address, localhost, or left out for every address
// of the machine; the port may be 0, for any that is free.
func parseListen(path, s string) (listener, error) {
	l := listener{path: path}
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		return l, fmt.Errorf("%q: want an address and a port, such as %q", s, "10.0.0.5:9090")
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return l, fmt.Errorf("port %q: want 0 to 65535", port)
	}
	l.port = uint16(n)
	switch host {
	case "":
		return l, nil
	case "localhost":
		l.host = netip.AddrFrom4([4]byte{127, 0, 0, 1})
		return l, nil
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		// A name may resolve to something else tomorrow.
		return l, fmt.Errorf("host %q: want an IP address of this machine, localhost, or nothing for all", host)
	}
	if !addr.IsUnspecified() {
		l.host = addr.Unmap()
	}
	return l, nil
}

// clashes reports whether both listeners want the same port of the same address.
func (l listener) clashes(other listener) bool {
	return l.port != 0 && l.port == other.port &&
		(!l.host.IsValid() || !other.host.IsValid() || l.host == other.host)
}

// listeners returns the configured addresses that can be read, and calls bad for the others.
func (c *Config) listeners(bad func(path string, err error)) []listener {
	var all []listener
	add := func(path, s string) {
		l, err := parseListen(path, s)
		if err != nil {
			bad(path, err)
			return
		}
		all = append(all, l)
	}
	for _, list := range []struct {
		path  string
		addrs Addresses
	}{{"listen", c.Listen}, {"listen_tls.listen", c.ListenTLS.Listen}} {
		for i, s := range list.addrs {
			path := list.path
			if len(list.addrs) > 1 {
				path = fmt.Sprintf("%s[%d]", path, i)
			}
			add(path, s)
		}
	}
	if c.Dashboard.Listen != Off {
		add("dashboard.listen", c.Dashboard.Listen)
	}
	if c.PAC.On() {
		add("pac.listen", c.PAC.Listen)
	}
	return all
}

// checkListeners checks the listeners against each other, and warns of those that are open to others by accident.
func (l *loader) checkListeners() {
	if l.failed("listen") || l.failed("listen_tls") || l.failed("dashboard") || l.failed("pac") {
		return
	}
	if len(l.cfg.Listen) == 0 {
		l.fail("listen", "names no address", `leave it out for ":9090"`)
	}
	all := l.cfg.listeners(func(path string, err error) { l.fail(path, err.Error(), "") })
	for i, a := range all {
		for _, b := range all[:i] {
			if a.clashes(b) {
				l.fail(a.path, fmt.Sprintf("port %d is taken by %s", a.port, b.path), "")
				break
			}
		}
		if a.path == "dashboard.listen" && !a.host.IsLoopback() {
			l.warnOpenDashboard()
		}
	}
}

// selfAddrs are the addresses at which the proxy itself listens, those of every interface included:
// a request that leads there would lead into the proxy again.
func selfAddrs(c *Config) []netip.AddrPort {
	var own []netip.Addr
	if addrs, err := net.InterfaceAddrs(); err == nil { // without them, loopback and private addresses are still guarded
		for _, a := range addrs {
			// "10.0.0.5/24"; the mask does not matter, nor does a zone
			text, _, _ := strings.Cut(a.String(), "/")
			if addr, err := netip.ParseAddr(text); err == nil {
				own = append(own, addr.WithZone("").Unmap())
			}
		}
	}
	var self []netip.AddrPort
	for _, l := range c.listeners(func(string, error) {}) {
		if l.port == 0 {
			continue
		}
		if l.host.IsValid() {
			self = append(self, netip.AddrPortFrom(l.host, l.port))
			continue
		}
		for _, a := range own {
			self = append(self, netip.AddrPortFrom(a, l.port))
		}
	}
	return self
}
