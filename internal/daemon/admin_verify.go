package daemon

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"path/filepath"
	"strings"
	"time"

	"go.uber.org/zap"

	"webproxy/audit"
	"webproxy/dashboard"
	"webproxy/internal/adminsocket"
	"webproxy/internal/atomicfile"
	"webproxy/internal/notekey"
	"webproxy/internal/smallfile"
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
	d.storeVerified(v.Result, v.At)
	return struct{}{}, nil
}

const (
	verifiedSuffix = ".verified.json"
	maxVerified    = 16 << 20 // bytes
	// storePatience is how long the one who verified waits for the disk.
	storePatience = 5 * time.Second
)

// verifiedFile is where the last result is kept: beside the key, as the tree head is. Who may write the log should not be able to say that it
// was verified.
func (d *daemon) verifiedFile() string {
	return strings.TrimSuffix(d.cfg.Audit.WithDefaults().Key, notekey.Suffix) + verifiedSuffix
}

// storeVerified has a result written to verifiedFile, for the status after a restart. It does not wait long for the disk. A result that comes
// while another one is written is not stored.
func (d *daemon) storeVerified(result *audit.Verification, at time.Time) {
	if !d.storing.CompareAndSwap(false, true) {
		return
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer d.storing.Store(false)
		data, err := json.Marshal(Verified{Dir: d.audit.Dir(), At: at, Result: result})
		if err == nil && len(data) > maxVerified {
			err = fmt.Errorf("%d bytes: at most %d are kept", len(data), maxVerified)
		}
		if err == nil {
			err = atomicfile.Write(d.verifiedFile(), data, 0o600)
		}
		if err != nil {
			d.log.Warn("the result of a verification is not kept for the next start", zap.Error(err))
		}
	}()
	select {
	case <-done:
	case <-time.After(storePatience):
	}
}

// restoreVerified takes the last result from verifiedFile. Who can write there can sign the log as well, so it proves nothing: it says when
// somebody looked.
func (d *daemon) restoreVerified() {
	path := d.verifiedFile()
	data, err := smallfile.Read(path, maxVerified)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	var v Verified
	if err == nil {
		err = json.Unmarshal(data, &v)
	}
	if err == nil && (v.Result == nil || v.Result.Found > 0 && len(v.Result.Problems) == 0 || v.At.IsZero() || v.At.After(time.Now().Add(time.Minute))) {
		err = errors.New("no result of a verification")
	}
	if err == nil && v.Result.LastSeq > d.audit.LastSeq() {
		err = fmt.Errorf("it is of another log: that one had %d records", v.Result.LastSeq)
	}
	if err != nil {
		d.log.Warn("the last verification of the audit log is not known", zap.String("file", path), zap.Error(err))
		return
	}
	d.jobs.Keep(dashboard.VerifyJob, v.Result, v.At)
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

// verified is nil if no verification is known.
func (d *daemon) verified() *VerifiedStatus {
	state := d.jobs.State(dashboard.VerifyJob)
	v, ok := state.Result.(*audit.Verification)
	if !ok {
		return nil
	}
	return &VerifiedStatus{At: state.Ended, OK: v.OK(), Text: v.String()}
}
