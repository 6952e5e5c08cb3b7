package setting_test

import (
	"testing"
	"time"

	"webproxy/internal/setting"
)

func TestDuration(t *testing.T) {
	tests := []struct {
		want   setting.Duration // 0: refused
		text   string
		normal string
	}{
		{setting.Duration(400 * 24 * time.Hour), "400d", "400d"},
		{setting.Duration(24 * time.Hour), "24h", "1d"},
		{setting.Duration(90 * time.Minute), "90m", "90m"},
		{setting.Duration(90 * time.Minute), "1h30m", "90m"},
		{setting.Duration(1500 * time.Millisecond), "1.5s", "1.5s"},
		{setting.Off, "off", "off"},
		{setting.Duration(90 * time.Second), "90s", "1m30s"},
		{0, "", ""}, {0, "0", ""}, {0, "0s", ""}, {0, "-1s", ""}, {0, "5", ""}, {0, "never", ""}, {0, "0d", ""}, {0, "-1d", ""}, {0, "-1h", ""}, {0, "1", ""}, {0, "1.5d", ""},
		{0, "d", ""}, {0, "106752d", ""}, {0, "18446744073709551616d", ""}, {0, "OFF", ""}, {0, "400 d", ""},
	}
	for _, tt := range tests {
		var a setting.Duration
		err := a.UnmarshalText([]byte(tt.text))
		if a != tt.want || (err == nil) != (tt.want != 0) {
			t.Errorf("Duration %q = %v, %v, want %v", tt.text, int64(a), err, int64(tt.want))
		}
		if err == nil && a.String() != tt.normal {
			t.Errorf("Duration %q prints as %q, want %q", tt.text, a, tt.normal)
		}
	}
}

func TestDurationOr(t *testing.T) {
	for d, want := range map[setting.Duration]time.Duration{0: time.Hour, setting.Off: 0, setting.Duration(time.Second): time.Second} {
		if got := d.Or(time.Hour); got != want {
			t.Errorf("%v.Or(1h) = %v, want %v", d, got, want)
		}
	}
}
