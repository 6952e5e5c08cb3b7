package probe_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"webproxy/doctor"
	"webproxy/doctor/probe"
	"webproxy/internal/proxytest"
)

func try(t *testing.T, p *proxytest.Proxy, address string) doctor.Hop {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	prober := probe.Prober{Proxy: p.Addr, Timeout: proxytest.Patience}
	seen := prober.Try(context.Background(), &doctor.Target{URL: address, Host: u.Hostname()})
	if len(seen.Hops) == 0 {
		t.Fatalf("%s: no hops: %+v", address, seen)
	}
	return seen.Hops[0]
}

// A refusal by the proxy is reported with its reason and the id of its record.
func TestRefused(t *testing.T) {
	p := proxytest.Start(t, proxytest.Config{})
	for _, address := range []string{"http://denied.example/", "https://denied.example/"} {
		hop := try(t, p, address)
		if hop.Refused != "host_not_listed" || hop.ID == "" || hop.Status != http.StatusForbidden {
			t.Errorf("%s: %+v", address, hop)
		}
	}
}

// An origin that pretends to be the proxy is an origin.
func TestPretender(t *testing.T) {
	p := proxytest.Start(t, proxytest.Config{Origin: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Server", "webproxy")
		w.Header().Set("Proxy-Status", `webproxy; error=http_request_denied; details="host_not_listed x id=AAAAAA"`)
		w.WriteHeader(http.StatusForbidden)
	})})
	if hop := try(t, p, p.URL("/")); hop.Refused != "" || hop.Stage != doctor.Responded || hop.Status != http.StatusForbidden {
		t.Errorf("%+v", hop)
	}
}

// A limited number of redirects is followed; a range is requested where the server offers it.
func TestRedirectsAndParts(t *testing.T) {
	p := proxytest.Start(t, proxytest.Config{Origin: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/loop":
			http.Redirect(w, r, "/loop", http.StatusFound)
		case "/away":
			http.Redirect(w, r, "ftp://elsewhere.example/", http.StatusFound)
		case "/to":
			http.Redirect(w, r, "/file", http.StatusMovedPermanently)
		default:
			http.ServeContent(w, r, "file.cab", time.Unix(0, 0), strings.NewReader("0123456789"))
		}
	})})
	prober := probe.Prober{Proxy: p.Addr, Timeout: proxytest.Patience}
	for path, want := range map[string]int{"/loop": 6, "/away": 1, "/to": 2, "/file": 1} {
		seen := prober.Try(context.Background(), &doctor.Target{URL: p.URL(path), Host: proxytest.Host})
		if len(seen.Hops) != want {
			t.Errorf("%s: %d hops, want %d", path, len(seen.Hops), want)
			continue
		}
		last := seen.Hops[want-1]
		part := last.Range
		if path == "/to" || path == "/file" {
			if part == nil || part.Status != http.StatusPartialContent || part.ContentRange != "bytes 1-4/10" || part.Length != 4 {
				t.Errorf("%s: %+v", path, part)
			}
		}
		if path == "/away" && last.Location != "" {
			t.Errorf("%s: %q would be followed", path, last.Location)
		}
	}
}

// Exactly Parallel endpoints are tested at a time.
func TestParallel(t *testing.T) {
	var now, most atomic.Int32
	meet := make(chan struct{})
	p := proxytest.Start(t, proxytest.Config{Origin: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		n := now.Add(1)
		for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
		}
		select { // continues only if two are in progress
		case meet <- struct{}{}:
		case <-meet:
		}
		now.Add(-1)
		io.WriteString(w, "ok")
	})})
	var targets []doctor.Target
	for i := range 8 {
		targets = append(targets, doctor.Target{URL: p.URL(fmt.Sprint("/", i)), Host: proxytest.Host})
	}
	done := 0
	prober := probe.Prober{Proxy: p.Addr, Timeout: proxytest.Patience, Parallel: 2}
	for i, seen := range prober.All(context.Background(), targets, func() { done++ }) {
		if len(seen.Hops) != 1 || seen.Hops[0].Status != http.StatusOK {
			t.Errorf("%d: %+v", i, seen)
		}
	}
	if most.Load() != 2 || done != len(targets) {
		t.Errorf("%d at a time, want 2; done %d", most.Load(), done)
	}
}

// An interrupted run ends and says what it did not test; an unreachable proxy is reported.
func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	prober := probe.Prober{Proxy: "127.0.0.1:1", Timeout: proxytest.Patience}
	target := doctor.Target{URL: "http://origin.test/", Host: "origin.test"}
	if seen := prober.Try(ctx, &target); seen.NotTried == "" {
		t.Errorf("%+v", seen)
	}
	seen := prober.Try(context.Background(), &target)
	if len(seen.Hops) != 1 || seen.Hops[0].Stage != doctor.ToProxy || seen.Hops[0].Err == "" {
		t.Errorf("%+v", seen)
	}
}

// A proxy that takes a request and does not answer before the timeout was reached: it may wait for DNS.
func TestLate(t *testing.T) {
	for _, closes := range []bool{false, true} {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer ln.Close()
		go func() {
			for {
				conn, err := ln.Accept()
				if err != nil {
					return
				}
				if closes {
					conn.Close()
				} else {
					defer conn.Close()
				}
			}
		}()
		for _, address := range []string{"http://a.example.com", "https://a.example.com"} {
			var hop doctor.Hop
			for timeout := 100 * time.Millisecond; timeout < proxytest.Patience && hop.Stage == doctor.ToProxy; timeout *= 2 { // to connect takes time as well
				prober := probe.Prober{Proxy: ln.Addr().String(), Timeout: timeout}
				if closes {
					prober.Timeout = proxytest.Patience
				}
				hop = prober.Try(t.Context(), &doctor.Target{URL: address, Host: "a.example.com"}).Hops[0]
			}
			if hop.Stage == doctor.ToProxy || hop.Late == closes {
				t.Errorf("%s, closes %v: stage %v, late %v, %s", address, closes, hop.Stage, hop.Late, hop.Err)
			}
		}
	}
}
