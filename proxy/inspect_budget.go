package proxy

import (
	"net/http"

	"webproxy/internal/setting"
)

// The memory for inspected TLS is bounded in two steps. The flow-control windows of HTTP/2 bound what one side may send
// before the other has read it, per request and per connection. And before a tunnel or a request within one begins, it
// takes what it may cost at most from one budget, of which each client has a share. Nothing waits for the budget: without
// it, a request is refused.
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

	// maxOriginConns bounds the connections of a tunnel to an origin of HTTP/1.1, which takes one request at a time
	// on each; further requests wait for one. maxIdleInside bounds those of them that are kept.
	maxOriginConns = 32
	maxIdleInside  = 8

	// tunnelCost is what an opened tunnel takes of the budget: two TLS sessions with their buffers and
	// those of HTTP/2.
	tunnelCost = 256 << 10
	// requestCost is what a request inside takes: goroutines, heads, a buffer to copy by, and what the
	// origin has sent that the client has not taken.
	requestCost = 64<<10 + maxInsideHead + originStreamWindow
	// maxSendBuffer is the buffer that net/http takes for a body of unknown length, if the origin is ready
	// for frames of that size.
	maxSendBuffer = 512 << 10

	defaultInspectionMemory = setting.Size(512 << 20)
	minInspectionMemory     = setting.Size(4 << 20) // one tunnel must fit into a share
	// inspectionShares is how many clients use the budget up at least.
	inspectionShares = 4
)

// costOf is what r takes of the budget for opened TLS.
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

// newInspectionBudget is the budget of memory for all opened TLS; limit is as configured.
func newInspectionBudget(limit setting.Size) budget {
	switch limit {
	case 0:
		limit = defaultInspectionMemory
	case setting.SizeOff:
		limit = 1 << 62
	}
	return budget{limit: int64(limit), share: max(int64(limit)/inspectionShares, tunnelCost+requestCost)}
}

// takeMemory takes n of the budget for opened TLS on behalf of x's client, for what is about to be served; without
// it, x will be refused. The function gives it back.
func (x *exchange) takeMemory(n int64) (give func()) {
	client := x.request.Client
	if err := x.srv.memory.take(client, n); err != nil {
		x.excess = "memory for opened TLS (proxy.inspection_memory): " + err.Error()
		return func() {}
	}
	return func() { x.srv.memory.give(client, n) }
}

// clientHTTP2 is how HTTP/2 is spoken with clients inside opened TLS.
func (s *Server) clientHTTP2() *http.HTTP2Config {
	return &http.HTTP2Config{
		MaxConcurrentStreams:          maxStreams,
		MaxReceiveBufferPerStream:     clientStreamWindow,
		MaxReceiveBufferPerConnection: clientConnWindow,
		MaxReadFrameSize:              h2FrameSize,
		MaxDecoderHeaderTableSize:     h2TableSize,
		// A client that does not read its socket; for one whose windows are closed see stallWatch.
		WriteByteTimeout: s.limits.stall,
	}
}

// originHTTP2 is how HTTP/2 is spoken with origins.
func (s *Server) originHTTP2() *http.HTTP2Config {
	return &http.HTTP2Config{
		MaxReceiveBufferPerStream:     originStreamWindow,
		MaxReceiveBufferPerConnection: originConnWindow,
		MaxReadFrameSize:              h2FrameSize,
		WriteByteTimeout:              s.limits.stall,
	}
}
