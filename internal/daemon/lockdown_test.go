package daemon

import (
	"testing"
	"time"

	"go.uber.org/zap"

	"webproxy/audit"
	"webproxy/config"
	"webproxy/internal/setting"
)

// The end of a lockdown that came by itself is recorded once; one that somebody ended, or that was over before the start, is not.
func TestEndLockdown(t *testing.T) {
	log, err := audit.Open(audit.Options{Dir: t.TempDir(), Sync: setting.Off})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	began := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	d := &daemon{log: zap.NewNop(), audit: log, began: began}
	until := began.Add(time.Hour)
	for _, tt := range []struct {
		lockdown *config.Lockdown
		at       time.Time
		want     uint64 // records by now
	}{
		{nil, until, 0},
		{&config.Lockdown{Until: until}, until.Add(-time.Second), 0},
		{&config.Lockdown{Until: until, Ended: config.LockdownEnd{At: began}}, until, 0},
		{&config.Lockdown{Until: began.Add(-time.Second)}, until, 0},
		{&config.Lockdown{Until: until}, until, 1},
		{&config.Lockdown{Until: until}, until.Add(time.Second), 1}, // read again
		{&config.Lockdown{Until: until.Add(time.Hour)}, until.Add(time.Hour), 2},
	} {
		d.current.Store(&config.Config{Lockdown: tt.lockdown})
		d.endLockdown(tt.at)
		if got := log.Written(); got != tt.want {
			t.Errorf("%+v at %s: %d records, want %d", tt.lockdown, tt.at, got, tt.want)
		}
	}
}
