package setting_test

import (
	"testing"

	"webproxy/internal/setting"
)

func TestSize(t *testing.T) {
	tests := []struct {
		want   setting.Size // 0: refused
		text   string
		normal string
	}{
		{256 << 20, "256MiB", "256MiB"},
		{256 << 20, "256 MiB", "256MiB"},
		{1e9, "1GB", "1GB"},
		{1 << 30, "1024MiB", "1GiB"},
		{1000, "1kB", "1kB"},
		{1000, "1KB", "1kB"},
		{1001, "1001B", "1001B"},
		{setting.SizeOff, "off", "off"},
		{0, "", ""}, {0, "256", ""}, {0, "0B", ""}, {0, "-1B", ""}, {0, "MiB", ""}, {0, "1.5GiB", ""}, {0, "1mib", ""},
		{0, "8388608TiB", ""}, {0, "99999999999999999999B", ""},
	}
	for _, tt := range tests {
		var s setting.Size
		err := s.UnmarshalText([]byte(tt.text))
		if s != tt.want || (err == nil) != (tt.want != 0) {
			t.Errorf("Size %q = %d, %v, want %d", tt.text, int64(s), err, int64(tt.want))
		}
		if err == nil && s.String() != tt.normal {
			t.Errorf("Size %q prints as %q, want %q", tt.text, s, tt.normal)
		}
	}
}
