package proxy_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"webproxy/internal/proxytest"
	"webproxy/internal/setting"
	"webproxy/proxy"
)

// Whom to ask is in every body of a refusal, on both paths, and is text there.
func TestContactInRefusals(t *testing.T) { bothWays(t, testContact) }

func testContact(t *testing.T, lines string) {
	const contact, link = `Ask <b>"Netz & Co"</b>, ext. 4711`, "https://help.example.com/proxy?a=1&b=2"
	p := proxytest.Start(t, proxytest.Config{Setup: func(s *proxy.Server) {
		s.Denial = proxy.DenialOptions{Contact: contact, Link: link}
	}})
	for _, request := range []string{
		"GET http://other.test/ HTTP/1.1\r\nHost: x\r\n" + lines,
		"CONNECT other.test:443 HTTP/1.1\r\nHost: x\r\n" + lines,
		"GET http:// HTTP/1.1\r\nHost: x\r\n" + lines, // no target
	} {
		method, _, _ := strings.Cut(request, " ")
		c := p.Dial()
		c.Send(request + "\r\n")
		body := c.Body(c.Response(method))
		if !strings.Contains(body, "\n"+contact+"\n"+link+"\n") {
			t.Errorf("%q: %q lacks the contact and the link", request, body)
		}
	}
	ask := func(accept string) string {
		c := p.Dial()
		c.Send("GET http://other.test/ HTTP/1.1\r\nHost: x\r\nAccept: " + accept + "\r\n" + lines + "\r\n")
		return c.Body(c.Response(http.MethodGet))
	}
	var page struct{ Contact, Link string }
	if err := json.Unmarshal([]byte(ask("application/json")), &page); err != nil || page.Contact != contact || page.Link != link {
		t.Errorf("JSON: %+v, %v", page, err)
	}
	html := ask("text/html")
	if want := `<p>Ask &lt;b&gt;&#34;Netz &amp; Co&#34;&lt;/b&gt;, ext. 4711 <a href="https://help.example.com/proxy?a=1&amp;b=2">`; !strings.Contains(html, want) {
		t.Errorf("HTML: %s\nwant %s", html, want)
	}
}

// Whom to ask is in every form of the body, in response to every kind of request: inside a tunnel whose TLS is opened, too.
func TestContactInEveryForm(t *testing.T) {
	const contact, link = `Ask "Netz", ext. 4711`, "https://help.example.com/proxy?a=1&b=2"
	p := startInspectedWith(t, http.NotFoundHandler(), leafSpec{}, func(c *proxytest.Config) {
		setup := c.Setup
		c.Setup = func(s *proxy.Server) {
			setup(s)
			s.Denial = proxy.DenialOptions{Contact: contact, Link: link}
		}
	})
	raw := func(method, target, accept string) (*http.Response, string) {
		c := p.Dial()
		c.Send(method + " " + target + " HTTP/1.1\r\nHost: x\r\nAccept: " + accept + "\r\n\r\n")
		resp := c.Response(method)
		return resp, c.Body(resp)
	}
	inside := func(h2 bool, accept string) (*http.Response, string) {
		req, err := http.NewRequest(http.MethodGet, "https://"+p.Target+"/other", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Accept", accept)
		resp, err := p.client(t, h2).Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp, string(body)
	}
	for _, form := range []struct{ accept, contentType, want string }{
		{"*/*", "text/plain; charset=utf-8", "\n" + contact + "\n" + link + "\n"},
		{"application/json", "application/json", `"contact":"Ask \"Netz\", ext. 4711","link":"https://help.example.com/proxy?a=1\u0026b=2"`},
		{"text/html", "text/html; charset=utf-8", `<p>Ask &#34;Netz&#34;, ext. 4711 <a href="https://help.example.com/proxy?a=1&amp;b=2">`},
	} {
		for how, ask := range map[string]func() (*http.Response, string){
			"GET":              func() (*http.Response, string) { return raw("GET", "http://other.test/", form.accept) },
			"CONNECT":          func() (*http.Response, string) { return raw("CONNECT", "other.test:443", form.accept) },
			"in TLS, HTTP/1.1": func() (*http.Response, string) { return inside(false, form.accept) },
			"in TLS, HTTP/2":   func() (*http.Response, string) { return inside(true, form.accept) },
		} {
			resp, body := ask()
			if resp.StatusCode/100 != 4 || resp.Header.Get("Content-Type") != form.contentType || !strings.Contains(body, form.want) {
				t.Errorf("%s, Accept %s: %s %s\n%s\nwant %s", how, form.accept, resp.Status, resp.Header.Get("Content-Type"), body, form.want)
			}
		}
	}
}

func TestContactOptions(t *testing.T) {
	for _, tt := range []struct{ contact, link, want string }{
		{"", "", ""},
		{"Frag die Netzgruppe, Tür 7", "mailto:netz@example.com?subject=proxy", ""},
		{"x", "http://10.0.0.1:8080/a", ""},
		{strings.Repeat("x", 200), "", ""},
		{strings.Repeat("x", 201), "", "contact"},
		{"two\nlines", "", "contact"},
		{"a\r\nSet-Cookie: b", "", "contact"},
		{"bell\a", "", "contact"},
		{"\u202etxt", "", "contact"},
		{"\xff", "", "contact"},
		{"", "javascript:alert(1)", "link"},
		{"", "data:text/html,x", "link"},
		{"", "help.example.com", "link"},
		{"", "//help.example.com", "link"},
		{"", "https://", "link"},
		{"", "https://user:secret@help.example.com", "link"},
		{"", "https://help.example.com/\"onclick", "link"},
		{"", "https://help.example.com/ x", "link"},
		{"", "https://help.example.com/\r\nx", "link"},
		{"", "mailto:nobody", "link"},
		{"", "https://help.example.com/" + strings.Repeat("x", 500), "link"},
	} {
		err := proxy.DenialOptions{Contact: tt.contact, Link: tt.link}.Check()
		got := ""
		if joined, ok := err.(interface{ Unwrap() []error }); ok {
			for _, e := range joined.Unwrap() {
				got += e.(*setting.OptionError).Field
			}
		}
		if got != tt.want {
			t.Errorf("%q %q: %v, want a problem of %q", tt.contact, tt.link, err, tt.want)
		}
	}
}
