package egress

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"syscall"

	"webproxy/internal/proxystatus"
	"webproxy/policy"
)

// A DialError says why a permitted target could not be reached. It is a failure, not a denial.
type DialError struct {
	// Word is the proxy error type of RFC 9209, section 2.3, for the client and the audit log.
	Word string
	// Status is 504 after a timeout, 503 at a limit of this proxy or its system, else 502.
	Status int
	// Detail is for clients and the audit log; it may be empty.
	Detail string
	// Upstream is the upstream proxy that the failure is about; empty if there was none on the way.
	Upstream string
	// Received is the status of the upstream proxy's response; 0 if it did not respond.
	Received int
	// Err is the cause. It may contain internal addresses: it is for the operator, not for clients.
	Err error

	target string
}

func (e *DialError) Error() string { return fmt.Sprintf("dial %s: %s: %v", e.target, e.Word, e.Err) }

// Unwrap returns the cause.
func (e *DialError) Unwrap() error { return e.Err }

func NewDialError(t policy.Target, word string, err error) *DialError {
	status := http.StatusBadGateway
	switch word {
	case proxystatus.Timeout, proxystatus.DNSTimeout:
		status = http.StatusGatewayTimeout
	case proxystatus.LimitReached: // RFC 9209, 2.3.13
		status = http.StatusServiceUnavailable
	}
	return &DialError{Word: word, Status: status, Err: err, target: t.HostPort()}
}

// newDNSError is the error of a name that could not be resolved.
func newDNSError(t policy.Target, err error) *DialError {
	word := proxystatus.DNSError
	var dns *net.DNSError
	if errors.As(err, &dns) && dns.IsTimeout || isTimeout(err) {
		word = proxystatus.DNSTimeout
	}
	return NewDialError(t, word, err)
}

// connectError classifies why addr could not be connected to: the guard, a client that disconnected, or the network.
func connectError(ctx context.Context, t policy.Target, addr netip.AddrPort, err error) error {
	var refused *RefusedError
	if errors.As(err, &refused) {
		return refused
	}
	if errors.Is(err, ErrOtherWay) {
		return err
	}
	if errors.Is(ctx.Err(), context.Canceled) {
		return fmt.Errorf("dial %s: %w", t.HostPort(), context.Canceled)
	}
	return NewDialError(t, connectWord(addr, err), err)
}

func connectWord(addr netip.AddrPort, err error) string {
	var errno syscall.Errno
	switch {
	case isTimeout(err):
		return proxystatus.Timeout
	case !errors.As(err, &errno):
		return proxystatus.Unavailable
	}
	word := errnoWord(errno)
	if word == proxystatus.LimitReached && isNoLocalAddr(errno) && addr.Addr().Is6() {
		// For IPv4 it means that all ports are in use; for IPv6, that it is switched off on this machine.
		return proxystatus.Unroutable
	}
	return word
}

func isTimeout(err error) bool {
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded)
}

// ErrOtherWay says that the policy, which still permits a CONNECT, now wants its TLS inspected, or no longer
// inspected.
var ErrOtherWay = errors.New("the policy now wants the tunnel inspected, or no longer inspected")

// refusedNow reports whether err says that the target is not permitted any more.
func refusedNow(err error) bool {
	var refused *RefusedError
	return errors.As(err, &refused) || errors.Is(err, ErrOtherWay)
}

// errNoDescriptor is the failure of a connection for which there is no room. It wraps the system's own error, and is
// treated as that.
var errNoDescriptor = fmt.Errorf("the budget of open files is used up: %w", syscall.EMFILE)

// An admission reports whether there is room for a socket that is about to be connected, to an origin, an upstream
// proxy or a DNS server. A nil one has room for all.
type admission func(c syscall.RawConn) bool

func (a admission) open(c syscall.RawConn) error {
	if a == nil || a(c) {
		return nil
	}
	return errNoDescriptor
}
