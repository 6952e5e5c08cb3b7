package proxy

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"time"
	"webproxy/internal/setting"
	"webproxy/proxy/internal/http1"
	"webproxy/proxy/internal/http1conn"

	"github.com/pires/go-proxyproto"
)

// A TLSListener says how clients speak TLS to the proxy itself.
type TLSListener struct {
	// Config has the proxy's certificate and, if clients may have some, the authority of theirs.
	Config *tls.Config
	// Identify returns the client group and the name that a verified certificate gives. Both are empty if it gives
	// none; then the address decides the group. It may be nil.
	Identify func(*x509.Certificate) (group, name string)
}

// A prelude precedes the first request on a connection: a load balancer's PROXY protocol header, a TLS handshake, or
// both in this order.
type prelude struct {
	balanced bool
	tls      *TLSListener
}

// preludeBuffer is the size of the buffer for a PROXY header. A whole header fits, whatever the balancer adds to it.
const preludeBuffer = 1024

// begin reads c's prelude, in at most the time that a head may take. It reports false if the connection is over. If
// the client sent anything, that is recorded.
func (c *clientConn) begin() bool {
	p := c.prelude
	c.prelude = nil
	limit := deadlineIn(c.limits.header)
	c.awaitBy(limit)
	c.tcp.SetWriteDeadline(limit) // of the handshake
	first := &firstBytes{TCPConn: c.tcp}
	f, err := c.readPrelude(p, first)
	c.await(false)
	c.armAt(noDeadline)
	c.SetWriteDeadline(noDeadline)
	switch {
	case f == http1.NoError:
		return true
	case !first.came:
		c.inputDone = true
	default:
		c.refuse(nil, f, err)
	}
	return false
}

func (c *clientConn) readPrelude(p *prelude, first *firstBytes) (http1.ProtocolError, error) {
	if p.balanced {
		if f, err := c.readBalancer(first); f != http1.NoError {
			return f, err
		}
	}
	if p.tls != nil {
		return c.handshake(p.tls, first)
	}
	if len(first.rest) > 0 {
		c.hold(first.rest)
	}
	return http1.NoError, nil
}

// readBalancer reads a PROXY protocol header and adopts the client that it names. A balancer that connects on its own
// behalf, for a health check, is its own client.
func (c *clientConn) readBalancer(first *firstBytes) (http1.ProtocolError, error) {
	r := bufio.NewReaderSize(first, preludeBuffer)
	h, err := proxyproto.Read(r)
	if err != nil {
		return http1.ErrBalancer, err
	}
	if n := r.Buffered(); n > 0 {
		b, _ := r.Peek(n)
		first.rest = append([]byte(nil), b...)
	}
	if h.Command.IsLocal() || h.TransportProtocol.IsUnspec() {
		return http1.NoError, nil
	}
	source, _, ok := h.TCPAddrs()
	if !ok || source == nil {
		return http1.ErrBalancer, errors.New("the header does not name a TCP client")
	}
	ap := source.AddrPort()
	client := netip.AddrPortFrom(ap.Addr().Unmap().WithZone(""), ap.Port())
	if !client.IsValid() {
		return http1.ErrBalancer, errors.New("the header names no client address")
	}
	if !c.owner.identified(c, client) {
		c.overLimit = true // answered at the first request, as on other connections beyond the limits
	}
	return http1.NoError, nil
}

// handshake makes c a TLS connection, and identifies the client by its certificate if it has one.
func (c *clientConn) handshake(o *TLSListener, first *firstBytes) (http1.ProtocolError, error) {
	conn := tls.Server(first, o.Config)
	err := conn.Handshake()
	var noTLS tls.RecordHeaderError
	if errors.As(err, &noTLS) {
		return http1.ErrNoTLS, nil // the client is told so without TLS
	}
	c.conn = conn
	if err != nil {
		return http1.ErrHandshake, err
	}
	if chains := conn.ConnectionState().VerifiedChains; len(chains) > 0 && o.Identify != nil {
		c.group, c.name = o.Identify(chains[0][0])
	}
	return http1.NoError, nil
}

// awaitBy marks that the connection waits for its first bytes until by.
func (c *clientConn) awaitBy(by time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting, c.since = true, time.Now()
	switch {
	case c.interrupted:
	case c.draining:
		c.tcp.SetReadDeadline(deadlineIn(lastMoment))
	default:
		c.tcp.SetReadDeadline(by)
	}
}

// firstBytes is a client connection of which bytes may have been read already. It knows whether anything was
// received.
type firstBytes struct {
	*net.TCPConn
	rest http1conn.Buffered
	came bool
}

func (c *firstBytes) Read(p []byte) (int, error) {
	if len(c.rest) > 0 {
		return c.rest.Take(p), nil
	}
	n, err := c.TCPConn.Read(p)
	c.came = c.came || n > 0
	return n, err
}

// WriteTo hides TCPConn's, which would skip the bytes that were read already.
func (c *firstBytes) WriteTo(w io.Writer) (int64, error) { return io.Copy(w, onlyReader{c}) }

// balancers are Balancers as prefixes, and what is wrong with them.
func (o Options) balancers() ([]netip.Prefix, []error) {
	var all []netip.Prefix
	var problems []error
	for i, s := range o.Balancers {
		p, err := netip.ParsePrefix(s)
		if addr, addrErr := netip.ParseAddr(s); addrErr == nil {
			p, err = netip.PrefixFrom(addr, addr.BitLen()), nil
		}
		if err != nil || p != p.Masked() || p.Addr().Zone() != "" || p.Addr().Is4In6() || p.Bits() == 0 {
			problems = append(problems, &setting.OptionError{
				Field: fmt.Sprintf("balancers[%d]", i),
				Msg:   fmt.Sprintf("%q is neither an address nor a network", s),
				Hint:  "write 10.0.0.5, or 10.0.0.0/24",
			})
			continue
		}
		all = append(all, p)
	}
	return all, problems
}

// isBalancer reports whether connections from addr begin with a PROXY protocol header.
func (s *Server) isBalancer(addr netip.Addr) bool {
	for _, p := range s.balancers {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}
