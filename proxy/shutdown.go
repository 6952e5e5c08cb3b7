package proxy

import "context"

// Shutdown stops the Server. It closes the listeners and idle connections, and lets requests and tunnels go on until
// they end or ctx is done; then it cuts the rest. It returns when every goroutine of the Server has ended and every
// exchange has its close record: nil if nothing had to be cut, else ctx's error.
//
// net/http's own Shutdown is not used: it drops requests whose head was read while it began, without a response and
// without a record.
func (s *Server) Shutdown(ctx context.Context) error {
	s.Prepare()
	s.draining.Store(true)
	gone := s.conns.drain()
	s.drainInside()
	var err error
	select {
	case <-gone:
	case <-ctx.Done():
		err = ctx.Err()
	}
	s.stop()
	<-gone
	s.inflight.wg.Wait()
	s.http.Close()
	s.inside.Close()
	s.insideDrain.Wait()
	s.origins.drop()
	s.tunnelPools.close()
	s.parking.waiter.close()
	return err
}

// drainInside stops further requests within inspected tunnels; tunnels without a request in progress end.
//
// For HTTP/2 that is a GOAWAY (RFC 9113, 6.8), which net/http's Shutdown sends. It then waits for the listeners, each
// of which is one connection of a client: it cuts none.
func (s *Server) drainInside() {
	s.insideOnce.Do(func() {
		s.insideDrain.Go(func() { s.inside.Shutdown(context.Background()) })
	})
	for _, x := range s.tracked() {
		if n := x.inspection.Load(); n != nil {
			n.drain()
		}
	}
}

// Close is Shutdown without any grace. It may be called while Shutdown waits, which then ends soon.
func (s *Server) Close() error {
	now, cancel := context.WithCancel(context.Background())
	cancel()
	s.Shutdown(now)
	return nil
}

// stop cuts everything in progress.
func (s *Server) stop() {
	s.stopOnce.Do(func() { close(s.stopped) })
	s.cutAll(wordShutdown)
	s.conns.cut()
}
