// Package pac makes the proxy auto-configuration file for administrators' workstations, and serves it as /proxy.pac and
// /wpad.dat. It is not for nodes: Azure Local supports no PAC files. Off by default.
//
//	http.Serve(ln, pac.Handler(options))
//
// The file is the same for everybody and contains no secret: names of the proxy and of hosts that are reached without it.
package pac

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strconv"
	"strings"

	"webproxy/internal/setting"
)

// Options is the pac section of webproxy.yaml.
type Options struct {
	// Listen is the address where /proxy.pac and /wpad.dat are served, or "off". Browsers that discover the file
	// (WPAD) ask port 80 of a host named wpad. Changes take effect at the next start. Default off.
	Listen string `yaml:"listen"`
	// Proxy is the proxy as workstations reach it, host:port. Needed if Listen is an address.
	Proxy string `yaml:"proxy"`
	// Direct are hosts to be reached without the proxy: names, domains ("*.contoso.com"), addresses and prefixes. Names
	// without a dot, loopback and link-local addresses always are. Default: the private ranges.
	Direct []string `yaml:"direct"`
}

// Off is the word that switches the listener off.
const Off = "off"

// On reports whether the file is served.
func (o Options) On() bool { return o.Listen != "" && o.Listen != Off }

// defaultDirect are the private ranges (RFC 1918, RFC 4193).
var defaultDirect = []string{"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"}

// alwaysDirect are loopback and link-local addresses.
var alwaysDirect = []string{"127.0.0.0/8", "169.254.0.0/16", "::1/128", "fe80::/10"}

// Check returns nil, or all problems of o as *setting.OptionErrors, joined. Fields are relative to pac.
func (o Options) Check() error {
	var problems []error
	bad := func(field, msg, hint string) {
		problems = append(problems, &setting.OptionError{Field: field, Msg: msg, Hint: hint})
	}
	switch {
	case o.Proxy != "":
		if _, err := proxyText(o.Proxy); err != nil {
			bad("proxy", err.Error(), `write it as "webproxy.contoso.com:9090"`)
		}
	case o.On():
		bad("proxy", "is missing", "say how workstations reach the proxy: webproxy.contoso.com:9090")
	}
	for i, d := range o.Direct {
		if _, err := parseDirect(d); err != nil {
			bad(fmt.Sprintf("direct[%d]", i), err.Error(), `write a name, "*.contoso.com", an address or a prefix`)
		}
	}
	return errors.Join(problems...)
}

// proxyText is the proxy as a PAC file names it.
func proxyText(s string) (string, error) {
	i := strings.LastIndexByte(s, ':')
	if i < 0 {
		return "", fmt.Errorf("%q has no port", s)
	}
	host, port := s[:i], s[i+1:]
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return "", fmt.Errorf("%q has no port", s)
	}
	if a, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil && a.Zone() == "" {
		return netip.AddrPortFrom(a, 0).Addr().String() + ":" + port, nil
	}
	name, err := hostName(host)
	return name + ":" + port, err
}

// A direct is an entry of Options.Direct: a name, a domain or a network.
type direct struct {
	name, domain string
	network      netip.Prefix
}

func parseDirect(s string) (direct, error) {
	if a, err := netip.ParseAddr(s); err == nil && a.Zone() == "" {
		return direct{network: netip.PrefixFrom(a, a.BitLen())}, nil
	}
	if p, err := netip.ParsePrefix(s); err == nil {
		if p != p.Masked() {
			return direct{}, fmt.Errorf("%s has bits of a host", s)
		}
		return direct{network: p}, nil
	}
	domain, wild := strings.CutPrefix(s, "*.")
	name, err := hostName(domain)
	if wild {
		return direct{domain: name}, err
	}
	return direct{name: name}, err
}

// hostName checks a name and returns it in lower case: nothing in it can end a string of JavaScript.
func hostName(s string) (string, error) {
	name := strings.ToLower(s)
	if name == "" || len(name) > 253 || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-_.") != "" || strings.HasPrefix(name, ".") || strings.Contains(name, "..") {
		return "", fmt.Errorf("%q is not the name of a host", s)
	}
	return name, nil
}

