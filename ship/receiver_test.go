package ship

import (
	"bufio"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"

	"webproxy/audit"
)

// A receiver is a syslog receiver on loopback.
type receiver struct {
	t    *testing.T
	ln   net.Listener
	tls  *tls.Config // nil: TCP
	wg   sync.WaitGroup
	hold chan struct{} // if not nil, nothing is read until it is closed

	mu       sync.Mutex // guards what follows
	conns    map[net.Conn]bool
	messages []string
	breakAt  int // if above 0, the next connection is reset after so many messages
	accepted int
}

// listen makes a receiver; addr is "127.0.0.1:0", or where one was before.
func listen(t *testing.T, addr string, r *receiver) *receiver {
	t.Helper()
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	r.t, r.ln, r.conns = t, ln, map[net.Conn]bool{}
	r.wg.Go(r.accept)
	t.Cleanup(r.close)
	return r
}

func (r *receiver) addr() string { return r.ln.Addr().String() }

func (r *receiver) accept() {
	for {
		conn, err := r.ln.Accept()
		if err != nil {
			return
		}
		r.mu.Lock()
		r.conns[conn] = true
		r.accepted++
		limit := r.breakAt
		r.breakAt = 0
		r.mu.Unlock()
		r.wg.Go(func() { r.read(conn, limit) })
	}
}

// read reads the messages of a connection, and closes it when the other side has.
func (r *receiver) read(conn net.Conn, limit int) {
	defer conn.Close()
	if r.hold != nil {
		<-r.hold
	}
	var in io.Reader = conn
	if r.tls != nil {
		secure := tls.Server(conn, r.tls)
		defer secure.Close()
		in = secure
	}
	b := bufio.NewReader(in)
	for n := 1; ; n++ {
		m, err := readMessage(b)
		if err != nil {
			return
		}
		r.mu.Lock()
		r.messages = append(r.messages, m)
		r.mu.Unlock()
		if n == limit {
			conn.(*net.TCPConn).SetLinger(0) // a reset: what is in the buffers is lost
			return
		}
	}
}

// readMessage reads a message by its length (RFC 6587, 3.4.1).
func readMessage(b *bufio.Reader) (string, error) {
	length, err := b.ReadString(' ')
	if err != nil {
		return "", err
	}
	n, err := strconv.Atoi(strings.TrimSuffix(length, " "))
	if err != nil {
		return "", err
	}
	m := make([]byte, n)
	_, err = io.ReadFull(b, m)
	return string(m), err
}

// close ends the receiver and its connections, as the end of a process does.
func (r *receiver) close() {
	r.ln.Close()
	r.mu.Lock()
	for c := range r.conns {
		c.Close()
	}
	r.mu.Unlock()
	r.wg.Wait()
}

// texts returns the JSON of the messages so far.
func (r *receiver) texts() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []string
	for _, m := range r.messages {
		f := strings.SplitN(m, " ", 8)
		if len(f) != 8 || !strings.HasPrefix(f[0], "<") || !strings.HasSuffix(f[0], ">1") || f[3] != "webproxy" || f[4] != "-" || f[6] != "-" {
			r.t.Errorf("not a message: %q", m)
			continue
		}
		all = append(all, f[7])
	}
	return all
}

// wantAll fails unless all of the records 1 to last are in texts, in order; those that came twice
// are as they were.
func wantAll(t *testing.T, texts []string, last uint64) {
	t.Helper()
	seen := map[uint64]string{}
	next := uint64(1)
	for _, text := range texts {
		r, err := audit.Decode([]byte(text))
		if err != nil {
			t.Fatalf("%v: %.200s", err, text)
		}
		if before, ok := seen[r.Seq]; ok && before != text {
			t.Errorf("seq %d came twice, and differs:\n%s\n%s", r.Seq, before, text)
		}
		seen[r.Seq] = text
		if r.Seq > next {
			t.Fatalf("seq %d comes before %d", r.Seq, next)
		}
		if r.Seq == next {
			next++
		}
	}
	if next != last+1 {
		t.Errorf("%d records came, want %d", next-1, last)
	}
}

// seqs returns the numbers of the records in texts.
func seqs(texts []string) []uint64 {
	var all []uint64
	for _, text := range texts {
		var r struct{ Seq uint64 }
		if err := json.Unmarshal([]byte(text), &r); err != nil {
			panic(fmt.Sprintf("%v: %s", err, text))
		}
		all = append(all, r.Seq)
	}
	return all
}

// has reports whether texts has the record.
func has(texts []string, seq uint64) bool {
	for i := len(texts) - 1; i >= 0; i-- {
		if strings.Contains(texts[i], fmt.Sprintf(`"seq":%d,`, seq)) {
			return true
		}
	}
	return false
}
