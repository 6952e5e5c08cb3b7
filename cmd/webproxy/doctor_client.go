package main

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"

	"webproxy/config"
	"webproxy/review"
)

// ourselves is this machine as a client.
type ourselves struct {
	proxy    string     // host:port
	source   netip.Addr // to send from; not valid if the system chooses
	group    string     // that the proxy will know us by
	asked    netip.Addr // an address of the group whose requests the policy evaluates
	networks string     // of that group, or our address
}

// findOurselves finds the proxy, and the address to send requests from.
func (f *doctorFlags) findOurselves(cfg *config.Config) (ourselves, error) {
	var o ourselves
	var err error
	if err := wantGroup(cfg.Set, "--as", f.as); err != nil {
		return o, err
	}
	if f.as != "" {
		if o.asked, err = review.ClientAddr(cfg.Set, f.as); err != nil {
			return o, usageError{fmt.Errorf("--as %w", err)}
		}
	}
	switch {
	case f.source != "":
		if o.source, err = netip.ParseAddr(f.source); err != nil {
			return o, usageError{fmt.Errorf("--source %q is not an address", f.source)}
		}
	case f.as != "":
		o.source = localAddrIn(cfg, f.as)
	}
	if o.proxy, err = f.proxyAddress(cfg, o.source); err != nil {
		return o, err
	}
	from := o.source
	if !from.IsValid() {
		from = addrTowards(o.proxy)
	}
	o.group = cfg.Set.GroupOf(from)
	if o.group == f.as || f.as == "" {
		o.asked = from
	}
	o.networks = from.String()
	for _, g := range cfg.Set.Groups() {
		if g.Name == cmp.Or(f.as, o.group) && len(g.Prefixes) > 0 {
			o.networks = g.Prefixes[0].String()
		}
	}
	return o, nil
}

// localAddrIn returns an address of this machine that is in a client group; not valid if it has no such address.
func localAddrIn(cfg *config.Config, group string) netip.Addr {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return netip.Addr{}
	}
	for _, a := range addrs {
		p, err := netip.ParsePrefix(a.String())
		if err == nil && !p.Addr().IsLinkLocalUnicast() && cfg.Set.GroupOf(p.Addr().Unmap()) == group {
			return p.Addr().Unmap()
		}
	}
	return netip.Addr{}
}

// proxyAddress is where the proxy listens: --proxy, or as configured.
func (f *doctorFlags) proxyAddress(cfg *config.Config, source netip.Addr) (string, error) {
	if f.proxy != "" {
		at := strings.TrimSuffix(strings.TrimPrefix(f.proxy, "http://"), "/")
		if host, port, err := net.SplitHostPort(at); err != nil || host == "" || port == "" {
			return "", usageError{fmt.Errorf("--proxy %q: want host:port", f.proxy)}
		}
		return at, nil
	}
	return listenAddress(cfg, source)
}

// listenAddress is where this machine reaches the proxy of a configuration: the first address on which it listens. One that listens
// on every address is reached at source, unless that is not valid, or else at the loopback address.
func listenAddress(cfg *config.Config, source netip.Addr) (string, error) {
	if len(cfg.Listen) == 0 {
		return "", usageError{errors.New("the configuration has no listen address: name the proxy with --proxy")}
	}
	host, port, err := net.SplitHostPort(cfg.Listen[0])
	if err != nil {
		return "", err
	}
	if a, err := netip.ParseAddr(host); host == "" || err == nil && a.IsUnspecified() { // every address of this machine
		host = "127.0.0.1"
		if source.IsValid() {
			host = source.String()
		}
	}
	return net.JoinHostPort(host, port), nil
}

// addrTowards returns the local address from which this machine would reach an address. Nothing is sent.
func addrTowards(address string) netip.Addr {
	conn, err := net.Dial("udp", address)
	if err != nil {
		return netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	defer conn.Close()
	at, err := netip.ParseAddrPort(conn.LocalAddr().String())
	if err != nil {
		return netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	return at.Addr().Unmap()
}
