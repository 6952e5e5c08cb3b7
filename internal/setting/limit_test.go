package setting

import "testing"

func TestParseLimit(t *testing.T) {
	names := []string{"denied", "host_not_listed"}
	for text, want := range map[string]Limit{
		"": {}, "denied > 5%": {"denied", 5, true}, "host_not_listed>0.5%": {"host_not_listed", 0.5, true}, "denied > 100": {"denied", 100, false},
		"denied > 1e6": {"denied", 1e6, false},
	} {
		got, err := ParseLimit(text, names)
		if err != nil || got != want {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
		if again, err := ParseLimit(got.String(), names); err != nil || again != got {
			t.Errorf("%q prints as %q, which reads as %+v, %v", text, got, again, err)
		}
	}
	for _, text := range []string{"denied", "denied < 5%", "host_listed > 5%", "denied > x", "denied > -1", "denied > 100%", "denied > NaN", "a > b > c"} {
		if got, err := ParseLimit(text, names); err == nil {
			t.Errorf("%q: %+v, want an error", text, got)
		}
	}
}

func TestLimitExceeded(t *testing.T) {
	share, number := Limit{"denied", 5, true}, Limit{"denied", 5, false}
	for _, c := range []struct {
		limit  Limit
		n, all uint64
		want   bool
	}{
		{share, 99, 99, false}, {share, 6, 100, true}, {share, 5, 100, false},
		{number, 5, 5, false}, {number, 6, 6, true},
		{Limit{}, 9, 9, false},
	} {
		if got := c.limit.Exceeded(c.n, c.all); got != c.want {
			t.Errorf("%q by %d of %d: %t", c.limit, c.n, c.all, got)
		}
	}
}
