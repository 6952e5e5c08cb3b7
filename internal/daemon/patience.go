package daemon

import (
	"errors"
	"time"

	"go.uber.org/zap"

	"webproxy/audit"
)

// diskPatience bounds how long the process, when it ends, waits for a part that may hang with a disk. Shipping alone needs up to
// 5 s. After one part has hung, the waits for the others are shorter (lessPatience).
const (
	diskPatience = 8 * time.Second
	lessPatience = time.Second
)

// patiently calls stop, and returns when stop has returned or diskPatience is over, so that a hanging file system or server does
// not keep the process from ending.
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

// errStopped is the error of a process that was stopped before it served.
var errStopped = errors.New("open audit log: told to stop while the disk did not answer")

// openAudit opens the audit log. Its disk may hang; a stop ends the wait.
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

// refusing reports whether every request is refused because the audit log's disk does not respond.
func (d *daemon) refusing() bool { return d.audit.OnError() == audit.Refuse && d.audit.Stalled() }

// lost reports whether every request is refused because the audit log's directory does not exist.
func (d *daemon) lost() bool { return d.audit.OnError() == audit.Refuse && d.audit.Gone() }
