package catalog_test

import (
	"testing"
	"time"

	"webproxy/catalog"
)

func TestAsOf(t *testing.T) {
	for name, want := range map[string]string{"hci@2021-12": "2022-01-01", "azure-local@2026-11": "2026-12-01"} {
		got, err := catalog.AsOf(name)
		if err != nil || got.Format(time.DateOnly) != want {
			t.Errorf("AsOf(%s) = %v, %v, want %s", name, got, err, want)
		}
	}
	if _, err := catalog.AsOf("hcy"); err == nil {
		t.Error("no error for an unknown list")
	}
}
