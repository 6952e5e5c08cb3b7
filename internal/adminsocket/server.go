package adminsocket

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"
)

// A Handler responds to one request. What it returns is sent as JSON; an error that is not an *Error is sent with status 500.
// It must return when the request's context ends.
type Handler func(r *Request) (any, error)

// A Request is one request of a command.
type Request struct {
	*http.Request
	// Actor is the user who sent it. Its Name is never empty.
	Actor Actor
}

// Decode reads the request's body, one JSON value, into v. A field that v does not have is an error: an older proxy
// must not carry out half of what a newer command asks for.
func (r *Request) Decode(v any) error {
	dec := json.NewDecoder(r.Body)
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return &Error{Status: http.StatusBadRequest, Message: "request: " + err.Error()}
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return &Error{Status: http.StatusBadRequest, Message: "request: more than one JSON value"}
	}
	return nil
}

// A Server responds to commands. Make one with NewServer, register handlers with Handle, then call Serve.
type Server struct {
	log  *zap.Logger
	mux  *http.ServeMux
	http http.Server

	ctx      context.Context // ends when Close is called; of every request
	cancel   context.CancelFunc
	mu       sync.Mutex // guards closed and conns, and handlers against Close
	closed   bool
	conns    int // that are open
	handlers sync.WaitGroup
}

// NewServer returns a Server without handlers. It starts nothing.
func NewServer(log *zap.Logger) *Server {
	s := &Server{log: log, mux: http.NewServeMux()}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.http = http.Server{
		Handler:           s,
		ReadHeaderTimeout: headPatience,
		ReadTimeout:       2 * headPatience,
		WriteTimeout:      Patience + headPatience,
		IdleTimeout:       headPatience,
		MaxHeaderBytes:    maxHead,
		ErrorLog:          zap.NewStdLog(log),
		ConnState:         s.count,
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, peerKey{}, &peer{conn: c})
		},
	}
	return s
}

// Handle registers h for a pattern of http.ServeMux, such as "GET /v1/status". It must not be called after Serve, nor
// twice for one pattern.
func (s *Server) Handle(pattern string, h Handler) {
	s.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		actor, err := r.Context().Value(peerKey{}).(*peer).actor()
		if err != nil {
			s.log.Warn("admin socket: who is at the other end is not known", zap.Error(err))
			writeError(w, &Error{Status: http.StatusForbidden, Message: "the system does not tell who you are"})
			return
		}
		v, err := h(&Request{r, actor})
		if err != nil {
			writeError(w, err)
			return
		}
		write(w, http.StatusOK, v)
	})
}

// Serve serves ln until Close; it closes ln and returns nil then.
func (s *Server) Serve(ln net.Listener) error {
	if err := s.http.Serve(ln); !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("admin socket: %w", err)
	}
	return nil
}

// Close ends all connections, and waits until no handler runs.
func (s *Server) Close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.cancel()
	s.http.Close()
	s.handlers.Wait()
}

// count closes a new connection if there are too many.
func (s *Server) count(c net.Conn, state http.ConnState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch state {
	case http.StateNew:
		if s.conns++; s.conns > maxConns {
			c.Close()
		}
	case http.StateClosed, http.StateHijacked:
		s.conns--
	}
}

// ServeHTTP implements http.Handler, for the connections of Serve only.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		writeError(w, &Error{Status: http.StatusServiceUnavailable, Message: "the proxy is stopping"})
		return
	}
	s.handlers.Add(1)
	s.mu.Unlock()
	defer s.handlers.Done()
	ctx, cancel := context.WithTimeout(r.Context(), Patience)
	defer cancel()
	defer context.AfterFunc(s.ctx, cancel)()
	r = r.WithContext(ctx)
	r.Body = http.MaxBytesReader(w, r.Body, MaxBody)
	h, pattern := s.mux.Handler(r)
	switch {
	case pattern != "":
		s.mux.ServeHTTP(w, r)
	case isWrongMethod(h, r):
		writeError(w, &Error{Status: http.StatusMethodNotAllowed, Message: fmt.Sprintf("%s does not accept %s", r.URL.Path, r.Method)})
	default:
		writeError(w, &Error{Status: http.StatusNotFound, Message: fmt.Sprintf("the proxy knows no request %s", r.URL.Path),
			Hint: "is the proxy that runs an older version? Restart it"})
	}
}

// isWrongMethod reports whether h is the mux's own response to a path with other methods.
func isWrongMethod(h http.Handler, r *http.Request) bool {
	var probe statusProbe
	h.ServeHTTP(&probe, r)
	return probe.status == http.StatusMethodNotAllowed
}

// A statusProbe is a ResponseWriter that keeps the status alone.
type statusProbe struct {
	header http.Header
	status int
}

func (p *statusProbe) Header() http.Header {
	if p.header == nil {
		p.header = http.Header{}
	}
	return p.header
}
func (p *statusProbe) Write(b []byte) (int, error) { return len(b), nil }
func (p *statusProbe) WriteHeader(status int)      { p.status = status }

func writeError(w http.ResponseWriter, err error) {
	var e *Error
	if !errors.As(err, &e) {
		e = &Error{Message: err.Error()}
	}
	status := e.Status
	if status == 0 {
		status = http.StatusInternalServerError
	}
	write(w, status, e)
}

func write(w http.ResponseWriter, status int, v any) {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		status = http.StatusInternalServerError
		b.Reset()
		b.WriteString(`{"error":"the response could not be encoded"}` + "\n")
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	io.WriteString(w, b.String())
}

type peerKey struct{}

// A peer is the other end of a connection. Its user is looked up once, at its first request.
type peer struct {
	conn net.Conn
	once sync.Once
	who  Actor
	err  error
}

func (p *peer) actor() (Actor, error) {
	p.once.Do(func() {
		p.who, p.err = actorOf(p.conn)
		if p.err == nil && p.who.Name == "" {
			p.err = errors.New("a user without a name")
		}
	})
	return p.who, p.err
}

// namePatience bounds the lookup of a user's name, which reads a file or queries a server.
const namePatience = 2 * time.Second

// nameOf returns what lookup returns or, if that takes too long or fails, id.
func nameOf(id string, lookup func() (string, error)) string {
	found := make(chan string, 1)
	go func() { // ends with lookup, which may hang with a disk
		name, err := lookup()
		if err != nil || name == "" {
			name = id
		}
		found <- name
	}()
	timer := time.NewTimer(namePatience)
	defer timer.Stop()
	select {
	case name := <-found:
		return name
	case <-timer.C:
		return id
	}
}
