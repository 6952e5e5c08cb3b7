package proxy

import (
	"net/http"

	"webproxy/internal/setting"
)

// The memory for inspected TLS is bounded in two steps. The flow-control windows of HTTP/2 bound what one side may
// send before the other has read it, per request and per connection. And before a tunnel or a request within one
// begins, it takes the most that it may cost from one budget, of which each client has a share. Nothing waits for the
// budget: if it is spent, the request is refused.
const (
	// originStreamWindow is what an origin may send of one response before the client has taken it. With 256 KiB,
	// an origin 20 ms away sends 100 Mbit/s.
	originStreamWindow = 256 << 10
	// originConnWindow is the same for all responses on a connection.
	originConnWindow = 1 << 20
	// clientStreamWindow is what a client, which is near, may send of one request before the origin has taken it.
	clientStreamWindow = 128 << 10
	clientConnWindow   = 512 << 10
	// maxStreams bounds the requests in progress on a connection of a client (RFC 9113, 6.5.2: no less than 100
	// is recommended).
	maxStreams = 100
	// maxInsideHead bounds the head of a response inside, as decoded.
	maxInsideHead = 64 << 10

	// maxOriginConns bounds the connections of a tunnel to an origin of HTTP/1.1, which serves one request at a time
	// on each; further requests wait for one. maxIdleInside bounds the idle ones that are kept.
	maxOriginConns = 32
	maxIdleInside  = 8

	// tunnelCost is what an inspected tunnel takes from the budget: two TLS sessions with their buffers and those of
	// HTTP/2.
	tunnelCost = 256 << 10
	// requestCost is what a request inside takes: goroutines, heads, a copy buffer, and what the origin has sent that
	// the client has not read.
	requestCost = 64<<10 + maxInsideHead + originStreamWindow
	// maxSendBuffer is the buffer that net/http takes for a body of unknown length, if the origin accepts frames of
	// that size.
	maxSendBuffer = 512 << 10

	defaultInspectionMemory = setting.Size(512 << 20)
	minInspectionMemory     = setting.Size(4 << 20) // a share must suffice for one tunnel
	// inspectionShares is into how many shares the budget is divided: one client can have one of them.
	inspectionShares = 4
)

// costOf is what r takes from the budget for inspected TLS.
func costOf(r *http.Request) int64 {
	cost := int64(requestCost)
	switch {
	case r.ContentLength < 0:
		cost += clientStreamWindow + maxSendBuffer
	case r.ContentLength > 0:
		cost += min(r.ContentLength, clientStreamWindow) + min(r.ContentLength+1, maxSendBuffer)
	}
	return cost
}

// newInspectionBudget is the memory budget for all inspected TLS; limit is as configured.
func newInspectionBudget(limit setting.Size) budget {
	switch limit {
	case 0:
		limit = defaultInspectionMemory
	case setting.SizeOff:
		limit = 1 << 62
	}
	return budget{limit: int64(limit), share: max(int64(limit)/inspectionShares, tunnelCost+requestCost)}
}

// takeMemory takes n from the budget for inspected TLS on behalf of x's client. If that fails, x will be refused. The
// returned function gives n back.
func (x *exchange) takeMemory(n int64) (give func()) {
	client := x.request.Client
	if err := x.srv.memory.take(client, n); err != nil {
		x.excess = "memory for inspected TLS (proxy.inspection_memory): " + err.Error()
		return func() {}
	}
	return func() { x.srv.memory.give(client, n) }
}

// clientHTTP2 configures HTTP/2 with clients inside inspected TLS.
func (s *Server) clientHTTP2() *http.HTTP2Config {
	return &http.HTTP2Config{
		MaxConcurrentStreams:          maxStreams,
		MaxReceiveBufferPerStream:     clientStreamWindow,
		MaxReceiveBufferPerConnection: clientConnWindow,
		MaxReadFrameSize:              h2FrameSize,
		MaxDecoderHeaderTableSize:     h2TableSize,
		// For a client that does not read its socket; for one whose windows are closed see stallWatch.
		WriteByteTimeout: s.limits.stall,
	}
}

// originHTTP2 configures HTTP/2 with origins.
func (s *Server) originHTTP2() *http.HTTP2Config {
	return &http.HTTP2Config{
		MaxReceiveBufferPerStream:     originStreamWindow,
		MaxReceiveBufferPerConnection: originConnWindow,
		MaxReadFrameSize:              h2FrameSize,
		WriteByteTimeout:              s.limits.stall,
	}
}
