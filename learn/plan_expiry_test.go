package learn_test

import (
	"testing"
	"time"

	"webproxy/learn"
)

// An approval that ended before it was given would allow nothing.
func TestItemExpiry(t *testing.T) {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		past    bool
		answer  learn.Answer
		expires string
	}{
		{false, learn.Approve, ""},
		{false, learn.Approve, "2026-11-24"}, // its last day
		{false, learn.Narrow, "2026-12-31"},
		{true, learn.Approve, "2026-11-23"},
		{true, learn.Narrow, "2024-12-31"},
		{true, learn.Approve, "2026-11-24T12:00:00Z"},
		{true, learn.Approve, "tomorrow"},
		// other answers have no end
		{false, learn.Reject, "2024-12-31"},
		{false, learn.Pending, "2024-12-31"},
	} {
		item := learn.Item{Entry: "www.example.com", Answer: tt.answer, Expires: tt.expires}
		if err := item.CheckExpiry(now); (err != nil) != tt.past {
			t.Errorf("%s, expires %q: %v", tt.answer, tt.expires, err)
		}
	}
}
