package proxy

import (
	"os"
	"testing"
)

// LimitDescriptorsForTest has s find no room for more than n descriptors beyond those that are open now. It is called
// before s is used.
func LimitDescriptorsForTest(t testing.TB, s *Server, n int) {
	t.Helper()
	limit := 0
	for range n { // some may fill holes
		f, err := os.Open(os.DevNull)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		raw, err := f.SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		limit = max(limit, descriptorOf(raw)+1)
	}
	s.Prepare()
	s.descriptors.limit = limit
	s.tunnelPools.descriptors = s.descriptors.limit
}

// WaitingForTest counts the connections that wait for a request.
func WaitingForTest(s *Server) (n int) {
	s.conns.mu.Lock()
	defer s.conns.mu.Unlock()
	for c := range s.conns.open {
		if _, waits := c.waitingSince(); waits {
			n++
		}
	}
	return n
}
