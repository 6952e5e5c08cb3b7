package adminsocket

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os/user"
	"runtime"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"go.uber.org/zap"

	"webproxy/internal/proxytest"
)

// patience is how long a test waits for what should happen at once.
const patience = 20 * time.Second

type question struct{ Word string }

type answer struct{ Actor, Word string }

// start serves a Server with some routes at path until the test ends.
func start(t *testing.T, path string, more func(*Server)) *Server {
	t.Helper()
	proxytest.NoneLeft(t, goleak.IgnoreAnyFunction("net/http.(*conn).closeWriteAndWait"), // that one sleeps for half a second
		goleak.IgnoreAnyFunction("github.com/Microsoft/go-winio.ioCompletionProcessor")) // and that one stays
	s := NewServer(zap.NewNop())
	s.Handle("POST /v1/echo", func(r *Request) (any, error) {
		var q question
		if err := r.Decode(&q); err != nil {
			return nil, err
		}
		return answer{r.Actor.Name, q.Word}, nil
	})
	s.Handle("GET /v1/no", func(*Request) (any, error) {
		return nil, &Error{Status: http.StatusConflict, Message: "not now", Hint: "later", Lines: []string{"a", "b"}}
	})
	s.Handle("GET /v1/fault", func(*Request) (any, error) { return nil, errors.New("it broke") })
	s.Handle("GET /v1/large", func(*Request) (any, error) { return strings.Repeat("x", maxResponse), nil })
	if more != nil {
		more(s)
	}
	ln, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(ln) }()
	t.Cleanup(func() {
		s.Close()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return s
}

func ctxFor(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// A handler is told the user of this process, who asks, and its result comes back.
func TestRequest(t *testing.T) {
	path := testPath(t)
	start(t, path, nil)
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	var got answer
	if err := (&Client{path}).Do(ctxFor(t), "POST", "/v1/echo", question{"<hello>"}, &got); err != nil {
		t.Fatal(err)
	}
	if got.Word != "<hello>" || !strings.EqualFold(got.Actor, me.Username) {
		t.Errorf("got %+v, want the word and %s", got, me.Username)
	}
}

func TestErrors(t *testing.T) {
	path := testPath(t)
	start(t, path, nil)
	for _, tt := range []struct {
		method, path string
		in           any
		status       int
		message      string
	}{
		{"GET", "/v1/no", nil, http.StatusConflict, "not now"},
		{"GET", "/v1/fault", nil, http.StatusInternalServerError, "it broke"},
		{"GET", "/v1/novel", nil, http.StatusNotFound, "the proxy knows no request /v1/novel"},
		{"GET", "/v1/echo", nil, http.StatusMethodNotAllowed, "/v1/echo does not accept GET"},
		{"POST", "/v1/echo", nil, http.StatusBadRequest, "request: EOF"},
		{"POST", "/v1/echo", map[string]string{"Word": "a", "Until": "b"}, http.StatusBadRequest, `unknown field "Until"`},
		{"POST", "/v1/echo", question{strings.Repeat("x", MaxBody)}, http.StatusBadRequest, "too large"},
	} {
		var e *Error
		err := (&Client{path}).Do(ctxFor(t), tt.method, tt.path, tt.in, nil)
		if !errors.As(err, &e) || e.Status != tt.status || !strings.Contains(e.Message, tt.message) {
			t.Errorf("%s %s: %v, want %d %s", tt.method, tt.path, err, tt.status, tt.message)
		}
	}
	var e *Error
	if err := (&Client{path}).Do(ctxFor(t), "GET", "/v1/no", nil, nil); !errors.As(err, &e) || e.Hint != "later" || len(e.Lines) != 2 {
		t.Errorf("%#v: want hint and lines", err)
	}
	if err := (&Client{path}).Do(ctxFor(t), "GET", "/v1/large", nil, new(string)); err == nil || !strings.Contains(err.Error(), "larger than 16 MiB") {
		t.Errorf("large response: %v", err)
	}
}

// A second value after the first is not ignored.
func TestDecodeOneValue(t *testing.T) {
	r := &Request{Request: &http.Request{Body: io.NopCloser(strings.NewReader(`{"Word":"a"} {"Word":"b"}`))}}
	if err := r.Decode(new(question)); err == nil {
		t.Error("no error")
	}
}

func TestNobodyListens(t *testing.T) {
	if err := (&Client{testPath(t)}).Do(ctxFor(t), "GET", "/v1/no", nil, nil); !errors.Is(err, ErrNotRunning) {
		t.Errorf("%v, want %v", err, ErrNotRunning)
	}
}

// Close ends a handler that waits, by its context, and waits for it.
func TestClose(t *testing.T) {
	path := testPath(t)
	entered, left := make(chan struct{}), make(chan struct{})
	s := start(t, path, func(s *Server) {
		s.Handle("GET /v1/wait", func(r *Request) (any, error) {
			close(entered)
			<-r.Context().Done()
			close(left)
			return nil, r.Context().Err()
		})
	})
	asked := make(chan error, 1)
	ctx := ctxFor(t)
	go func() { asked <- (&Client{path}).Do(ctx, "GET", "/v1/wait", nil, nil) }()
	<-entered
	s.Close()
	select {
	case <-left:
	default:
		t.Error("Close returned while a handler ran")
	}
	if err := <-asked; err == nil {
		t.Error("the client got a response")
	}
}

// However many connections there are, no more than maxConns are served at a time, and when they have gone others are.
func TestConnections(t *testing.T) {
	path := testPath(t)
	s := start(t, path, nil)
	var all []net.Conn
	for range maxConns {
		c, err := dial(ctxFor(t), path)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, c)
		// It is counted when it is answered.
		if _, err := io.WriteString(c, "GET /v1/no HTTP/1.1\r\nHost: webproxy\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		c.SetReadDeadline(time.Now().Add(patience))
		if _, err := c.Read(make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
	}
	one, err := dial(ctxFor(t), path)
	if err == nil {
		one.SetDeadline(time.Now().Add(patience))
		_, err = one.Read(make([]byte, 1))
		one.Close()
	}
	if err == nil || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("connection %d: %v, want it closed", maxConns+1, err)
	}
	for _, c := range all {
		c.Close()
	}
	for deadline := time.Now().Add(patience); ; {
		var e *Error
		if err := (&Client{path}).Do(ctxFor(t), "GET", "/v1/no", nil, nil); errors.As(err, &e) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("no connection is served any more")
		}
		runtime.Gosched()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conns > maxConns {
		t.Errorf("%d connections are counted", s.conns)
	}
}

// A peer that sends a long head, or more than one line of it, does not get a long buffer.
func TestLongHead(t *testing.T) {
	path := testPath(t)
	start(t, path, nil)
	c, err := dial(ctxFor(t), path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	go c.Write(append([]byte("GET /v1/no HTTP/1.1\r\nX: "), bytes.Repeat([]byte("x"), 1<<20)...))
	b := make([]byte, 64)
	n, _ := io.ReadFull(c, b)
	if !strings.HasPrefix(string(b[:n]), "HTTP/1.1 431 ") {
		t.Errorf("%q, want 431", b[:n])
	}
}

// A search for a name that hangs, or fails, leaves the number.
func TestNameOf(t *testing.T) {
	hang := make(chan struct{})
	for want, lookup := range map[string]func() (string, error){
		"ann":     func() (string, error) { return "ann", nil },
		"uid 7":   func() (string, error) { return "", errors.New("no such user") },
		"uid 7 ":  func() (string, error) { <-hang; return "late", nil },
		"uid 7  ": func() (string, error) { return "", nil },
	} {
		id := "uid 7" + strings.TrimPrefix(want, "uid 7")
		if got := nameOf(id, lookup); got != want && want != "ann" || want == "ann" && got != "ann" {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	close(hang)
}
