package daemon

import (
	"errors"
	"time"

	"go.uber.org/zap"

	"webproxy/audit"
)

// diskPatience bounds how long the end of the process waits for a part that may hang with a disk. Shipping needs up
// to 5 s itself. Once one part was given up, the wait for the others is shorter.
const (
	diskPatience = 8 * time.Second
	lessPatience = time.Second
)

// patiently calls stop, and returns when stop has returned or diskPatience is over: no frozen file system, and no
// server that is down, keeps the process from ending. What still hangs then ends with the process.
func (d *daemon) patiently(what string, stop func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		stop()
	}()
	wait := diskPatience
	if d.gaveUp {
		wait = lessPatience
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
		d.gaveUp = true
		d.log.Error("given up at the end of the process: a disk does not answer", zap.String("what", what), zap.Duration("after", wait))
	}
}

// errStopped is why the process ends before it has begun to serve.
var errStopped = errors.New("open audit log: told to stop while the disk did not answer")

// openAudit opens the audit log. Its disk may hang; an order to stop ends that wait.
func (d *daemon) openAudit(c control) error {
	type opened struct {
		log *audit.Log
		err error
	}
	done := make(chan opened, 1)
	go func() {
		l, err := audit.Open(d.cfg.Audit)
		done <- opened{l, err}
	}()
	select {
	case got := <-done:
		d.audit = got.log
		return got.err
	case <-c.stop:
		return errStopped
	}
}

func (d *daemon) closeAudit() {
	if err := d.audit.Close(); err != nil {
		d.log.Error("close audit log", zap.Error(err))
	}
}

// refusing reports whether every request is refused because the audit log's disk does not answer.
func (d *daemon) refusing() bool { return d.audit.OnError() == audit.Refuse && d.audit.Stalled() }

// lost reports whether every request is refused because the audit log's directory is not there.
func (d *daemon) lost() bool { return d.audit.OnError() == audit.Refuse && d.audit.Gone() }
