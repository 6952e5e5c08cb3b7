//go:build unix

package config

import (
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
)

// Who waits for the network has a turn whenever the load gives way, on one processor too.
func TestWayGivesToTheNetwork(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	in, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	var got atomic.Int64
	var reader sync.WaitGroup
	reader.Go(func() {
		for b := []byte{0}; ; got.Add(1) {
			if _, err := in.Read(b); err != nil {
				return
			}
		}
	})
	var w way
	defer w.close()
	const rounds = 100
	gave := 0
	for i := range int64(rounds) {
		if _, err := out.Write([]byte{0}); err != nil {
			t.Fatal(err)
		}
		for ; got.Load() == i; gave++ {
			w.give()
		}
	}
	out.Close()
	reader.Wait()
	in.Close()
	if gave > 5*rounds {
		t.Errorf("gave way %d times until %d reads were done", gave, rounds)
	}
}

// Several may give way at once, and after close too.
func TestWayIsShared(t *testing.T) {
	var w way
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 50 {
				w.give()
			}
		})
	}
	w.give()
	w.close()
	all.Wait()
	w.give()
	if w.in != nil || w.out != nil {
		t.Error("a descriptor stays open")
	}
}
