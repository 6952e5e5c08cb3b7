package proxy

import (
	"io"
	"net"
	"sync"
	"testing"
)

// BenchmarkTunnel is a short tunnel's life on connections that are open already, but for their end:
// set-up, 64 bytes there and back, and both halves closed.
func BenchmarkTunnel(b *testing.B) {
	pools := &tunnelPools{}
	defer pools.close()
	message := make([]byte, 64)
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		client, clientInner := tcpPair(b)
		origin, originInner := tcpPair(b)
		b.StartTimer()
		tun := &tunnel{client: clientInner, origin: originInner, pools: pools}
		done := make(chan struct{})
		go func() { tun.run(); close(done) }()
		client.Write(message)
		io.ReadFull(origin, message)
		origin.Write(message)
		io.ReadFull(client, message)
		client.Close()
		origin.Close()
		<-done
	}
}

// BenchmarkTunnelEcho is a message of 64 bytes there and back through an open tunnel.
func BenchmarkTunnelEcho(b *testing.B) {
	client, origin, _ := startTunnel(b, &tunnel{})
	go io.Copy(origin, origin)
	message := make([]byte, 64)
	b.ReportAllocs()
	for b.Loop() {
		client.Write(message)
		io.ReadFull(client, message)
	}
	client.CloseWrite()
}

// BenchmarkTunnelBulk compares bulk flow through a tunnel with the same through two io.Copy, which
// splice too, but keep a pipe for as long as they live.
func BenchmarkTunnelBulk(b *testing.B) {
	for name, relay := range map[string]func(a, b net.Conn){
		"tunnel": func(a, b net.Conn) { (&tunnel{client: a, origin: b}).run() },
		"iocopy": func(a, b net.Conn) {
			var wg sync.WaitGroup
			wg.Go(func() { io.Copy(a, b); a.(*net.TCPConn).CloseWrite() })
			io.Copy(b, a)
			b.(*net.TCPConn).CloseWrite()
			wg.Wait()
		},
	} {
		b.Run(name, func(b *testing.B) {
			client, clientInner := tcpPair(b)
			origin, originInner := tcpPair(b)
			done := make(chan struct{})
			go func() { relay(clientInner, originInner); close(done) }()
			piece := make([]byte, 1<<20)
			b.SetBytes(int64(len(piece)))
			go func() {
				for {
					if _, err := client.Write(piece); err != nil {
						return
					}
				}
			}()
			sink := make([]byte, 1<<20)
			for b.Loop() {
				io.ReadFull(origin, sink)
			}
			client.Close()
			origin.Close()
			<-done
		})
	}
}
