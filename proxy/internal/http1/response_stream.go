package http1

import (
	"io"
	"sync"
)

// A ResponseStream is the receiving side of a connection to an origin or an upstream proxy. Its Read returns only
// bytes that parse unambiguously as HTTP/1 responses, each to a request that was announced by Expect. net/http's
// readers of responses, which are more lenient, read from it: they cannot read what it returns in another way. All
// HTTP/1 response heads pass through it.
//
// Read is called by one goroutine at a time. An error stays.
type ResponseStream struct {
	Source io.Reader

	mu      sync.Mutex // guards the fields below: a request begins while Read waits
	method  string     // of the request whose response is awaited; empty if there is none
	upgrade bool       // the request asks for another protocol, so that 101 may be the response
	began   bool       // bytes were read since Expect
	problem error      // what is malformed in the response; nil if nothing is

	state         responseState
	left          int64  // body bytes that have not arrived, in responseLength
	chunks        Chunks // in responseChunks
	room          int    // how many bytes of heads may still be read
	informational int    // responses before the final one so far

	out     []byte // checked, but not returned yet
	held    []byte // read, but not checked yet
	scanned int    // held[:scanned] contains no end of a head
	readErr error  // of Source
	err     error  // of Read, once out is empty
}

type responseState uint8

const (
	responseIdle   responseState = iota // before or inside a head
	responseLength                      // inside a body of known length
	responseChunks                      // inside a chunked body
	responseRaw                         // inside a body that the connection's end ends, or a tunnel
)

// Expect announces a request with method, which is about to be sent: the next final response is its response.
func (s *ResponseStream) Expect(method string, upgrade bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.method, s.upgrade, s.began = method, upgrade, false
}

// awaited returns the arguments of the last Expect, and notes that the response has begun.
func (s *ResponseStream) awaited() (method string, upgrade bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.began {
		s.began, s.room, s.informational = true, MaxResponseHead, 0
	}
	return s.method, s.upgrade
}

// HasBegun reports whether bytes of the response to the request in progress were read.
func (s *ResponseStream) HasBegun() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.began
}

// Malformed returns what is malformed in the response to the request in progress, as far as it was read; nil if
// nothing is. It may be called at any time, concurrently.
func (s *ResponseStream) Malformed() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.problem
}

// setMalformed is called when something is malformed in the response, which is then the last one.
func (s *ResponseStream) setMalformed(err error) {
	s.err = err
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := err.(ResponseError); ok {
		s.problem = err
	}
}

// IsIdle reports whether the last response has ended and nothing was received after it.
func (s *ResponseStream) IsIdle() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.method == "" && s.state == responseIdle && len(s.out)+len(s.held) == 0 && s.readErr == nil && s.err == nil
}

// Read implements io.Reader. The last bytes of a response are returned with io.EOF if others follow that belong to no
// response: the connection must not be used again then.
func (s *ResponseStream) Read(p []byte) (int, error) {
	for {
		switch {
		case len(s.out) > 0:
			n := copy(p, s.out)
			s.out = s.out[n:]
			return n, s.excess()
		case s.err != nil:
			return 0, s.err
		case len(s.held) > 0 && s.state == responseIdle:
			if err := s.collectHead(); err != nil {
				s.fail(err)
			}
		case len(s.held) > 0:
			n := s.follow(s.held)
			s.out, s.held = s.held[:n], s.held[n:]
			if s.err != nil {
				s.held = nil
			}
		default:
			n, err := s.readInto(p)
			if n > 0 {
				return n, s.excess()
			}
			if err != nil {
				return 0, err
			}
		}
	}
}

// excess returns io.EOF if the response has ended and more has been read.
func (s *ResponseStream) excess() error {
	if s.state != responseIdle || len(s.out) > 0 || len(s.held) == 0 {
		return nil
	}
	if method, _ := s.awaited(); method != "" {
		return nil
	}
	s.err = ErrUnsolicited
	return io.EOF
}

// fail makes err the error of Read. If a response is awaited and has begun, a status line is returned before err:
// net/http sends a request again if the connection fails before any byte of a response, and could not return our
// error with that of a malformed line. The line is followed by the error, so it is never a response.
func (s *ResponseStream) fail(err error) {
	s.setMalformed(err)
	if method, _ := s.awaited(); method != "" && len(s.held) > 0 {
		s.out = []byte("HTTP/1.1 502 \r\n")
	}
	s.held = nil
}

// readInto reads into p, and checks the bytes in place: n of them may be returned. The rest is held.
func (s *ResponseStream) readInto(p []byte) (n int, err error) {
	if s.readErr != nil {
		s.err = s.readErr
		return 0, s.err
	}
	n, s.readErr = s.Source.Read(p)
	if n == 0 {
		return 0, nil
	}
	b := p[:n]
	if s.state != responseIdle {
		if n = s.follow(b); n < len(b) && s.err == nil {
			s.held = append(s.held, b[n:]...)
		}
		return n, nil
	}
	if n = s.headInPlace(b); n < len(b) {
		s.held = append(s.held, b[n:]...)
	}
	return n, nil
}

