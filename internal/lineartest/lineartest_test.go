package lineartest_test

import (
	"strings"
	"testing"

	"webproxy/internal/lineartest"
)

// sink keeps what is computed only to take time.
var sink string

// A quadratic reader is found, a linear one is not.
func TestGrowthIsToldFromLinear(t *testing.T) {
	if small, large, ok := lineartest.Grows(1<<20, func(n int) func() {
		s := strings.Repeat("a", n)
		return func() {
			for range 8 {
				sink = strings.Map(func(c rune) rune { return c + 1 }, s)
			}
		}
	}); !ok {
		t.Errorf("linear: %v, %v", small, large)
	}
	if small, large, ok := lineartest.Grows(1_500, func(n int) func() {
		s := strings.Repeat("a", n)
		return func() {
			for i := range s {
				sink = strings.Map(func(c rune) rune { return c }, s[i:])
			}
		}
	}); ok {
		t.Errorf("quadratic: %v, %v", small, large)
	}
}
