package daemon

import (
	"net/http"
	"path/filepath"
	"time"

	"webproxy/audit"
	"webproxy/dashboard"
	"webproxy/internal/adminsocket"
)

// A Verified is the result of a verification of the audit log, for the proxy that writes it: status and the dashboard show it.
type Verified struct {
	Dir    string              `json:"dir"` // of the log
	At     time.Time           `json:"at"`
	Result *audit.Verification `json:"result"`
}

// adminVerified keeps the result of a verification.
func (d *daemon) adminVerified(r *adminsocket.Request) (any, error) {
	var v Verified
	if err := r.Decode(&v); err != nil {
		return nil, err
	}
	switch {
	case v.Result == nil || v.Result.Found > 0 && len(v.Result.Problems) == 0:
		return nil, &adminsocket.Error{Status: http.StatusBadRequest, Message: "no result of a verification"}
	case v.At.After(time.Now().Add(time.Minute)):
		return nil, &adminsocket.Error{Status: http.StatusBadRequest, Message: "the verification is in the future"}
	case !sameDir(v.Dir, d.audit.Dir()):
		return nil, &adminsocket.Error{Status: http.StatusConflict, Message: "that is not the audit log of the running proxy"}
	}
	if !d.jobs.Keep(dashboard.VerifyJob, v.Result, v.At) {
		return nil, &adminsocket.Error{Status: http.StatusConflict, Message: "there is a later result"}
	}
	return struct{}{}, nil
}

// sameDir reports whether two paths name one directory. It does not access the disk.
func sameDir(a, b string) bool {
	a, err := filepath.Abs(a)
	if err != nil {
		return false
	}
	b, err = filepath.Abs(b)
	return err == nil && a == b
}

// VerifiedStatus is of the last verification of the audit log that the proxy knows of.
type VerifiedStatus struct {
	At   time.Time `json:"at"`
	OK   bool      `json:"ok"`
	Text string    `json:"text"` // the result in a line
}

// verified is nil if no verification was reported since the start.
func (d *daemon) verified() *VerifiedStatus {
	state := d.jobs.State(dashboard.VerifyJob)
	v, ok := state.Result.(*audit.Verification)
	if !ok {
		return nil
	}
	return &VerifiedStatus{At: state.Ended, OK: v.OK(), Text: v.String()}
}
