package proxy_test

import (
	"io"
	"net/http"
	"testing"

	"webproxy/internal/proxytest"
)

// One request on a kept connection: client, proxy and origin share the processor.
func BenchmarkGet(b *testing.B) {
	body := make([]byte, 128)
	p := proxytest.Start(b, proxytest.Config{Origin: http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { rw.Write(body) })})
	c := p.Dial()
	get := p.Get("/")
	b.ReportAllocs()
	for b.Loop() {
		c.Send(get)
		if resp := c.Response("GET"); resp.StatusCode != 200 || len(c.Body(resp)) != 128 {
			b.Fatal(resp.Status)
		}
	}
}

func BenchmarkRefusedGet(b *testing.B) {
	p := proxytest.Start(b, proxytest.Config{})
	c := p.Dial()
	b.ReportAllocs()
	for b.Loop() {
		c.Send("GET http://other.test/ HTTP/1.1\r\nHost: other.test\r\n\r\n")
		c.Body(c.Response("GET"))
	}
}

func BenchmarkRefusedConnect(b *testing.B) {
	p := proxytest.Start(b, proxytest.Config{})
	b.ReportAllocs()
	for b.Loop() {
		c := p.Dial()
		c.Send("CONNECT other.test:443 HTTP/1.1\r\nHost: other.test:443\r\n\r\n")
		c.Body(c.Response("CONNECT"))
		c.Close()
	}
}

// Connect, CONNECT, 64 bytes there and back, close.
func BenchmarkConnect(b *testing.B) {
	p := proxytest.Start(b, proxytest.Config{Listener: echo(b)})
	ping, pong := make([]byte, 64), make([]byte, 64)
	b.ReportAllocs()
	for b.Loop() {
		c := p.Connect(string(ping))
		if _, err := io.ReadFull(c.R, pong); err != nil {
			b.Fatal(err)
		}
		c.Close()
	}
}
