package setting

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// A Size is a number of bytes in the configuration: 256MiB, 1GB or "off".
type Size int64

// SizeOff is the Size of "off".
const SizeOff Size = -1

// sizeUnits are the units of a Size, the binary ones largest first: the order in which String tries them.
var sizeUnits = [...]struct {
	name  string
	bytes int64
}{
	{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10},
	{"TB", 1e12}, {"GB", 1e9}, {"MB", 1e6}, {"kB", 1e3}, {"KB", 1e3}, {"B", 1},
}

// String is the size as UnmarshalText reads it, in its largest whole unit.
func (s Size) String() string {
	if s == SizeOff {
		return "off"
	}
	for _, u := range sizeUnits {
		if s != 0 && int64(s)%u.bytes == 0 {
			return strconv.FormatInt(int64(s)/u.bytes, 10) + u.name
		}
	}
	return strconv.FormatInt(int64(s), 10) + "B"
}

// MarshalText implements encoding.TextMarshaler.
func (s Size) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText accepts a whole number with a unit (B, kB, KiB, MB, MiB, GB, GiB, TB, TiB), and
// "off"; not zero, which would mean the default, and not a bare number: 256 of what?
func (s *Size) UnmarshalText(b []byte) error {
	text := string(b)
	if text == "off" {
		*s = SizeOff
		return nil
	}
	for _, u := range sizeUnits {
		digits, ok := strings.CutSuffix(text, u.name)
		if !ok {
			continue
		}
		n, err := strconv.ParseUint(strings.TrimSuffix(digits, " "), 10, 63)
		if err != nil || n == 0 || int64(n) > math.MaxInt64/u.bytes {
			break
		}
		*s = Size(int64(n) * u.bytes)
		return nil
	}
	return fmt.Errorf(`%q is not a size such as 256MiB or 1GB, or "off"`, text)
}
