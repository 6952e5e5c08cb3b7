package daemon

import (
	"os"
	"strings"
	"testing"

	"go.uber.org/zap"

	"webproxy/audit"
	"webproxy/config"
	"webproxy/policy"
	"webproxy/proxy"
	"webproxy/proxy/egress"
	"webproxy/ship"
)

// Every metric has a line in docs/operations.md.
func TestMetricsAreDocumented(t *testing.T) {
	doc, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := config.LoadDefault()
	if err != nil {
		t.Fatal(err)
	}
	log, err := audit.Open(audit.Options{Dir: t.TempDir(), RetainSize: 1 << 40})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	receiver, err := ship.New(ship.Config{Name: "siem", Spec: ship.ReceiverSpec{Syslog: "tls://siem:6514"}, Log: log, Logger: zap.NewNop()})
	if err != nil {
		t.Fatal(err)
	}
	d := &daemon{cfg: cfg, audit: log, shippers: []*ship.Shipper{receiver}}
	d.current.Store(cfg)
	d.live.Swap(cfg.Set)
	d.proxy = &proxy.Server{}
	m := newMetrics(d)
	m.Decided(policy.Refusal(policy.BadTarget), 0)
	m.Dialled(egress.Route{}, &egress.DialError{Word: "dns_error"})
	m.Ended(&audit.Record{})
	families, err := m.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, f := range families {
		name := f.GetName()
		if !strings.HasPrefix(name, "webproxy_") {
			continue
		}
		found++
		if v := f.GetMetric()[0].GetGauge().GetValue(); name == "webproxy_lists_age_seconds" && v < 4*365*24*3600 {
			t.Errorf("the lists of December 2021 are %v seconds old", v)
		}
		if !strings.Contains(string(doc), "`"+name) {
			t.Errorf("docs/operations.md does not explain %s", name)
		}
	}
	if found < 15 {
		t.Errorf("%d metrics found", found)
	}
}
