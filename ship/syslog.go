package ship

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

const (
	// writeTimeout bounds the write of one chunk.
	writeTimeout = 30 * time.Second
	// chunkSize is how much is written at a time.
	chunkSize = 64 << 10
	// closeTimeout is how long a receiver may take to read the rest, and close its side.
	closeTimeout = 10 * time.Second
)

// A syslog is the sink for a syslog receiver. Such a receiver sends no response, and bytes that were written may still be in a
// buffer when it fails. So the connection is half-closed now and then: a receiver that then closes its own side in order has
// read everything. Otherwise its system would reset the connection (RFC 1122, 4.2.2.13), which is detected.
type syslog struct {
	dialer  dialer
	format  syslogFormat
	confirm Confirm

	conn   net.Conn // nil if not connected
	gone   *ending  // of conn
	handed int      // items written that are not acknowledged
	buf    []byte
}

func newSyslog(r *ReceiverSpec, host string) *syslog {
	return &syslog{dialer: newDialer(r), format: newSyslogFormat(r, host), confirm: r.Confirm}
}

// deliver implements sink.
func (s *syslog) deliver(ctx context.Context, items []item, settle bool) (int, error) {
	if len(items) > 0 {
		if err := s.write(ctx, items); err != nil {
			return 0, err
		}
	}
	if !settle || s.handed == 0 {
		return 0, nil
	}
	if err := s.settle(ctx); err != nil {
		return 0, err
	}
	n := s.handed
	s.handed = 0
	return n, nil
}

// close implements sink.
func (s *syslog) close() {
	if s.conn != nil {
		s.conn.Close()
		s.gone.wait()
		s.conn = nil
	}
	s.handed = 0
}

func (s *syslog) write(ctx context.Context, items []item) (err error) {
	if s.conn == nil {
		if s.conn, err = s.dialer.dial(ctx); err != nil {
			return err
		}
		s.gone = watch(s.conn)
	}
	defer context.AfterFunc(ctx, func() { s.conn.SetWriteDeadline(time.Unix(1, 0)) })()
	s.buf = s.buf[:0]
	for i := range items {
		if s.buf, err = s.format.append(s.buf, &items[i]); err != nil {
			return err
		}
		if len(s.buf) < chunkSize && i < len(items)-1 {
			continue
		}
		if s.gone.is() {
			return s.closedEarly()
		}
		s.conn.SetWriteDeadline(time.Now().Add(writeTimeout))
		if err := context.Cause(ctx); err != nil { // its deadline may have been set before ours
			return err
		}
		if _, err := s.conn.Write(s.buf); err != nil {
			return s.whyBroken(err)
		}
		s.buf = s.buf[:0]
	}
	s.handed += len(items)
	return nil
}

// whyBroken returns why a write failed: a receiver that refuses the connection says so in its last bytes, such as that it
// requires a certificate, which is more informative than err.
func (s *syslog) whyBroken(err error) error {
	late := time.NewTimer(time.Second)
	defer late.Stop()
	select {
	case <-s.gone.done:
		if s.gone.err != nil {
			return s.gone.err
		}
	case <-late.C:
	}
	return err
}

// settle returns nil once the receiver has everything that was written, as far as Confirm can tell.
func (s *syslog) settle(ctx context.Context) error {
	if s.gone.is() {
		return s.closedEarly()
	}
	if s.confirm == Write {
		return nil
	}
	if err := closeWrite(s.conn); err != nil {
		return s.whyBroken(err)
	}
	late := time.NewTimer(closeTimeout)
	defer late.Stop()
	select {
	case <-s.gone.done:
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-late.C:
		return fmt.Errorf("the receiver does not close its side of the connection within %v, so it may not have read everything; "+
			"one that never does needs confirm: write", closeTimeout)
	}
	if s.gone.err != nil {
		return fmt.Errorf("the receiver did not read everything: %w", s.gone.err)
	}
	s.conn.Close()
	s.conn = nil
	return nil
}

// closedEarly is the error for a connection that the receiver has ended.
func (s *syslog) closedEarly() error {
	if s.gone.err != nil {
		return s.gone.err
	}
	return errors.New("the receiver closed the connection")
}

// An ending is how the receiver ended a connection.
type ending struct {
	done chan struct{} // closed when the connection has ended
	err  error         // nil if it was closed in order; read it after done is closed
	wg   sync.WaitGroup
}

// watch reads conn until the receiver or Close ends it.
func watch(conn net.Conn) *ending {
	e := &ending{done: make(chan struct{})}
	e.wg.Go(func() {
		defer close(e.done)
		_, e.err = io.Copy(io.Discard, conn)
	})
	return e
}

func (e *ending) is() bool {
	select {
	case <-e.done:
		return true
	default:
		return false
	}
}

func (e *ending) wait() { e.wg.Wait() }
