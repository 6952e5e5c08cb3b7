package sharedfile

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// What somebody holds is tried again until the time is over; any other error is returned at once.
func TestRetry(t *testing.T) {
	inUse, other := errors.New("in use"), errors.New("other")
	isHeld := func(err error) bool { return err == inUse }
	for _, tt := range []struct {
		what  string
		until time.Duration // do fails with inUse until then
		then  error
		want  error
		took  time.Duration // at most
	}{
		{"free", 0, nil, nil, 0},
		{"another error", 0, other, other, 0},
		{"held for a second", time.Second, nil, nil, 1100 * time.Millisecond},
		{"held for long", time.Hour, nil, inUse, 2 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			err := retry(2*time.Second, func() error {
				if time.Since(start) < tt.until {
					return inUse
				}
				return tt.then
			}, isHeld)
			if took := time.Since(start); err != tt.want || took > tt.took {
				t.Errorf("%s: %v after %v; want %v after at most %v", tt.what, err, took, tt.want, tt.took)
			}
		})
	}
}
