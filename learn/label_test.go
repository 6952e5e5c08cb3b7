package learn_test

import (
	"testing"

	"webproxy/learn"
)

func TestClassify(t *testing.T) {
	for _, tt := range []struct {
		want   learn.Class
		labels []string
	}{
		{learn.GUID, []string{"8f14e45f-ceea-467f-a9d3-2b0f1c6f9a11", "8f14e45fceea467fa9d32b0f1c6f9a11"}},
		{learn.Hex, []string{"deadbeef01", "0123456789ab"}},
		{learn.Sequence, []string{"2", "fe3", "fe2a", "1a", "kv801", "g0", "v20x"}},
		{learn.Region, []string{"eus", "weu-gas", "norwayeast", "eastus2", "usgovvirginia", "azgn-eastus-public-1p-bl3-001"}},
		{learn.Random, []string{"q5w61j6gcwd27r362", "kzxcb2jrjgmhq", "8f14e45f-ceea-467f-a9d3", "qwrtplkmnb"}},
		{learn.Word, []string{"login", "fe3cr", "download", "www", "settings-win", "guestnotificationservice", "catalogartifact",
			"hciarcvmscontainerregistry", "us", "deadbeef", "decade", "contosowitness",
			"msftconnecttest", "esrsghevm001", "arcplatformcliextprod", "linuxgeneva-microsoft", "telemetry-v2"}},
		{learn.Version, []string{"7-55-0-app", "agent-v2-1", "2026-07-14-feed"}},
		{learn.Random, []string{"xjwqpfkuzrta", "qzkxjwhtplmn"}},
	} {
		for _, l := range tt.labels {
			if got := learn.Classify(l); got != tt.want {
				t.Errorf("Classify(%s) = %s, want %s", l, got, tt.want)
			}
		}
	}
}
