package egress

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jcmturner/gokrb5/v8/gssapi"
	"github.com/jcmturner/gokrb5/v8/keytab"
	"github.com/jcmturner/gokrb5/v8/spnego"

	"webproxy/internal/proxystatus"
	"webproxy/policy"
)

// A fakeKDC gives tickets with numbers, for an hour each, after delay.
type fakeKDC struct {
	logins int
	delay  time.Duration
	err    error
}

func (f *fakeKDC) login() (*ticket, error) {
	f.logins++
	name := fmt.Sprint(f.logins)
	time.Sleep(f.delay) // of synctest's clock
	if f.err != nil {
		return nil, f.err
	}
	end := time.Now().Add(time.Hour)
	return &ticket{renew: end.Add(-10 * time.Minute), end: end, token: func() ([]byte, error) { return []byte("t" + name), nil }}, nil
}

// Who ends an Egress waits for the login under way, which cannot be cancelled.
func TestNegotiateClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := &kerberos{login: func() (*ticket, error) {
			time.Sleep(10 * time.Second)
			return nil, errors.New("no KDC")
		}}
		e := &Egress{upstreams: []*Upstream{{}, {secret: &credentials{}}, {secret: k}}}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := k.authorization(ctx); err == nil {
			t.Error("a ticket without a KDC")
		}
		began := time.Now()
		if e.Close(); time.Since(began) != 9*time.Second {
			t.Errorf("Close waited for %v, want the 9 s that the login had left", time.Since(began))
		}
	})
}

// A ticket serves all requests until it comes to its end, and on while the next is fetched; a KDC that
// is gone then is asked only now and then, and fails requests only when the ticket has ended. One that
// refuses is left alone for a while.
func TestNegotiateTicket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kdc := &fakeKDC{}
		k := &kerberos{login: kdc.login}
		want := func(value string, logins int) {
			t.Helper()
			got, err := k.authorization(t.Context())
			synctest.Wait()
			if err != nil {
				got = err.Error()
			}
			if got != value || kdc.logins != logins {
				t.Fatalf("got %q after %d logins, want %q after %d", got, kdc.logins, value, logins)
			}
		}
		want("Negotiate dDE=", 1) // t1
		time.Sleep(49 * time.Minute)
		want("Negotiate dDE=", 1)
		time.Sleep(2 * time.Minute)
		want("Negotiate dDE=", 2) // the old one, while the next is fetched
		want("Negotiate dDI=", 2)
		k.forget()
		want("Negotiate dDM=", 3)

		kdc.err = errors.New("gone")
		time.Sleep(51 * time.Minute)
		want("Negotiate dDM=", 4)
		want("Negotiate dDM=", 4)
		time.Sleep(loginPause)
		want("Negotiate dDM=", 5)
		time.Sleep(9 * time.Minute)
		want("gone", 6)
		want("gone", 7)
		kdc.err = &ticketError{proxystatus.Configuration, "refused", errors.New("bad key")}
		want("refused: bad key", 8)
		want("refused: bad key", 8)
		time.Sleep(loginPause)
		want("refused: bad key", 9)
		kdc.err = nil
		want("refused: bad key", 9)
		time.Sleep(loginPause)
		want("Negotiate dDEw", 10)
	})
}

// All who wait share one login, and each waits no longer than its own context allows.
func TestNegotiateShare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kdc := &fakeKDC{delay: time.Minute}
		p := &Upstream{id: "corp", secret: &kerberos{login: kdc.login}}
		target, err := policy.ParseTarget(policy.HTTPS, "www.example.com:443")
		if err != nil {
			t.Fatal(err)
		}
		type answer struct {
			value string
			err   error
		}
		ask := func(ctx context.Context) <-chan answer {
			c := make(chan answer, 1)
			go func() {
				value, err := p.authorization(ctx, target)
				c <- answer{value, err}
			}()
			return c
		}
		patient, other := ask(t.Context()), ask(t.Context())
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		got := <-ask(short)
		var failed *DialError
		if !errors.As(got.err, &failed) || failed.Word != proxystatus.Unavailable || time.Since(began) != time.Second ||
			failed.Detail != "upstream proxy corp: no Kerberos ticket: the KDC did not answer in time" {
			t.Errorf("out of time: %+v after %v", got, time.Since(began))
		}
		gone, leave := context.WithCancel(t.Context())
		leave()
		if got := <-ask(gone); !errors.Is(got.err, context.Canceled) || errors.As(got.err, &failed) {
			t.Errorf("client gone: %v", got.err)
		}
		for _, c := range []<-chan answer{patient, other} {
			if got := <-c; got.err != nil || got.value != "Negotiate dDE=" {
				t.Errorf("patient: %+v", got)
			}
		}
		if kdc.logins != 1 {
			t.Errorf("%d logins, want 1", kdc.logins)
		}
	})
}

