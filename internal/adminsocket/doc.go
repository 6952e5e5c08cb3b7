// Package adminsocket is how commands on the proxy's own machine talk to the running proxy: HTTP with JSON
// over a unix socket that only its owner and root can open or, on Windows, over a named pipe whose access
// control list admits its owner, SYSTEM and Administrators. The operating system tells the server who is at the
// other end; nobody logs in.
//
// To add a request, register a handler with its method and path, as http.ServeMux takes them:
//
//	s := adminsocket.NewServer(log)
//	s.Handle("POST /v1/reload", func(r *adminsocket.Request) (any, error) {
//		return d.reloadFor(r.Context(), r.Actor)
//	})
//	ln, err := adminsocket.Listen(path)
//	go s.Serve(ln)
//
// and call it:
//
//	var done Reload
//	err := (&adminsocket.Client{Path: path}).Do(ctx, "POST", "/v1/reload", nil, &done)
//
// The package does not depend on policies, logs or configurations. A peer may hold a connection for Patience at most and send
// MaxBody bytes. A handler must not wait for a disk longer than r.Context(), which ends after Patience: it uses a goroutine of
// its own for that.
package adminsocket

import "time"

const (
	// Patience bounds one request: its head, its body, its handler and its response.
	Patience = time.Minute
	// MaxBody bounds the body of a request, in bytes.
	MaxBody = 64 << 10
	// maxResponse bounds the body of a response that a Client reads, in bytes.
	maxResponse = 16 << 20
	// headPatience bounds the time for a request's head, and how long a connection may be idle.
	headPatience = 5 * time.Second
	// maxHead bounds a request's head, in bytes.
	maxHead = 8 << 10
	// maxConns bounds the connections that are served at a time.
	maxConns = 32
)

// An Actor is the operating system's user at the other end of a connection, as the system reports it.
type Actor struct {
	// Name is the user's name: "ann", `CONTOSO\ann` on Windows, or "uid 1000" where the system has no name for it.
	Name string
}

// An Error is a response with an error. A handler returns one to choose the status; Client.Do returns it.
type Error struct {
	Status  int      `json:"-"` // of HTTP; 0 is 500
	Message string   `json:"error"`
	Hint    string   `json:"hint,omitempty"`
	Lines   []string `json:"lines,omitempty"` // more about it, for people
}

func (e *Error) Error() string { return e.Message }
