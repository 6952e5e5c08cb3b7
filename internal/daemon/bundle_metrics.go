package daemon

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// bundleMetrics are about the bundle in force. They exist only if policy.bundle is set.
type bundleMetrics struct {
	d                    *daemon
	serial, age, contact *prometheus.Desc
}

func newBundleMetrics(d *daemon) *bundleMetrics {
	desc := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc("webproxy_bundle_"+name, help, nil, nil)
	}
	return &bundleMetrics{
		d:       d,
		serial:  desc("serial", "Serial of the policy bundle in force; 0 if none was taken yet."),
		age:     desc("age_seconds", "Time since the policy bundle in force was made."),
		contact: desc("contact_age_seconds", "Time since policy.bundle.from was last reached."),
	}
}

// Describe implements prometheus.Collector.
func (b *bundleMetrics) Describe(ch chan<- *prometheus.Desc) {
	ch <- b.serial
	ch <- b.age
	ch <- b.contact
}

// Collect implements prometheus.Collector.
func (b *bundleMetrics) Collect(ch chan<- prometheus.Metric) {
	st := b.d.bundleStatus()
	if st == nil {
		return
	}
	gauge := func(d *prometheus.Desc, v float64) { ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v) }
	gauge(b.serial, float64(st.Serial))
	if st.Serial > 0 {
		gauge(b.age, time.Since(st.Made).Seconds())
	}
	if !st.Reached.IsZero() {
		gauge(b.contact, time.Since(st.Reached).Seconds())
	}
}
