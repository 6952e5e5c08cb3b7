package proxy_test

import (
	"io"
	"strings"
	"testing"

	"webproxy/internal/proxytest"
	"webproxy/policy"
)

// secretMark is what no record and no response may hold.
const secretMark = "S3cr3tMark"

// leaks returns where a record or a response holds the secret. The path is recorded by design, without a
// query and without the user information of URLs in it.
func leaks(r proxytest.Record, response string) string {
	r.Path = policy.QuotablePath(r.Path)
	for name, text := range map[string]string{"detail": r.Detail, "host": r.Host, "method": r.Method, "scheme": r.Scheme, "sni": r.SNI, "the response": response} {
		if strings.Contains(strings.ToLower(text), strings.ToLower(secretMark)) {
			return name + ": " + text
		}
	}
	return ""
}

// What is malformed is recorded with its host, and without the password or the token in it.
func TestSecretsInMalformedTargets(t *testing.T) {
	tests := []struct {
		host string
		port uint16
		line string
	}{
		{"host", 0, "GET http://user:" + secretMark + "@host:x/ HTTP/1.1"},
		{"host", 80, "GET http://user:" + secretMark + "@host:80/ HTTP/1.1"},
		{"ho_st..", 0, "GET http://user:" + secretMark + "@ho_st../ HTTP/1.1"},
		{"h", 1, "CONNECT h:1?token=" + secretMark + " HTTP/1.1"},
		{"h", 443, "CONNECT user:" + secretMark + "@h:443 HTTP/1.1"},
		{"h", 443, "CONNECT user:" + secretMark + "%40h:443 HTTP/1.1"},
		{"user", 0, "CONNECT user:" + secretMark + " HTTP/1.1"},
		{"bad..name", 443, "CONNECT bad..name:443 HTTP/1.1"},
		{"host", 21, "GET ftp://user:" + secretMark + "@host:21/x HTTP/1.1"},
		{"host", 0, "GET ftp://user:" + secretMark + "@host:x/y HTTP/1.1"},
		{"host", 0, "GET https://user:" + secretMark + "@host:x/ HTTP/1.1"},
		{"", 0, "GET " + secretMark + "://host/ HTTP/1.1"},
		{"", 0, "http://user:" + secretMark + "@host/ x HTTP/1.1"},
		{"", 0, "user:" + secretMark + "@host x HTTP/1.1"},
	}
	p := proxytest.Start(t, proxytest.Config{})
	for i, tt := range tests {
		c := p.Dial()
		c.Send(tt.line + "\r\nHost: x\r\nConnection: close\r\n\r\n")
		response, _ := io.ReadAll(c.R)
		r := p.Records(i + 1)[i]
		if tt.host == "" && r.Host == "host" { // of a scheme nobody knows
			r.Host = ""
		}
		if where := leaks(r, string(response)); where != "" || r.Host != tt.host || r.Port != tt.port || r.Decision != "deny" {
			t.Errorf("%s: host %q port %d, detail %q, want host %q port %d; leaked in %q", tt.line, r.Host, r.Port, r.Detail, tt.host, tt.port, where)
		}
		c.Close()
	}
}

// FuzzSecrets: whatever a request line is, what stands before an "@" of its target, or behind its "?", is
// in no field of the record but the path, and not in the response.
func FuzzSecrets(f *testing.F) {
	for _, before := range []string{"http://user:", "user:", "ftp://", "http://a%zz:", "https://[", "/", "http://host:", "x://y@"} {
		f.Add("GET", before, "@host:x/", false)
		f.Add("CONNECT", before, "@host:443", false)
		f.Add("GET", before+"/", "token=", true)
	}
	f.Add("", "http://user:", "@host/ x", false)
	f.Fuzz(func(t *testing.T, method, before, after string, query bool) {
		target := before + secretMark + "@" + after
		if query {
			target = before + "?" + after + secretMark
		}
		line := strings.TrimPrefix(method+" "+target, " ")
		if strings.ContainsAny(line, "\r\n") {
			return // another request line
		}
		p := proxytest.Start(t, proxytest.Config{})
		c := p.Dial()
		defer c.Close()
		io.WriteString(c.TCPConn, line+" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
		c.CloseWrite()
		response, _ := io.ReadAll(c.R)
		if len(response) == 0 {
			return // nothing that was a request
		}
		for _, r := range p.Audit.All() {
			if where := leaks(r, string(response)); where != "" {
				t.Errorf("%q: %s", line, where)
			}
		}
	})
}
