package proxy_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"webproxy/internal/proxytest"
	"webproxy/proxy/egress"
)

// A loginOrigin logs in connections, as servers with NTLM do: without credentials it tells the name by which
// the connection is logged in, or offers to log in.
type loginOrigin struct {
	*httptest.Server
	mu   sync.Mutex
	gone map[string]chan struct{} // by the address of the connection's other end
}

// A login is the state of a connection.
type login struct{ challenged, user string }

type loginKey struct{}

func startLoginOrigin(t *testing.T) *loginOrigin {
	o := &loginOrigin{gone: map[string]chan struct{}{}}
	o.Server = httptest.NewUnstartedServer(o)
	o.Config.ConnContext = func(ctx context.Context, _ net.Conn) context.Context {
		return context.WithValue(ctx, loginKey{}, new(login))
	}
	o.Config.ConnState = func(c net.Conn, state http.ConnState) {
		o.mu.Lock()
		defer o.mu.Unlock()
		switch addr := c.RemoteAddr().String(); state {
		case http.StateNew:
			o.gone[addr] = make(chan struct{})
		case http.StateClosed:
			close(o.gone[addr])
		}
	}
	o.Start()
	t.Cleanup(o.Close)
	return o
}

func (o *loginOrigin) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	io.Copy(io.Discard, r.Body)
	l := r.Context().Value(loginKey{}).(*login)
	rw.Header().Set("Conn", r.RemoteAddr)
	rw.Header().Set("Proxy-Support", "Session-Based-Authentication")
	scheme, rest, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	step, user, _ := strings.Cut(rest, ":")
	switch {
	case r.URL.Path == "/open":
		return
	case r.URL.Path == "/persistent":
		rw.Header().Set("Persistent-Auth", "true")
		return
	case step == "three" && l.challenged == user:
		l.user = user
	case step == "one":
		l.challenged = user
		rw.Header().Set("WWW-Authenticate", scheme+" two")
		rw.WriteHeader(http.StatusUnauthorized)
		return
	case scheme != "" || l.user == "":
		rw.Header().Add("WWW-Authenticate", `Basic realm="a, b", NTLM`)
		rw.Header().Add("WWW-Authenticate", "Negotiate")
		rw.WriteHeader(http.StatusUnauthorized)
		return
	}
	io.WriteString(rw, l.user)
}

// A loginClient is one connection of a client.
type loginClient struct {
	*proxytest.Conn
	p    *proxytest.Proxy
	last http.Header
}

// ask sends a request and returns what the origin says: the user's name, or the status. conn is the origin's
// connection.
func (c *loginClient) ask(method, path, credentials string) (said, conn string) {
	var lines []string
	if credentials != "" {
		lines = append(lines, "Authorization: "+credentials)
	}
	if method == "POST" {
		lines = append(lines, "Content-Length: 4")
	}
	c.Send(c.p.Request(method, path, lines...))
	if method == "POST" {
		c.Send("body")
	}
	resp := c.Response(method)
	said = c.Body(resp)
	if resp.StatusCode != http.StatusOK {
		said = fmt.Sprint(resp.StatusCode)
	}
	c.last = resp.Header
	return said, resp.Header.Get("Conn")
}

// logIn does what a client does that wants to be user.
func (c *loginClient) logIn(t *testing.T, method, scheme, user string) {
	t.Helper()
	if said, _ := c.ask(method, "/", ""); said != "401" {
		t.Fatalf("without credentials: %s", said)
	}
	if said, _ := c.ask(method, "/", scheme+" one:"+user); said != "401" {
		t.Fatalf("first step: %s", said)
	}
	if said, _ := c.ask(method, "/", scheme+" three:"+user); said != user {
		t.Fatalf("%s is logged in as %s", user, said)
	}
}

// loginWays are the ways to an origin on which connections are kept.
func loginWays(t *testing.T, test func(t *testing.T, o *loginOrigin, p *proxytest.Proxy)) {
	t.Run("direct", func(t *testing.T) {
		o := startLoginOrigin(t)
		test(t, o, proxytest.Start(t, proxytest.Config{Listener: o.Listener}))
	})
	t.Run("parent", func(t *testing.T) { // which is one with the origin
		o := startLoginOrigin(t)
		test(t, o, viaUpstream(t, proxytest.Config{}, nil, egress.Options{Upstreams: []egress.UpstreamSpec{{URL: o.URL}}}))
	})
}

func client(p *proxytest.Proxy) *loginClient { return &loginClient{Conn: p.Dial(), p: p} }

// Whoever logs in at an origin by a scheme that logs in the connection is the only one to be served by that
// connection (RFC 9110, 3.3; RFC 4559, 6).
func TestLoginIsTheClientsOwn(t *testing.T) {
	loginWays(t, func(t *testing.T, o *loginOrigin, p *proxytest.Proxy) {
		for _, method := range []string{"GET", "POST"} {
			for _, scheme := range []string{"NTLM", "negotiate"} {
				a := client(p)
				a.logIn(t, method, scheme, "ann")
				for _, other := range []string{"GET", "POST"} {
					if said, _ := client(p).ask(other, "/", ""); said != "401" {
						t.Errorf("%s by %s: a stranger's %s is served as %q", scheme, method, other, said)
					}
					if said, _ := a.ask(other, "/", ""); said != "ann" {
						t.Errorf("%s by %s: ann's own %s is served as %q", scheme, method, other, said)
					}
				}
			}
		}
	})
}

