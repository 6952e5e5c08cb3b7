package policy

import (
	"fmt"
	"time"
)

// An Expiry is a moment after which a rule no longer holds. The zero Expiry never comes.
type Expiry struct {
	at  time.Time
	day bool // written as a date: its end, UTC
}

// firstYear is before all of these programs, and after the moments that stand for "never".
const firstYear = 2000

// Time is the first moment at which the rule no longer holds; zero if never.
func (x Expiry) Time() time.Time { return x.at }

// IsZero reports whether x never comes.
func (x Expiry) IsZero() bool { return x.at.IsZero() }

// String is x as it was written, and empty for the zero Expiry.
func (x Expiry) String() string {
	switch {
	case x.at.IsZero():
		return ""
	case x.day:
		return x.at.AddDate(0, 0, -1).Format(time.DateOnly)
	}
	return x.at.Format(time.RFC3339)
}

// MarshalText implements encoding.TextMarshaler.
func (x Expiry) MarshalText() ([]byte, error) { return []byte(x.String()), nil }

// UnmarshalText accepts a date, which is the last day the rule holds (UTC), or an RFC 3339 time.
func (x *Expiry) UnmarshalText(b []byte) error {
	t, err := time.Parse(time.DateOnly, string(b))
	day := err == nil
	if !day {
		t, err = time.Parse(time.RFC3339, string(b))
	}
	if err != nil || t.Year() < firstYear {
		return fmt.Errorf("expires %q: want a date such as 2026-12-31, or a time such as 2026-12-31T18:00:00Z", b)
	}
	if day {
		t = t.AddDate(0, 0, 1)
	}
	*x = Expiry{at: t, day: day}
	return nil
}