// What is wrong with the files is said at the start, with the file and without what is in it.
func TestNegotiateFiles(t *testing.T) {
	dir := t.TempDir()
	file := func(name string, mode os.FileMode, b []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, b, mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	keys := keytab.New()
	if err := keys.AddEntry("webproxy", "CORP.EXAMPLE", "s3cret", time.Unix(1, 0), 1, 18); err != nil {
		t.Fatal(err)
	}
	whole, err := keys.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	good := file("good.keytab", 0o600, whole)
	conf := file("krb5.conf", 0o644, []byte("[realms]\n CORP.EXAMPLE = {\n  kdc = 127.0.0.1:1\n }\n"))
	who := "webproxy@CORP.EXAMPLE"
	tests := []struct {
		want string // empty if nothing is wrong
		spec NegotiateSpec
	}{
		{"", NegotiateSpec{Keytab: good, Principal: who, Krb5Conf: conf}},
		{"keytab: open ", NegotiateSpec{Keytab: filepath.Join(dir, "none"), Principal: who, Krb5Conf: conf}},
		{"not a keytab", NegotiateSpec{Keytab: file("text", 0o600, []byte("s3cret")), Principal: who, Krb5Conf: conf}},
		{"not a keytab", NegotiateSpec{Keytab: file("cut", 0o600, whole[:len(whole)-5]), Principal: who, Krb5Conf: conf}},
		{"not a keytab", NegotiateSpec{Keytab: file("short", 0o600, []byte{5, 2, 0, 0, 0, 4, 0, 1, 0, 9}), Principal: who, Krb5Conf: conf}},
		{"no key of other@CORP.EXAMPLE", NegotiateSpec{Keytab: good, Principal: "other@CORP.EXAMPLE", Krb5Conf: conf}},
		{"krb5_conf ", NegotiateSpec{Keytab: good, Principal: who, Krb5Conf: filepath.Join(dir, "none")}},
		{"no kdc of CORP.EXAMPLE", NegotiateSpec{Keytab: good, Principal: who, Krb5Conf: file("empty.conf", 0o644, nil)}},
	}
	if runtime.GOOS != "windows" {
		open := file("open", 0o600, whole)
		os.Chmod(open, 0o640)
		tests = append(tests, tests[0])
		last := &tests[len(tests)-1]
		last.want, last.spec.Keytab = "chmod 600", open
	}
	for _, tt := range tests {
		spec := UpstreamSpec{URL: "http://proxy.corp.example:8080", Negotiate: &tt.spec}
		_, err := New(Options{Upstreams: []UpstreamSpec{spec}})
		if got := fmt.Sprint(err); (err != nil) != (tt.want != "") || !strings.Contains(got, tt.want) || strings.Contains(got, "s3cret") {
			t.Errorf("%+v\n got %v\nwant %s", tt.spec, err, tt.want)
		}
	}
}

// A token that the system makes offers Kerberos alone; a request waits for it no longer than its context allows, and Close does.
func TestNegotiateSSPI(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked []string
		var delay time.Duration
		var fails error
		spec := NegotiateSpec{SPN: "HTTP/proxy.corp.example"}
		k := &kerberos{login: func() (*ticket, error) {
			return spec.loginBy(func(spn string) ([]byte, error) {
				asked = append(asked, spn)
				time.Sleep(delay)
				return []byte("mech"), fails
			})
		}}
		value, err := k.authorization(t.Context())
		b, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(value, "Negotiate "))
		var token spnego.SPNEGOToken
		if err != nil || token.Unmarshal(b) != nil || !token.Init || string(token.NegTokenInit.MechTokenBytes) != "mech" ||
			len(token.NegTokenInit.MechTypes) != 1 || !token.NegTokenInit.MechTypes[0].Equal(gssapi.OIDKRB5.OID()) {
			t.Errorf("%q, %+v, %v", value, token.NegTokenInit, err)
		}
		if len(asked) != 2 || asked[1] != spec.SPN { // one to find out, one to send
			t.Errorf("asked for %q", asked)
		}

		delay = time.Minute
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		_, err = k.authorization(ctx)
		var failed *ticketError
		if !errors.As(err, &failed) || failed.word != proxystatus.Unavailable || time.Since(began) != time.Second {
			t.Errorf("%v after %v, want the context's end", err, time.Since(began))
		}
		if k.close(); time.Since(began) != time.Minute {
			t.Errorf("close waited for %v, want the minute that the token takes", time.Since(began))
		}

		delay, fails = 0, errors.New("no more")
		if _, err = k.authorization(t.Context()); !errors.As(err, &failed) || failed.word != proxystatus.Configuration {
			t.Errorf("a token that is not made: %v", err)
		}
	})
}

// With sspi there is neither keytab nor principal; elsewhere than on Windows there is no sspi.
func TestNegotiateSSPICheck(t *testing.T) {
	for _, tt := range []struct {
		spec               NegotiateSpec
		windows, elsewhere string // fields with problems
	}{
		{NegotiateSpec{SSPI: true}, "", ".sspi"},
		{NegotiateSpec{SSPI: true, Keytab: "a"}, ".sspi", ".sspi"},
		{NegotiateSpec{SSPI: true, SPN: "x"}, ".spn", ".sspi.spn"},
		{NegotiateSpec{}, ".keytab.principal", ".keytab.principal"},
		{NegotiateSpec{Keytab: "a", Principal: "a"}, ".principal", ".principal"},
		{NegotiateSpec{Keytab: "a", Principal: "a@B"}, "", ""},
	} {
		var got string
		tt.spec.check("proxy.corp.example", true, func(field, _, _ string) { got += field })
		want := tt.elsewhere
		if hasSSPI {
			want = tt.windows
		}
		if got != want {
			t.Errorf("%+v: problems with %q, want %q", tt.spec, got, want)
		}
	}
}
