package proxy

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"webproxy/proxy/egress"

	"github.com/elazarl/goproxy"
	"go.uber.org/zap"
)

// newEngine returns goproxy as this proxy uses it: it parses requests, copies responses, and hijacks the connection
// of a CONNECT. It decides nothing and dials nothing.
//
// goproxy's own ways to dial are all disabled: the transport that skips TLS verification, the dialer taken from
// $HTTPS_PROXY, the tunnel it opens when no handler objects. A request that arrives without an exchange, and so
// without a decision, is refused.
func newEngine(log *zap.Logger) *goproxy.ProxyHttpServer {
	e := goproxy.NewProxyHttpServer()
	e.Logger = debugLog(log)
	e.Verbose = false
	// Header fields are removed by this package. goproxy would drop Connection, and with it the names of the fields
	// that must not be forwarded, and Accept-Encoding, so that the transport decompresses.
	e.KeepHeader, e.KeepAcceptEncoding = true, true
	e.Tr = &http.Transport{DialContext: neverDial}
	e.ConnectDial = nil
	e.ConnectDialWithReq = func(_ *http.Request, network, address string) (net.Conn, error) {
		return neverDial(context.Background(), network, address)
	}
	e.NonproxyHandler = http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		http.Error(rw, "not decided", http.StatusForbidden)
	})
	e.OnRequest().HandleConnect(goproxy.FuncHttpsHandler(onConnect))
	e.OnRequest().DoFunc(onRequest)
	e.OnResponse().DoFunc(onResponse)
	return e
}

func neverDial(_ context.Context, network, address string) (net.Conn, error) {
	return nil, fmt.Errorf("dial %s %s: %w", network, address, egress.ErrNotPermitted)
}

// onConnect is called for every CONNECT, before the connection is hijacked.
func onConnect(host string, ctx *goproxy.ProxyCtx) (*goproxy.ConnectAction, string) {
	x := exchangeOf(ctx.Req)
	if x == nil || x.start == nil {
		ctx.Resp = goproxy.NewResponse(ctx.Req, goproxy.ContentTypeText, http.StatusForbidden, "not decided")
		return &goproxy.ConnectAction{Action: goproxy.ConnectReject}, host
	}
	return &goproxy.ConnectAction{
		Action: goproxy.ConnectHijack,
		// Its connection is the one that our Hijack has just returned.
		Hijack: func(*http.Request, net.Conn, *goproxy.ProxyCtx) { x.start() },
	}, host
}

// onRequest is called for every other request.
func onRequest(r *http.Request, ctx *goproxy.ProxyCtx) (*http.Request, *http.Response) {
	x := exchangeOf(r)
	if x == nil || x.roundTrip == nil {
		return r, goproxy.NewResponse(r, goproxy.ContentTypeText, http.StatusForbidden, "not decided")
	}
	ctx.RoundTripper = goproxy.RoundTripperFunc(func(r *http.Request, _ *goproxy.ProxyCtx) (*http.Response, error) {
		return x.roundTrip(r)
	})
	return r, nil
}

// onResponse replaces a missing response: goproxy would show the client the error, which contains internal addresses.
// The exchange writes the response that the client gets.
func onResponse(resp *http.Response, ctx *goproxy.ProxyCtx) *http.Response {
	if resp == nil {
		return goproxy.NewResponse(ctx.Req, goproxy.ContentTypeText, http.StatusBadGateway, "")
	}
	return resp
}