// headInPlace returns how many bytes of b are a head that needs no change, and the part of its body that follows; 0
// if b does not begin with such a head.
func (s *ResponseStream) headInPlace(b []byte) int {
	method, upgrade := s.awaited()
	end, err := scanResponse(b, 0)
	var h ResponseHead
	if method == "" || end == 0 || end > s.room || err != nil || h.parse(b[:end]) != nil || h.unclean {
		return 0
	}
	if s.begin(&h, end, method, upgrade) != nil {
		return 0
	}
	return end + s.follow(b[end:])
}

// collectHead reads until the held head is complete, and moves it to out.
func (s *ResponseStream) collectHead() error {
	method, upgrade := s.awaited()
	if method == "" {
		return ErrUnsolicited
	}
	end, err := scanResponse(s.held, s.scanned)
	switch {
	case err != nil:
		return err
	case end > s.room || end == 0 && len(s.held) >= s.room:
		return ErrResponseLarge
	case end == 0:
		s.scanned = len(s.held)
		return s.readMore()
	}
	var h ResponseHead
	if err := h.parse(s.held[:end]); err != nil {
		return err
	}
	if err := s.begin(&h, end, method, upgrade); err != nil {
		return err
	}
	s.out, s.held, s.scanned = s.held[:end:end], s.held[end:], 0
	if h.unclean {
		s.out = h.appendClean(nil, s.out)
	}
	return nil
}

// readMore appends to held what Source has.
func (s *ResponseStream) readMore() error {
	if err := s.readErr; err == io.EOF {
		return io.ErrUnexpectedEOF
	} else if err != nil {
		return err
	}
	if len(s.held) == cap(s.held) {
		bigger := make([]byte, len(s.held), max(2*cap(s.held), 4<<10))
		copy(bigger, s.held)
		s.held = bigger
	}
	n, err := s.Source.Read(s.held[len(s.held):cap(s.held)])
	s.held, s.readErr = s.held[:len(s.held)+n], err
	return nil
}

// begin handles a head of size bytes: it decides what follows it, and whether the response is the final one.
func (s *ResponseStream) begin(h *ResponseHead, size int, method string, upgrade bool) error {
	switch {
	case h.status == 101 && !upgrade:
		return ErrResponseSwitch
	case !h.isFinal() && s.informational == MaxInformational:
		return ErrManyInformational
	case !h.isFinal():
		s.room -= size
		s.informational++
		return nil
	}
	s.chunks = Chunks{}
	switch {
	case h.status == 101, method == "CONNECT" && h.status < 300: // RFC 9110, 9.3.6: whatever the head says
		s.state = responseRaw
	case !h.hasBody(method), h.length == 0:
		s.end()
	case h.chunked:
		s.state = responseChunks
	case h.length > 0:
		s.state, s.left = responseLength, h.length
	default:
		s.state = responseRaw
	}
	return nil
}

// end is called when the final response has ended.
func (s *ResponseStream) end() {
	s.state = responseIdle
	s.mu.Lock()
	defer s.mu.Unlock()
	s.method = ""
}

// follow moves along the body in progress and returns how many bytes of b belong to it. If it is malformed, it sets
// err.
func (s *ResponseStream) follow(b []byte) int {
	switch s.state {
	case responseLength:
		n := int(min(s.left, int64(len(b))))
		if s.left -= int64(n); s.left == 0 {
			s.end()
		}
		return n
	case responseChunks:
		n, f := s.chunks.Scan(b)
		switch {
		case f != NoError:
			s.setMalformed(ResponseError(f.Error()))
		case s.chunks.Done():
			s.end()
		}
		return n
	case responseRaw:
		return len(b)
	}
	return 0
}

// TakeBody returns the part of a body of known length that was read and not returned by Read. The caller moves the
// rest of the body from Source, and then calls BodyMoved.
func (s *ResponseStream) TakeBody() []byte {
	if s.state == responseLength && len(s.held) > 0 {
		n := s.follow(s.held)
		s.out, s.held = append(s.out, s.held[:n]...), s.held[n:]
	}
	b := s.out
	s.out = nil
	s.excess()
	return b
}

// BodyMoved is called when all of a body of known length was read from Source, around Read.
func (s *ResponseStream) BodyMoved() {
	s.left = 0
	s.end()
}

// TakeRaw returns the bytes after the head that began a tunnel which were read and not returned by Read.
func (s *ResponseStream) TakeRaw() []byte {
	b := append(s.out, s.held...)
	s.out, s.held = nil, nil
	return b
}
