package review

import (
	"fmt"
	"io"
	"net"
	"strconv"

	"webproxy/audit"
	"webproxy/policy"
)

// lateNote tells why a request was refused after it had been allowed.
func lateNote(reason string) string {
	switch reason {
	case policy.SNIMismatch.String(), policy.SNIRequired.String(), policy.TLSRequired.String(), policy.BadHello.String():
		return "the tunnel was allowed; it was refused for the first bytes that the client sent into it"
	}
	return "its name was allowed; it was refused when the name led to an address that is not"
}

// serverNamed is req for the host that the client's ClientHello named.
func serverNamed(req *policy.Request, sni string) (policy.Request, bool) {
	named := *req
	var err error
	named.Target, err = policy.ParseTarget(policy.HTTPS, net.JoinHostPort(sni, strconv.Itoa(int(req.Target.Port()))))
	return named, err == nil
}

// writeMisnamed tells of a tunnel whose ClientHello named another host, and what would allow a tunnel to that host.
func (a *Why) writeMisnamed(w io.Writer, r *audit.Record, x *policy.Explanation) (err error) {
	fmt.Fprintf(w, " reason  %s\n note    %s\n note    %s\n", audit.Printable(r.Reason+recordedRule(r)), lateNote(r.Reason), audit.Printable(r.Detail))
	fmt.Fprintf(w, "of the host it named, now: %s\n reason  %s: %s\n", headline(x), x.Reason, x.Why)
	if x.Permit {
		_, err = fmt.Fprintln(w, " note    with the current policy the tunnel would go on")
		return err
	}
	_, err = io.WriteString(w, AdviceText(x, Remedies(a.Config, x, a.Flag), ListedIn(a.Config, x)))
	return err
}
