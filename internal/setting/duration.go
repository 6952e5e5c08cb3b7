// Package setting has the types of values that all sections of the configuration share: durations, sizes and limits, with one
// syntax, and the error for an invalid setting.
package setting

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// A Duration is a length of time in the configuration: 400d, 24h, 1h30m, 1s or "off". A day is 24 hours. Zero
// means the default.
type Duration time.Duration

// Off is the Duration of "off".
const Off Duration = -1

const day = 24 * time.Hour

// String is the duration as UnmarshalText reads it, in its largest whole unit.
func (d Duration) String() string {
	t := time.Duration(d)
	switch {
	case d == Off:
		return "off"
	case t != 0 && t%day == 0:
		return strconv.FormatInt(int64(t/day), 10) + "d"
	case t != 0 && t%time.Hour == 0:
		return strconv.FormatInt(int64(t/time.Hour), 10) + "h"
	case t != 0 && t%time.Minute == 0:
		return strconv.FormatInt(int64(t/time.Minute), 10) + "m"
	}
	return t.String()
}

// MarshalText implements encoding.TextMarshaler.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText accepts what time.ParseDuration does, a whole number of days with the unit "d",
// and "off"; nothing negative, and not zero, which would mean the default.
func (d *Duration) UnmarshalText(b []byte) error {
	s := string(b)
	if s == "off" {
		*d = Off
		return nil
	}
	if digits, ok := strings.CutSuffix(s, "d"); ok {
		n, err := strconv.ParseUint(digits, 10, 64)
		if err != nil || n == 0 || n > uint64(math.MaxInt64/day) {
			return fmt.Errorf("%q is not a number of days such as 400d", s)
		}
		*d = Duration(n) * Duration(day)
		return nil
	}
	t, err := time.ParseDuration(s)
	if err != nil || t <= 0 {
		return fmt.Errorf(`%q is not a length of time such as 400d, 24h or 1s, or "off"`, s)
	}
	*d = Duration(t)
	return nil
}

// Or returns d; def if it is zero, and 0 if it is Off.
func (d Duration) Or(def time.Duration) time.Duration {
	switch d {
	case 0:
		return def
	case Off:
		return 0
	}
	return time.Duration(d)
}
