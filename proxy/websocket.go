package proxy

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/textproto"
	"time"
	"webproxy/internal/proxystatus"
	"webproxy/proxy/internal/http1conn"
)

// upgrade forwards a request for a WebSocket over plain HTTP, on a connection of its own. If the origin responds with
// 101, it becomes a tunnel like any other; if not, the response is forwarded. An invalid 101 is a failure; see
// websocket_handshake.go.
func (s *Server) upgrade(x *exchange, rw http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithCancel(r.Context())
	x.cancel = cancel
	s.track(x)
	origin, err := x.open(ctx, x.decision)
	if err != nil {
		defer cancel()
		x.respondFailure(rw, r, err)
		return
	}
	h := &handshake{conn: origin}
	w := newResponseWriter(x, rw, r)
	resp, err := h.ask(ctx, w, x.upgradeRequest(r), s.Options.ResponseTimeout.Or(0))
	switch {
	case err != nil:
		defer cancel()
		origin.Close()
		x.respondFailure(rw, r, err)
	case resp.StatusCode == http.StatusSwitchingProtocols:
		s.switchProtocols(x, rw, h, resp)
	default:
		defer cancel()
		// Nothing else would end a body that never arrives: no transport watches ctx here.
		defer context.AfterFunc(ctx, func() { origin.Close() })()
		resp.Body = &closesConn{ReadCloser: resp.Body, conn: origin}
		x.roundTrip = func(r *http.Request) (*http.Response, error) {
			return x.fetch(w, r, func(*http.Request) (*http.Response, error) { return resp, nil })
		}
		s.pass(x, w, r.WithContext(ctx))
	}
}

// upgradeRequest is r as it is sent to the origin, with the two fields that ask for the WebSocket.
func (x *exchange) upgradeRequest(r *http.Request) *http.Request {
	out := *r
	out.Header = r.Header.Clone() // fetch sends r to the origin too, if it refuses the upgrade
	sent := x.outgoing(&out)
	sent.Header["Connection"], sent.Header["Upgrade"] = []string{"Upgrade"}, []string{"websocket"}
	return sent
}

// switchProtocols hands both connections to a tunnel.
func (s *Server) switchProtocols(x *exchange, rw http.ResponseWriter, h *handshake, resp *http.Response) {
	hj := &hijacker{ResponseWriter: rw, client: x.client}
	if _, _, err := hj.Hijack(); err != nil {
		defer x.cancel()
		h.conn.Close()
		x.close(proxystatus.Internal)
		return
	}
	x.setStatus(resp.StatusCode)
	cleanResponse(resp.Header)
	addVia(resp.Header, resp.ProtoMajor, resp.ProtoMinor, s.via)
	var head bytes.Buffer
	head.WriteString("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n")
	resp.Header.Write(&head)
	head.WriteString("\r\n")
	t := &tunnel{origin: h.conn, buffered: hj.buffered}
	b := h.reader.TakeBuffered() // bytes that were read together with the origin's 101
	head.Write(b)
	t.in.Add(int64(len(b)))
	x.startTunnel(t, head.Bytes())
}

// A handshake is an HTTP exchange on a connection that may then carry another protocol.
type handshake struct {
	conn   net.Conn
	reader http1conn.Reader // of conn
}

// ask sends r and reads the head of the response. Informational responses are passed to a.
func (h *handshake) ask(ctx context.Context, w *responseWriter, r *http.Request, timeout time.Duration) (*http.Response, error) {
	h.conn.SetDeadline(deadlineIn(timeout))
	stop := context.AfterFunc(ctx, func() { h.conn.SetDeadline(time.Unix(1, 0)) })
	defer func() {
		if stop() {
			h.conn.SetDeadline(noDeadline)
		}
	}()
	h.reader.Reset(h.conn)
	h.reader.Responses.Expect(r.Method, true)
	resp, err := h.reader.ReadHead(r, r.Write(h.conn), func(resp *http.Response) error {
		return w.writeInformational(resp.StatusCode, textproto.MIMEHeader(resp.Header))
	})
	if err == nil && resp.StatusCode == http.StatusSwitchingProtocols {
		err = checkSwitch(resp, r.Header)
	}
	if err != nil {
		return nil, err
	}
	return resp, nil
}

// A closesConn is the body of a response that is the last one on its connection.
type closesConn struct {
	io.ReadCloser
	conn net.Conn
}

func (b *closesConn) Close() error {
	return errors.Join(b.ReadCloser.Close(), b.conn.Close())
}
