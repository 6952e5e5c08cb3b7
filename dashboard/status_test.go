package dashboard

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// A lockWriter finds out whether the Status is locked while a response is written.
type lockWriter struct {
	http.ResponseWriter
	status *Status
	locked bool
}

func (w *lockWriter) Write(b []byte) (int, error) {
	if !w.status.mu.TryLock() {
		w.locked = true
	} else {
		w.status.mu.Unlock()
	}
	return w.ResponseWriter.Write(b)
}

// A client that does not read its /readyz keeps nobody from changing the status.
func TestStatusIsWrittenUnlocked(t *testing.T) {
	t.Parallel()
	var s Status
	w := &lockWriter{httptest.NewRecorder(), &s, false}
	if s.write(w, time.Now(), false); w.locked {
		t.Error("the status is locked while it is written")
	}
}
