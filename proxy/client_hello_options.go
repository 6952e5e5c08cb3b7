package proxy

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"webproxy/internal/setting"
	"webproxy/policy"
	"webproxy/proxy/internal/clienthello"
)

// TLSOptions are the settings under tls: how tunnels may begin. Whatever they say, a ClientHello that
// names a host must name one that the client may reach.
type TLSOptions struct {
	// RequireTLS lists ports on which tunnels must begin with TLS. Default: none.
	RequireTLS []uint16 `yaml:"require_tls"`
	// RequireSNI lists ports on which tunnels must begin with TLS and name their host in the ClientHello,
	// unless they are to an address. Old clients name none. Default: none.
	RequireSNI []uint16 `yaml:"require_sni"`
	// HelloTimeout bounds the time from the first byte of a ClientHello to its last. Default 10s.
	HelloTimeout setting.Duration `yaml:"client_hello_timeout" was:"hello_timeout"`
}

// A tunnel's buffer can hold every ClientHello that is accepted.
const _ = uint(tunnelBuffer - clienthello.Limit)

const defaultHelloTimeout = 10 * time.Second

// Check returns nil, or all problems of o as *setting.OptionErrors, joined. Fields are relative to tls.
func (o TLSOptions) Check() error {
	var problems []error
	for field, ports := range map[string][]uint16{"require_tls": o.RequireTLS, "require_sni": o.RequireSNI} {
		if i := slices.Index(ports, 0); i >= 0 {
			problems = append(problems, &setting.OptionError{Field: fmt.Sprintf("%s[%d]", field, i), Msg: "0 is no port"})
		}
	}
	if o.HelloTimeout == setting.Off {
		problems = append(problems, &setting.OptionError{
			Field: "client_hello_timeout",
			Msg:   "off would let clients hold tunnels open that nobody has checked",
			Hint:  "write a long time, such as 1m",
		})
	}
	return errors.Join(problems...)
}

// demands are what tunnels to port must begin with.
func (o *TLSOptions) demands(port uint16) policy.ClientHelloDemands {
	return policy.ClientHelloDemands{TLS: slices.Contains(o.RequireTLS, port), SNI: slices.Contains(o.RequireSNI, port)}
}
