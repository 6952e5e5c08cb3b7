//go:build e2e

package e2e

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// A payload is a file of size bytes that is not stored: its content repeats every lap.
// It is like the files of update clients: large, fetched in ranges, with a known hash.
type payload struct {
	lap  []byte
	size int64
}

func newPayload(size int64) payload {
	lap := make([]byte, 1<<20+7) // not a multiple of any buffer size
	rand.NewChaCha8([32]byte{1}).Read(lap)
	return payload{lap, size}
}

// ReadAt implements io.ReaderAt.
func (p payload) ReadAt(b []byte, at int64) (n int, err error) {
	if left := p.size - at; int64(len(b)) > left {
		b, err = b[:max(left, 0)], io.EOF
	}
	for n < len(b) {
		n += copy(b[n:], p.lap[(at+int64(n))%int64(len(p.lap)):])
	}
	return n, err
}

func (p payload) section(from, n int64) *io.SectionReader { return io.NewSectionReader(p, from, n) }

func hash(t *testing.T, r io.Reader) string {
	t.Helper()
	h := sha256.New()
	if _, err := io.Copy(h, r); err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(h.Sum(nil))
}

func hashFile(t *testing.T, name string) string {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	return hash(t, f)
}

const megabyte = 1 << 20

// A depot is an origin like those of updates, with a proxy in front.
type depot struct {
	*process
	site       *site
	ca         *authority
	http, tls  int // ports
	big, small payload

	mu      sync.Mutex // guards expects
	expects []string   // Expect fields of uploads
}

// newDepot starts a depot. It has files at /big and /small; the response to an upload at /upload is
// its hash; /broken/length and /broken/chunked are truncated.
func newDepot(t *testing.T) *depot {
	t.Helper()
	d := &depot{ca: newAuthority(t), big: newPayload(300 * megabyte), small: newPayload(100_000)}
	mux := http.NewServeMux()
	file := func(p payload) http.HandlerFunc {
		return func(rw http.ResponseWriter, r *http.Request) {
			rw.Header().Set("Content-Type", "application/octet-stream")
			rw.Header().Set("ETag", fmt.Sprintf(`"%d"`, p.size))
			http.ServeContent(rw, r, "", time.Unix(1_600_000_000, 0), p.section(0, p.size))
		}
	}
	mux.Handle("GET /big", file(d.big))
	mux.Handle("GET /small", file(d.small))
	mux.HandleFunc("POST /upload", d.upload)
	mux.HandleFunc("POST /refused", func(rw http.ResponseWriter, r *http.Request) {
		rw.WriteHeader(http.StatusExpectationFailed) // before a 100 response
	})
	mux.HandleFunc("GET /broken/length", func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Content-Length", "100000")
		breakOff(rw)
	})
	mux.HandleFunc("GET /broken/chunked", func(rw http.ResponseWriter, r *http.Request) { breakOff(rw) })
	d.http, d.tls = serveHTTP(t, "127.0.0.1:0", mux), serveTLS(t, "127.0.0.1:0", d.ca, mux)
	d.site = newSite(t)
	d.site.configure(fmt.Sprintf(`
policy:
  rules:
    - { id: http, hosts: [depot.test], ports: [%d], schemes: [http], private: allow }
    - { id: tls, hosts: [depot.test], ports: [%d], private: allow }
`, d.http, d.tls))
	d.process = d.site.start()
	return d
}

func breakOff(rw http.ResponseWriter) {
	io.WriteString(rw, strings.Repeat("x", 5000))
	rw.(http.Flusher).Flush()
	panic(http.ErrAbortHandler)
}

func (d *depot) upload(rw http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	d.expects = append(d.expects, r.Header.Get("Expect"))
	d.mu.Unlock()
	h := sha256.New()
	if n, err := io.Copy(h, r.Body); err == nil && n == r.ContentLength {
		io.WriteString(rw, hex.EncodeToString(h.Sum(nil)))
	}
}

// urls are path by plain HTTP and in a tunnel.
func (d *depot) urls(path string) []string {
	return []string{fmt.Sprintf("http://depot.test:%d%s", d.http, path), fmt.Sprintf("https://depot.test:%d%s", d.tls, path)}
}

// TestRanges checks what BITS and Delivery Optimization need: the size by HEAD, and exact
// ranges.
func TestRanges(t *testing.T) {
	d := newDepot(t)
	for _, url := range d.urls("/small") {
		c := d.curl(d.ca, "-I", url)
		if c.Exit != 0 || c.Code != 200 || !strings.Contains(c.text, "\r\nContent-Length: 100000\r\n") || !strings.Contains(c.text, "\r\nAccept-Ranges: bytes\r\n") {
			t.Errorf("HEAD %s: %v", url, c)
		}
		for _, tt := range []struct {
			ask, have string
			from, n   int64
		}{
			{"0-0", "bytes 0-0/100000", 0, 1},
			{"1000-1999", "bytes 1000-1999/100000", 1000, 1000},
			{"99990-", "bytes 99990-99999/100000", 99990, 10},
			{"-7", "bytes 99993-99999/100000", 99993, 7},
		} {
			out := filepath.Join(t.TempDir(), "part")
			c := d.curl(d.ca, "-r", tt.ask, "-o", out, "-D", out+".head", url)
			head, err := os.ReadFile(out + ".head")
			if err != nil {
				t.Fatal(err)
			}
			for _, field := range []string{"Content-Range: " + tt.have, fmt.Sprintf("Content-Length: %d", tt.n), `ETag: "100000"`} {
				if c.Code != 206 || !strings.Contains(strings.ToLower(string(head)), strings.ToLower("\r\n"+field+"\r\n")) {
					t.Errorf("%s of %s: want %q; got %v\n%s", tt.ask, url, field, c, head)
				}
			}
			got, err := os.ReadFile(out)
			if err != nil {
				t.Fatal(err)
			}
			want, err := io.ReadAll(d.small.section(tt.from, tt.n))
			if err != nil {
				t.Fatal(err)
			}
			if _, body, ok := strings.Cut(string(got), string(head)); !ok || body != string(want) {
				t.Errorf("%s of %s: other bytes than the origin has", tt.ask, url)
			}
		}
		if c := d.curl(d.ca, "-r", "0-9,20-29", url); c.Code != 206 || !strings.Contains(c.text, "multipart/byteranges") || strings.Count(c.text, "Content-Range:") != 2 {
			t.Errorf("two ranges of %s: %v", url, c)
		}
		if c := d.curl(d.ca, "-r", "200000-", url); c.Code != 416 {
			t.Errorf("a range after the end of %s: %v", url, c)
		}
		if c := d.curl(d.ca, "-H", `If-None-Match: "100000"`, url); c.Code != 304 {
			t.Errorf("If-None-Match of %s: %v", url, c)
		}
	}
}