// Script is the file. Options must have passed Check.
func Script(o Options) string {
	proxy, _ := proxyText(o.Proxy)
	if o.Direct == nil {
		o.Direct = defaultDirect
	}
	names, domains, nets4, nets6 := []string{}, []string{}, [][]string{}, []string{}
	for i, list := range [][]string{alwaysDirect, o.Direct} {
		for _, s := range list {
			d, err := parseDirect(s)
			switch {
			case err != nil:
				continue
			case d.domain != "":
				domains = append(domains, "."+d.domain)
			case d.name != "":
				names = append(names, d.name)
			case d.network.Addr().Is4():
				nets4 = append(nets4, []string{d.network.Addr().String(), mask(d.network.Bits())})
			case i == 0 || d.network.IsValid():
				nets6 = append(nets6, d.network.String())
			}
		}
	}
	return fmt.Sprintf(script, proxyFor(proxy), literal(names), literal(domains), literal(nets4), literal(nets6))
}

// proxyFor is the result for requests through the proxy.
func proxyFor(proxy string) string {
	if strings.Count(proxy, ":") > 1 {
		i := strings.LastIndexByte(proxy, ':')
		proxy = "[" + proxy[:i] + "]" + proxy[i:]
	}
	return literal("PROXY " + proxy)
}

// mask is the mask of an IPv4 prefix, in dots.
func mask(bits int) string {
	m := ^uint32(0) << (32 - bits)
	if bits == 0 {
		m = 0
	}
	return netip.AddrFrom4([4]byte{byte(m >> 24), byte(m >> 16), byte(m >> 8), byte(m)}).String()
}

// literal is v as JavaScript.
func literal(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // strings and lists of them
	}
	return string(b)
}

// script is in the old JavaScript of WinHTTP. It resolves no names: a workstation behind a closed firewall may have no
// DNS for the internet, and would wait.
const script = `// Proxy auto-configuration for administrators' workstations, made by webproxy.
// Not for nodes: Azure Local supports no PAC files. See: webproxy client-config
function FindProxyForURL(url, host) {
  var proxy = %s, names = %s, domains = %s, nets = %s, nets6 = %s, i;
  host = host.toLowerCase().replace(/^\[|\]$/g, "").replace(/\.$/, "");
  if (host.indexOf(":") >= 0) {
    return inNets6(host, nets6) ? "DIRECT" : proxy;
  }
  if (host.indexOf(".") < 0) {
    return "DIRECT";
  }
  if (/^\d+\.\d+\.\d+\.\d+$/.test(host)) {
    for (i = 0; i < nets.length; i++) {
      if (isInNet(host, nets[i][0], nets[i][1])) {
        return "DIRECT";
      }
    }
    return proxy;
  }
  for (i = 0; i < names.length; i++) {
    if (host === names[i]) {
      return "DIRECT";
    }
  }
  for (i = 0; i < domains.length; i++) {
    if (host.length > domains[i].length && host.substring(host.length - domains[i].length) === domains[i]) {
      return "DIRECT";
    }
  }
  return proxy;
}

function groups(host) {
  var halves = host.split("::"), head = halves[0] ? halves[0].split(":") : [], tail = halves[1] ? halves[1].split(":") : [], all = [], i;
  while (halves.length > 1 && head.length + tail.length < 8) {
    head.push("0");
  }
  head = head.concat(tail);
  for (i = 0; i < 8; i++) {
    all.push(parseInt(head[i] || "0", 16) || 0);
  }
  return all;
}

function inNets6(host, nets6) {
  var have = groups(host), i, j, want, bits, mask, same;
  for (i = 0; i < nets6.length; i++) {
    want = groups(nets6[i].split("/")[0]);
    bits = parseInt(nets6[i].split("/")[1], 10);
    same = true;
    for (j = 0; j < 8 && bits > 0; j++, bits -= 16) {
      mask = bits >= 16 ? 0xffff : 0xffff & ~(0xffff >> bits);
      if ((have[j] & mask) !== (want[j] & mask)) {
        same = false;
      }
    }
    if (same) {
      return true;
    }
  }
  return false;
}
`

// Handler serves only the file.
func Handler(o Options) http.Handler {
	text := []byte(Script(o))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		switch {
		case r.URL.Path != "/proxy.pac" && r.URL.Path != "/wpad.dat":
			http.NotFound(w, r)
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			h.Set("Allow", "GET, HEAD")
			http.Error(w, "nothing here can be changed", http.StatusMethodNotAllowed)
		default:
			h.Set("Content-Type", "application/x-ns-proxy-autoconfig")
			h.Set("Content-Length", strconv.Itoa(len(text)))
			h.Set("Cache-Control", "max-age=3600")
			if r.Method == http.MethodGet {
				w.Write(text)
			}
		}
	})
}
