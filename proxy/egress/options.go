package egress

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"time"

	"webproxy/internal/setting"
	"webproxy/policy"
)

// Options are the settings under egress: in the configuration. A zero field means its default.
type Options struct {
	// Resolver is the DNS server, such as "10.0.0.2:53", by UDP and TCP. Default: the system's
	// servers. The system's hosts file comes first either way.
	Resolver string `yaml:"resolver"`
	// Hosts gives names fixed addresses. They take precedence over DNS and the system's hosts file.
	Hosts map[string][]string `yaml:"hosts"`
	// Family is which addresses of names are used: any (the default), ipv4 or ipv6. Addresses in hosts or in a
	// request are used whatever their family.
	Family Family `yaml:"family"`
	// ConnectTimeout bounds connecting to an origin, all its addresses together. Default 10s.
	ConnectTimeout time.Duration `yaml:"connect_timeout"`
	// DNSTimeout bounds resolving a name, retries included. Default 5s.
	DNSTimeout time.Duration `yaml:"dns_timeout"`
	// KeepAlive is how long a connection is idle before TCP sends keep-alive probes; it is closed after 9 probes
	// without a response, 15s apart. Default 30s.
	KeepAlive time.Duration `yaml:"keep_alive"`
	// MaxNames bounds the names in the DNS cache. Default 10000.
	MaxNames int `yaml:"max_names"`
	// Upstreams are proxies to reach origins through. Those that may serve a host are tried in this
	// order until one does; a host that none may serve is reached directly. Default: none.
	Upstreams []UpstreamSpec `yaml:"upstream_proxies" was:"parents"`

	// Roots are the authorities that TLS to upstream proxies is verified against. If nil, the system's.
	Roots *Roots `yaml:"-"`
}

const (
	defaultConnectTimeout = 10 * time.Second
	defaultDNSTimeout     = 5 * time.Second
	defaultKeepAlive      = 30 * time.Second
	defaultMaxNames       = 10_000

	keepAliveInterval = 15 * time.Second
	keepAliveProbes   = 9
)

// Check returns nil, or all problems of o as *OptionErrors, joined. Fields are relative to egress.
func (o Options) Check() error {
	var problems []error
	if o.Resolver != "" {
		if _, err := netip.ParseAddrPort(o.Resolver); err != nil {
			problems = append(problems, &setting.OptionError{
				Field: "resolver",
				Msg:   fmt.Sprintf("%q is not an address and a port", o.Resolver),
				Hint:  resolverHint(o.Resolver),
			})
		}
	}
	for _, d := range []struct {
		field string
		value time.Duration
	}{
		{"connect_timeout", o.ConnectTimeout},
		{"dns_timeout", o.DNSTimeout},
		{"keep_alive", o.KeepAlive},
	} {
		if d.value < 0 {
			problems = append(problems, &setting.OptionError{Field: d.field, Msg: fmt.Sprintf("%v is negative", d.value)})
		}
	}
	// The system counts keep-alive in whole seconds.
	if o.KeepAlive > 0 && o.KeepAlive < time.Second {
		problems = append(problems, &setting.OptionError{
			Field: "keep_alive",
			Msg:   fmt.Sprintf("%v is less than a second", o.KeepAlive),
		})
	}
	if o.MaxNames < 0 {
		problems = append(problems, &setting.OptionError{Field: "max_names", Msg: fmt.Sprintf("%d is negative", o.MaxNames)})
	}
	_, bad := o.staticNames()
	return errors.Join(append(append(problems, bad...), o.checkUpstreams()...)...)
}

func resolverHint(s string) string {
	if addr, err := netip.ParseAddr(s); err == nil {
		return fmt.Sprintf("add the port: %q", netip.AddrPortFrom(addr, 53))
	}
	return `write "10.0.0.2:53", or leave it out to ask the system's servers`
}

func (o Options) withDefaults() Options {
	if o.ConnectTimeout == 0 {
		o.ConnectTimeout = defaultConnectTimeout
	}
	if o.DNSTimeout == 0 {
		o.DNSTimeout = defaultDNSTimeout
	}
	if o.KeepAlive == 0 {
		o.KeepAlive = defaultKeepAlive
	}
	if o.MaxNames == 0 {
		o.MaxNames = defaultMaxNames
	}
	return o
}

// staticNames returns Hosts by normal name, as targets are spelled, and what is wrong with them.
func (o Options) staticNames() (map[string][]netip.Addr, []error) {
	static := make(map[string][]netip.Addr, len(o.Hosts))
	var problems []error
	for _, name := range slices.Sorted(maps.Keys(o.Hosts)) {
		field := fmt.Sprintf("hosts.%s", name)
		t, err := policy.ParseTarget(policy.HTTP, name+":80")
		switch {
		case err != nil:
			problems = append(problems, &setting.OptionError{Field: field, Msg: err.Error()})
		case t.Addr().IsValid():
			problems = append(problems, &setting.OptionError{Field: field, Msg: "an address needs no name"})
		case len(o.Hosts[name]) == 0:
			problems = append(problems, &setting.OptionError{Field: field, Msg: "no address"})
		case len(o.Hosts[name]) > maxAddrs:
			problems = append(problems, &setting.OptionError{Field: field, Msg: fmt.Sprintf("more than %d addresses", maxAddrs)})
		case static[t.Host()] != nil:
			problems = append(problems, &setting.OptionError{Field: field, Msg: fmt.Sprintf("%s is there twice", t.Host())})
		}
		var addrs []netip.Addr
		for i, s := range o.Hosts[name] {
			addr, err := netip.ParseAddr(s)
			if err != nil || addr.Zone() != "" {
				problems = append(problems, &setting.OptionError{
					Field: fmt.Sprintf("%s[%d]", field, i),
					Msg:   fmt.Sprintf("%q is not an IP address without a zone", s),
				})
				continue
			}
			addrs = append(addrs, addr)
		}
		static[t.Host()] = usableAddrs(addrs)
	}
	return static, problems
}