// Two that log in at the same time do not get each other's names.
func TestLoginsInterleaved(t *testing.T) {
	loginWays(t, func(t *testing.T, o *loginOrigin, p *proxytest.Proxy) {
		for _, method := range []string{"GET", "POST"} {
			users := map[string]*loginClient{"ann": client(p), "bob": client(p)}
			for _, step := range []string{"", "NTLM one:", "NTLM three:", ""} {
				for user, c := range users {
					credentials := step
					if step != "" {
						credentials += user
					}
					said, _ := c.ask(method, "/", credentials)
					if want := map[bool]string{true: user, false: "401"}[step == "NTLM three:" || c.last.Get("Www-Authenticate") == ""]; said != want {
						t.Errorf("%s %q of %s: %s, want %s", method, credentials, user, said, want)
					}
				}
			}
		}
	})
}

// An offer or the word that the connection is logged in is enough, and the login goes on where it was offered.
func TestLoginOffered(t *testing.T) {
	loginWays(t, func(t *testing.T, o *loginOrigin, p *proxytest.Proxy) {
		for _, method := range []string{"GET", "POST"} {
			for _, path := range []string{"/", "/persistent"} {
				a, b := client(p), client(p)
				_, conn := a.ask(method, path, "")
				for range 3 {
					if _, other := b.ask(method, "/open", ""); other == conn {
						t.Errorf("%s %s: the connection with the offer serves somebody else", method, path)
					}
				}
				if _, own := a.ask("GET", "/", "NTLM one:ann"); own != conn {
					t.Errorf("%s %s: the login goes on elsewhere", method, path)
				}
			}
		}
		// The others share, as ever. net/http gives up a connection on which a request took it 50 ms to write.
		shared := false
		for tries := 0; !shared && tries < 20; tries++ {
			records := 2*4*(2+3) + 4*tries // so far
			_, first := client(p).ask("GET", "/open", "")
			p.Records(records + 2) // the client has its response before the connection is given back
			_, next := client(p).ask("GET", "/open", "Basic eDp5")
			shared = next == first
		}
		if !shared {
			t.Error("connections without a login are not shared any more")
		}
	})
}

// A client's own connection ends with the client's.
func TestLoginEndsWithTheClient(t *testing.T) {
	loginWays(t, func(t *testing.T, o *loginOrigin, p *proxytest.Proxy) {
		a := client(p)
		a.logIn(t, "GET", "NTLM", "ann")
		_, conn := a.ask("GET", "/", "")
		o.mu.Lock()
		gone := o.gone[conn]
		o.mu.Unlock()
		select {
		case <-gone:
			t.Fatal("gone already")
		default:
		}
		a.Close()
		select {
		case <-gone:
		case <-time.After(proxytest.Patience):
			t.Error("it is still there")
		}
	})
}

// Clients are told that the proxy lets such logins through; nobody else can say so (RFC 4559, 6).
func TestLoginSupport(t *testing.T) {
	loginWays(t, func(t *testing.T, o *loginOrigin, p *proxytest.Proxy) {
		c := client(p)
		for path, want := range map[string]string{"/": "Session-Based-Authentication", "/open": ""} {
			for _, method := range []string{"GET", "POST"} {
				c.ask(method, path, "")
				if got := c.last.Get("Proxy-Support"); got != want {
					t.Errorf("%s %s: Proxy-Support %q, want %q", method, path, got, want)
				}
			}
		}
	})
}

// Inside inspected TLS, connections to the origin are one client's from the start.
func TestLoginInsideTLS(t *testing.T) {
	var mu sync.Mutex
	users := map[string]string{}
	p := startInspected(t, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if user, ok := strings.CutPrefix(r.Header.Get("Authorization"), "NTLM three:"); ok {
			users[r.RemoteAddr] = user
		}
		io.WriteString(rw, users[r.RemoteAddr])
	}), leafSpec{})
	ask := func(c *http.Client, credentials string) string {
		r, err := http.NewRequest("GET", "https://"+p.Target+"/allowed", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", credentials)
		resp, err := c.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, _ := io.ReadAll(resp.Body)
		return string(b)
	}
	for _, h2 := range []bool{false, true} {
		a, b := p.client(t, h2), p.client(t, h2)
		if said := ask(a, "NTLM three:ann"); said != "ann" {
			t.Fatalf("h2 %v: %q", h2, said)
		}
		if said := ask(b, "Basic eDp5"); said != "" {
			t.Errorf("h2 %v: a stranger is served as %q", h2, said)
		}
		if said := ask(a, "Basic eDp5"); said != "ann" {
			t.Errorf("h2 %v: ann is served as %q", h2, said)
		}
	}
}
