package daemon

import (
	"context"
	"maps"
	"slices"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"webproxy/ship"
)

// shipAudit ships the audit log to each configured receiver, until the returned function is called, which waits until the log's last
// records were sent, a few seconds at most.
func (d *daemon) shipAudit() (stop func(), err error) {
	for _, name := range slices.Sorted(maps.Keys(d.cfg.Ship)) {
		s, err := ship.New(ship.Config{Name: name, Spec: d.cfg.Ship[name], Log: d.audit, Logger: d.log, Version: d.version})
		if err != nil {
			return nil, err
		}
		d.shippers = append(d.shippers, s)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for _, s := range d.shippers {
		wg.Go(func() { s.Run(ctx) })
	}
	return func() {
		cancel()
		wg.Wait()
	}, nil
}

// shipMetrics are read from the shippers when they are collected.
type shipMetrics struct {
	shippers                                                    []*ship.Shipper
	records, lag, lagSeconds, unconfirmed, resent, errors, lost *prometheus.Desc
}

func newShipMetrics(shippers []*ship.Shipper) *shipMetrics {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("webproxy_ship_"+name, help, append([]string{"receiver"}, labels...), nil)
	}
	return &shipMetrics{
		shippers:    shippers,
		records:     desc("records_total", "Audit records that a receiver has, since the start."),
		lag:         desc("lag_records", "Audit records that are not confirmed by a receiver."),
		lagSeconds:  desc("lag_seconds", "Age of the first of these."),
		unconfirmed: desc("unconfirmed_records", "Those of them that were sent, and not yet found at the receiver."),
		resent:      desc("resent_records_total", "Audit records that were sent again because the receiver had acknowledged and not kept them."),
		errors:      desc("errors_total", "Attempts to ship audit records that failed."),
		lost:        desc("lost_records_total", "Audit records that a receiver did not get, by cause (missing, refused).", "cause"),
	}
}

// Describe implements prometheus.Collector.
func (m *shipMetrics) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{m.records, m.lag, m.lagSeconds, m.unconfirmed, m.resent, m.errors, m.lost} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (m *shipMetrics) Collect(ch chan<- prometheus.Metric) {
	for _, s := range m.shippers {
		st := s.Stats()
		counter := func(d *prometheus.Desc, v int64, labels ...string) {
			ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), append([]string{st.Name}, labels...)...)
		}
		counter(m.records, st.Shipped)
		counter(m.errors, st.Errors)
		counter(m.resent, st.Resent)
		counter(m.lost, st.Missing, "missing")
		counter(m.lost, st.Refused, "refused")
		ch <- prometheus.MustNewConstMetric(m.lag, prometheus.GaugeValue, float64(st.LagRecords), st.Name)
		ch <- prometheus.MustNewConstMetric(m.unconfirmed, prometheus.GaugeValue, float64(st.Unconfirmed), st.Name)
		ch <- prometheus.MustNewConstMetric(m.lagSeconds, prometheus.GaugeValue, st.Lag.Seconds(), st.Name)
	}
}
