package egress

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jcmturner/gofork/encoding/asn1"
	"github.com/jcmturner/gokrb5/v8/client"
	"github.com/jcmturner/gokrb5/v8/config"
	"github.com/jcmturner/gokrb5/v8/gssapi"
	"github.com/jcmturner/gokrb5/v8/iana/nametype"
	"github.com/jcmturner/gokrb5/v8/keytab"
	"github.com/jcmturner/gokrb5/v8/krberror"
	"github.com/jcmturner/gokrb5/v8/messages"
	"github.com/jcmturner/gokrb5/v8/spnego"
	"github.com/jcmturner/gokrb5/v8/types"

	"webproxy/internal/privatefile"
	"webproxy/internal/proxystatus"
	"webproxy/internal/smallfile"
)

// A NegotiateSpec is how to log in to an upstream proxy by Kerberos (RFC 4559). There is no NTLM.
type NegotiateSpec struct {
	// SSPI, on Windows, has the system make the tokens, for the account that runs the proxy: that of a service is the machine's own,
	// such as CORP\HOST$. Then there is no keytab, principal or krb5_conf. Default: false.
	SSPI bool `yaml:"sspi"`
	// Keytab is a file with the keys of the principal. Only its owner may be able to read it. It is
	// read at each login. Relative to the configuration file.
	Keytab string `yaml:"keytab"`
	// Principal is who logs in, "webproxy@CORP.EXAMPLE".
	Principal string `yaml:"principal"`
	// Krb5Conf is a file that names the realm's KDCs. It is read at each login. Relative to
	// the configuration file. Default: /etc/krb5.conf.
	Krb5Conf string `yaml:"krb5_conf"`
	// SPN is the upstream proxy's own principal, "HTTP/proxy.corp.example". Default: HTTP/ and the name in url.
	SPN string `yaml:"spn"`
}

const (
	defaultKrb5Conf = "/etc/krb5.conf"
	maxKeytab       = 1 << 20
	maxKrb5Conf     = 1 << 20 // bytes

	// loginPause is between logins that are not urgent: while the last ticket is still valid, and after the KDC
	// refused, as it may lock a principal that is refused often.
	loginPause = 10 * time.Second
)

// check calls fail for each problem. host is the name of the upstream proxy.
func (s NegotiateSpec) check(host string, byName bool, fail func(field, msg, hint string)) {
	_, _, ok := s.principal()
	switch {
	case s.SSPI && !hasSSPI:
		fail(".sspi", "is of Windows", "name a keytab and its principal here")
	case s.SSPI && (s.Keytab != "" || s.Principal != "" || s.Krb5Conf != ""):
		fail(".sspi", "there is a keytab, principal or krb5_conf too", "leave sspi out, or these")
	case s.SSPI:
	case s.Keytab == "":
		fail(".keytab", "is missing", "name the file that ktutil, ktpass or kadmin has made")
		fallthrough
	default:
		if !ok {
			fail(".principal", fmt.Sprintf("%q is not a principal with its realm", s.Principal), `write "webproxy@CORP.EXAMPLE"`)
		}
	}
	switch service, at, ok := strings.Cut(s.SPN, "/"); {
	case s.SPN == "" && !byName:
		fail(".spn", fmt.Sprintf("is missing, and %s is not a name", host), `write "HTTP/proxy.corp.example"`)
	case s.SPN != "" && (!ok || service == "" || at == "" || strings.ContainsAny(s.SPN, "@ \t")):
		fail(".spn", fmt.Sprintf("%q is not a service and a host", s.SPN), `write "HTTP/proxy.corp.example"`)
	}
}

// principal is Principal in its parts.
func (s NegotiateSpec) principal() (user, realm string, ok bool) {
	user, realm, ok = strings.Cut(s.Principal, "@")
	return user, realm, ok && user != "" && realm != "" && !strings.ContainsAny(s.Principal, " \t\r\n") && !strings.Contains(realm, "@")
}

// A kerberos makes tokens for an upstream proxy. It is safe for concurrent use.
type kerberos struct {
	// login asks the KDC for a ticket. It cannot be cancelled, and ends by its own limits.
	login func() (*ticket, error)
	// logins are those in progress, and tokens that are slow; see close.
	logins sync.WaitGroup

	mu      sync.Mutex // guards the fields below
	ticket  *ticket    // the last one; nil if there is none
	renew   time.Time  // when to fetch the next
	refusal error      // of the last login; nil if it was not refused
	flight  *login     // the one under way; nil if none is
}

// A ticket makes a token for each request: a token is valid only once (RFC 4120, 3.2.3).
type ticket struct {
	renew, end time.Time
	token      func() ([]byte, error)
	// slow says that token may wait for others, and knows no limit but theirs.
	slow bool
}

// A login is an exchange with the KDC. Its other fields are set when done is closed.
type login struct {
	done   chan struct{}
	ticket *ticket
	err    error
}

