//go:build linux

package main

import (
	"bufio"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"sync/atomic"
	"syscall"

	"github.com/elazarl/goproxy"
)

// A gatekeeper is the policy and log of the two peers that this program implements: a map
// of names, and one write for each request.
type gatekeeper struct {
	names atomic.Pointer[map[string]bool]
	log   *os.File
}

// serve runs one of the two; its arguments are kind, address, file of names, log.
func serve(args []string) error {
	if len(args) != 4 {
		return fmt.Errorf("serve: %d arguments, want kind, address, names, log", len(args))
	}
	g := &gatekeeper{}
	var err error
	if g.log, err = os.OpenFile(args[3], os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644); err != nil {
		return err
	}
	if err := g.load(args[2]); err != nil {
		return err
	}
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	go func() {
		for range hup {
			if err := g.load(args[2]); err != nil {
				log.Print(err)
			}
		}
	}()
	ln, err := net.Listen("tcp", args[1])
	if err != nil {
		return err
	}
	if args[0] == "lean" {
		return serveLean(ln, g)
	}
	return serveGoproxy(ln, g)
}

func (g *gatekeeper) load(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	names := make(map[string]bool)
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		names[lines.Text()] = true
	}
	g.names.Store(&names)
	return lines.Err()
}

// allows decides about host:port and writes a line about it.
func (g *gatekeeper) allows(client, method, hostPort string) bool {
	host, _, _ := strings.Cut(hostPort, ":")
	ok := (*g.names.Load())[host]
	fmt.Fprintf(g.log, "{\"client\":%q,\"method\":%q,\"host\":%q,\"allow\":%v}\n", client, method, hostPort, ok)
	return ok
}

// serveGoproxy is goproxy as its README has it, with a policy, a log, and a transport that keeps
// connections.
func serveGoproxy(ln net.Listener, g *gatekeeper) error {
	p := goproxy.NewProxyHttpServer()
	p.Tr = &http.Transport{MaxIdleConnsPerHost: 128, DisableCompression: true}
	p.OnRequest().HandleConnectFunc(func(host string, ctx *goproxy.ProxyCtx) (*goproxy.ConnectAction, string) {
		if !g.allows(ctx.Req.RemoteAddr, http.MethodConnect, host) {
			ctx.Resp = goproxy.NewResponse(ctx.Req, goproxy.ContentTypeText, http.StatusForbidden, "denied")
			return goproxy.RejectConnect, host
		}
		return goproxy.OkConnect, host
	})
	p.OnRequest().DoFunc(func(r *http.Request, _ *goproxy.ProxyCtx) (*http.Request, *http.Response) {
		if !g.allows(r.RemoteAddr, r.Method, r.URL.Host) {
			return r, goproxy.NewResponse(r, goproxy.ContentTypeText, http.StatusForbidden, "denied")
		}
		return r, nil
	})
	return http.Serve(ln, p)
}
