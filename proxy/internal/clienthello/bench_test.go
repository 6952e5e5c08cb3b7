package clienthello

import (
	"crypto/tls"
	"testing"
)

// BenchmarkHello is what is done to the ClientHello of a Go client, post-quantum key included, once it is read.
func BenchmarkHello(b *testing.B) {
	whole := helloBytes(b, &tls.Config{ServerName: "origin.test", NextProtos: []string{"h2", "http/1.1"}})
	b.SetBytes(int64(len(whole)))
	b.ReportAllocs()
	for b.Loop() {
		if h, f := readWhole(whole, len(whole)); f != NoError || h.SNI == "" {
			b.Fatal(f)
		}
	}
}
