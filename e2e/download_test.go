//go:build e2e

package e2e

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestDownload fetches 300 MB completely, and the second half again, and checks the byte counts in the audit log.
func TestDownload(t *testing.T) {
	d := newDepot(t)
	want := hash(t, d.big.section(0, d.big.size))
	half := d.big.size/2 + 1
	for _, url := range d.urls("/big") {
		whole, head := filepath.Join(t.TempDir(), "whole"), filepath.Join(t.TempDir(), "head")
		c := d.curl(d.ca, "--no-include", "-o", whole, "-D", head, url)
		if got := hashFile(t, whole); c.Exit != 0 || c.Code != 200 || got != want {
			t.Errorf("%s: %v; hash %s, want %s", url, c, got, want)
		}
		if b, err := os.ReadFile(head); err != nil || !strings.Contains(string(b), fmt.Sprintf("\r\nContent-Length: %d\r\n", d.big.size)) {
			t.Errorf("%s: the length is not as the origin gave it (%v):\n%s", url, err, b)
		}

		if err := os.Truncate(whole, half); err != nil { // as if interrupted there
			t.Fatal(err)
		}
		c = d.curl(d.ca, "--no-include", "-C", "-", "-o", whole, url)
		if got := hashFile(t, whole); c.Exit != 0 || c.Code != 206 || got != want {
			t.Errorf("%s, resumed: %v; hash %s, want %s", url, c, got, want)
		}
		if err := os.Remove(whole); err != nil {
			t.Fatal(err)
		}
	}
	d.stop()
	decided, closed := decisions(t, records(t, d.site.audit()))
	if len(decided) != 4 {
		t.Fatalf("%d decisions, want 4", len(decided))
	}
	for i, least := range []int64{d.big.size, d.big.size - half, d.big.size, d.big.size - half} {
		r := closed[decided[i].ID]
		// A body's bytes are counted exactly. In a tunnel TLS adds its own, and curl may hang up on it.
		exact := r.BytesIn == least && r.Error == ""
		if most := least + least/100 + 10_000; r.BytesIn < least || r.BytesIn > most || r.Method == "GET" && !exact {
			t.Errorf("%s %s:%d: %d bytes in, error %q; want %d", r.Method, r.Host, r.Port, r.BytesIn, r.Error, least)
		}
	}
}

// TestUpload sends bodies with Expect: 100-continue: PowerShell does so with every body.
func TestUpload(t *testing.T) {
	d := newDepot(t)
	file := filepath.Join(t.TempDir(), "body")
	body, err := io.ReadAll(d.big.section(5, 3*megabyte))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, body, 0o644); err != nil {
		t.Fatal(err)
	}
	want := hashFile(t, file)
	for _, url := range d.urls("/upload") {
		c := d.curl(d.ca, "-v", "-H", "Expect: 100-continue", "--expect100-timeout", "60", "--data-binary", "@"+file, url)
		if c.Exit != 0 || c.Code != 200 || !strings.HasSuffix(c.text, want) {
			t.Errorf("POST %s: want the hash %s; got %v", url, want, c)
		}
		// curl would wait a minute for the 100; the origin reports that it was sent before the body.
		if !strings.Contains(c.stderr, "< HTTP/1.1 100 Continue") {
			t.Errorf("POST %s: nobody said 100 Continue: %v", url, c)
		}
	}
	if got := fmt.Sprint(d.expects); got != "[100-continue 100-continue]" {
		t.Errorf("the origin saw Expect: %s", got)
	}
	for _, url := range d.urls("/refused") {
		c := d.curl(d.ca, "-v", "-H", "Expect: 100-continue", "--expect100-timeout", "60", "--data-binary", "@"+file, url)
		if !strings.Contains(c.stderr, "< HTTP/1.1 417") || strings.Contains(c.stderr, "< HTTP/1.1 100 ") {
			t.Errorf("POST %s: want the origin's 417 before any 100: %v", url, c)
		}
	}
}

// TestBrokenAnswers: truncated responses are forwarded so that no client takes them for
// complete ones.
func TestBrokenAnswers(t *testing.T) {
	d := newDepot(t)
	for _, path := range []string{"/broken/length", "/broken/chunked"} {
		for _, url := range d.urls(path) {
			c := d.curl(d.ca, url)
			if c.Exit == 0 || c.Code != 200 || strings.Count(c.text, "x") < 5000 {
				t.Errorf("%s: want 5000 bytes, and then an error; got exit %d, %d bytes", url, c.Exit, len(c.text))
			}
			if strings.HasPrefix(url, "http:") && c.Exit != curlPartial {
				t.Errorf("%s: exit %d, want %d", url, c.Exit, curlPartial)
			}
		}
	}
	d.stop()
	decided, closed := decisions(t, records(t, d.site.audit()))
	for _, r := range decided {
		if r.Method == "GET" && closed[r.ID].Error == "" {
			t.Errorf("%s: the close record has no error", r.Path)
		}
	}
}