// A ticketError says why there is no ticket. Files and addresses are named in err only.
type ticketError struct {
	word   string // of RFC 9209
	detail string // for clients
	err    error
}

func (e *ticketError) Error() string { return e.detail + ": " + e.err.Error() }

// Unwrap returns the cause.
func (e *ticketError) Unwrap() error { return e.err }

// newKerberos reads the files once, to find errors in them at the start.
func newKerberos(spec NegotiateSpec, host string) (*kerberos, error) {
	if spec.SPN == "" {
		spec.SPN = "HTTP/" + host
	}
	if spec.SSPI {
		return &kerberos{login: spec.loginSSPI}, nil
	}
	if spec.Krb5Conf == "" {
		spec.Krb5Conf = defaultKrb5Conf
	}
	if _, _, err := spec.load(); err != nil {
		return nil, fmt.Errorf("negotiate: %w", err)
	}
	return &kerberos{login: spec.login}, nil
}

// authorization returns the value of Proxy-Authorization for one request. It waits for the KDC only if there is no
// valid ticket, and not longer than ctx.
func (k *kerberos) authorization(ctx context.Context) (string, error) {
	t, err := k.current(ctx)
	if err != nil {
		return "", err
	}
	token, err := k.token(ctx, t)
	if err != nil {
		return "", err
	}
	return "Negotiate " + base64.StdEncoding.EncodeToString(token), nil // RFC 4559, 4.2
}

// token makes a token by t, for which it waits no longer than ctx.
func (k *kerberos) token(ctx context.Context, t *ticket) ([]byte, error) {
	type made struct {
		token []byte
		err   error
	}
	result := make(chan made, 1)
	produce := func() {
		token, err := t.token()
		result <- made{token, err}
	}
	if t.slow {
		k.logins.Go(produce)
	} else {
		produce()
	}
	select {
	case m := <-result:
		var failed *ticketError
		if m.err != nil && !errors.As(m.err, &failed) {
			m.err = &ticketError{proxystatus.Configuration, "no Kerberos token could be made", m.err}
		}
		return m.token, m.err
	case <-ctx.Done():
		return nil, &ticketError{proxystatus.Unavailable, "no Kerberos token: the system did not make it in time", ctx.Err()}
	}
}

// current returns a valid ticket. One that is about to expire is used while the next is fetched.
func (k *kerberos) current(ctx context.Context) (*ticket, error) {
	now := time.Now()
	k.mu.Lock()
	t := k.ticket
	good := t != nil && now.Before(t.end)
	if err := k.refusal; err != nil && !good && now.Before(k.renew) {
		k.mu.Unlock()
		return nil, err
	}
	if k.flight == nil && (!good || !now.Before(k.renew)) {
		k.flight = &login{done: make(chan struct{})}
		f := k.flight
		k.logins.Go(func() { k.fly(f) })
	}
	f := k.flight
	k.mu.Unlock()
	if good {
		return t, nil
	}
	select {
	case <-f.done:
		return f.ticket, f.err
	case <-ctx.Done():
		return nil, &ticketError{proxystatus.Unavailable, "no Kerberos ticket: the KDC did not answer in time", ctx.Err()}
	}
}

// fly logs in for all who wait for f, and closes f.done. Callers whose ctx ends leave it alone: there is at most one
// for each upstream proxy, and the library gives up after 5 s with each KDC, by UDP and by TCP.
func (k *kerberos) fly(f *login) {
	t, err := k.login()
	k.mu.Lock()
	defer k.mu.Unlock()
	f.ticket, f.err = t, err
	k.refusal = nil
	if err == nil {
		k.ticket, k.renew = t, t.renew
	} else {
		k.renew = time.Now().Add(loginPause)
		var failed *ticketError
		if errors.As(err, &failed) && failed.word == proxystatus.Configuration {
			k.refusal = err
		}
	}
	k.flight = nil
	close(f.done)
}

// close waits for the login in progress. It begins none; requests must have ended before.
func (k *kerberos) close() { k.logins.Wait() }

// forget has the next request log in again: a token of the last ticket was not accepted.
func (k *kerberos) forget() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.ticket = nil
}

// load reads the files. Its errors do not quote the keytab.
func (s NegotiateSpec) load() (*config.Config, *keytab.Keytab, error) {
	b, err := privatefile.Read(s.Keytab, maxKeytab)
	if err != nil {
		return nil, nil, fmt.Errorf("keytab: %w", err)
	}
	keys := keytab.New()
	if keys.Unmarshal(b) != nil { // its text may quote the keys
		return nil, nil, fmt.Errorf("keytab %s: not a keytab", s.Keytab)
	}
	user, realm, _ := s.principal()
	found := false
	for _, e := range keys.Entries {
		found = found || e.Principal.String() == user+"@"+realm
	}
	if !found {
		return nil, nil, fmt.Errorf("keytab %s: no key of %s; klist -k lists whose keys it has", s.Keytab, s.Principal)
	}
	text, err := smallfile.Read(s.Krb5Conf, maxKrb5Conf)
	if err == nil {
		text, err = smallfile.Text(text)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("krb5_conf %s: %w", s.Krb5Conf, err)
	}
	conf, err := config.NewFromString(string(text))
	if err != nil {
		return nil, nil, fmt.Errorf("krb5_conf %s: %w", s.Krb5Conf, err)
	}
	known := slices.ContainsFunc(conf.Realms, func(r config.Realm) bool { return r.Realm == realm && len(r.KDC) > 0 })
	if !known && !conf.LibDefaults.DNSLookupKDC {
		return nil, nil, fmt.Errorf("krb5_conf %s: no kdc of %s; add it to [realms], or set dns_lookup_kdc", s.Krb5Conf, realm)
	}
	return conf, keys, nil
}

// login has the KDC issue a ticket for the upstream proxy: first one of the realm, then the upstream proxy's by it
// (RFC 4120, 3.1 and 3.3). The library's own sessions are not used: a goroutine renews each.
func (s NegotiateSpec) login() (t *ticket, err error) {
	defer func() {
		// The KDC's response is parsed before it is known to be the KDC's.
		if r := recover(); r != nil {
			t, err = nil, &ticketError{proxystatus.Configuration, "no Kerberos ticket: the KDC's answer cannot be read", fmt.Errorf("%v", r)}
		}
	}()
	conf, keys, err := s.load()
	if err != nil {
		return nil, &ticketError{proxystatus.Configuration, "no Kerberos ticket: its files cannot be used", err}
	}
	user, realm, _ := s.principal()
	// Active Directory does not support FAST.
	c := client.NewWithKeytab(user, realm, keys, conf, client.DisablePAFXFAST(true))
	defer c.Destroy() // a referral to another realm starts a session

	ask, err := messages.NewASReqForTGT(realm, conf, c.Credentials.CName())
	if err != nil {
		return nil, newTicketError(err)
	}
	granting, err := c.ASExchange(realm, ask, 0)
	if err != nil {
		return nil, newTicketError(err)
	}
	spn := types.NewPrincipalName(nametype.KRB_NT_SRV_HST, s.SPN)
	_, granted, err := c.TGSREQGenerateAndExchange(spn, realm, granting.Ticket, granting.DecryptedEncPart.Key, false)
	if err != nil {
		return nil, newTicketError(err)
	}
	// Tokens name the principal, and need no key but the ticket's.
	name := client.NewWithKeytab(user, realm, keytab.New(), conf)
	end := granted.DecryptedEncPart.EndTime
	return &ticket{
		renew: end.Add(-time.Until(end) / 6),
		end:   end,
		token: func() ([]byte, error) {
			first, err := spnego.NewNegTokenInitKRB5(name, granted.Ticket, granted.DecryptedEncPart.Key)
			if err != nil {
				return nil, err
			}
			return (&spnego.SPNEGOToken{Init: true, NegTokenInit: first}).Marshal()
		},
	}, nil
}

// sspiGood is how long tokens are taken to be good that the system makes: it renews its ticket itself, and a login only finds out
// whether it still has one. What it says of the ticket's end is in local time, of which there is an hour twice a year.
const sspiGood = 10 * time.Minute

// loginSSPI has the system make a token, as it will for each request.
func (s NegotiateSpec) loginSSPI() (*ticket, error) { return s.loginBy(systemToken) }

// loginBy is loginSSPI with another system, for tests.
func (s NegotiateSpec) loginBy(system func(spn string) ([]byte, error)) (*ticket, error) {
	token := func() ([]byte, error) {
		b, err := system(s.SPN)
		if err != nil {
			return nil, err
		}
		// Kerberos and nothing else is offered, so that no NTLM can come of it (RFC 4178, 4.2.1).
		return (&spnego.SPNEGOToken{Init: true, NegTokenInit: spnego.NegTokenInit{
			MechTypes: []asn1.ObjectIdentifier{gssapi.OIDKRB5.OID()}, MechTokenBytes: b,
		}}).Marshal()
	}
	if _, err := token(); err != nil {
		return nil, err
	}
	now := time.Now()
	return &ticket{renew: now.Add(sspiGood / 2), end: now.Add(sspiGood), token: token, slow: true}, nil
}

// newTicketError distinguishes a KDC that cannot be reached from one that refuses.
func newTicketError(err error) error {
	var cause krberror.Krberror
	errors.As(err, &cause)
	switch cause.RootCause {
	case krberror.NetworkingError:
		return &ticketError{proxystatus.Unavailable, "no Kerberos ticket: the KDC cannot be reached", err}
	case krberror.KDCError:
		return &ticketError{proxystatus.Configuration, "no Kerberos ticket: the KDC refused", err}
	}
	return &ticketError{proxystatus.Configuration, "no Kerberos ticket: the KDC's answer does not fit the keytab", err}
}
