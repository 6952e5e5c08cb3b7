package main

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"time"

	"webproxy/audit"
)

// allowed are hosts that a cluster requests, the busiest first, with the rules that allow them.
var allowed = []struct{ host, rule, source string }{
	{"login.microsoftonline.com", "aad", "webproxy.yaml:31"},
	{"gbl.his.arc.azure.com", "arc/his", "catalog arc, entry 15"},
	{"eus.his.arc.azure.com", "arc/his", "catalog arc, entry 15"},
	{"guestnotificationservice.azure.com", "arc/gns", "catalog arc, entry 16"},
	{"dp.stackhci.azure.com", "hci/dp", "catalog hci, entry 2"},
	{"management.azure.com", "hci/arm", "catalog hci, entry 4"},
	{"azgnrelay-eastus-l1.servicebus.windows.net", "arc/relay", "catalog arc, entry 19"},
	{"eastus-gas.guestconfiguration.azure.com", "arc/gas", "catalog arc, entry 21"},
	{"download.windowsupdate.com", "update/wu", "catalog update, entry 3"},
	{"2.tlu.dl.delivery.mp.microsoft.com", "update/dl", "catalog update, entry 7"},
	{"mcr.microsoft.com", "hci/mcr", "catalog hci, entry 9"},
	{"eastus.data.mcr.microsoft.com", "hci/mcr-data", "catalog hci, entry 10"},
	{"www.powershellgallery.com", "psgallery", "lists/approved.txt:4"},
}

// denied are hosts that no rule allows.
var denied = []string{
	"www.bing.com", "telemetry.example.net", "acct9f3.blob.core.windows.net", "api.github.com",
	"time.example.org", "update.vendor.example", "pastebin.com",
}

// rareHost is requested so seldom that a day may have no request for it.
const rareHost = "rare.his.arc.azure.com"

const site = "site-01"

// plainPort is requested in absolute form.
const plainPort = 80

// traffic makes the requests of a month, in order.
type traffic struct {
	rng   *rand.Rand
	start time.Time
	step  time.Duration // mean time between two requests
	at    time.Time     // of the current one
	n     int           // its number
}

func newTraffic(start time.Time, records int, seed uint64) *traffic {
	span := start.AddDate(0, 1, 0).Sub(start) - time.Hour
	return &traffic{
		rng:   rand.New(rand.NewPCG(seed, 1)),
		start: start,
		step:  span / time.Duration(records/2+1),
	}
}

// next appends one request, which is one record or two, and sometimes an event.
func (t *traffic) next(appendRecord func(*audit.Record) error) error {
	t.at = t.start.Add(time.Duration(t.n) * t.step).Add(time.Duration(t.rng.Int64N(int64(t.step))))
	t.n++
	if t.n%100_000 == 1 {
		if err := appendRecord(t.reload()); err != nil {
			return err
		}
	}
	r := t.request()
	if err := appendRecord(r); err != nil {
		return err
	}
	if r.Decision == "deny" {
		return t.repeats(r, appendRecord)
	}
	r.Type, r.Seq = audit.TypeClose, 0
	r.Duration = time.Duration(t.rng.ExpFloat64() * float64(20*time.Second))
	r.Time = t.at.Add(min(r.Duration, t.step)) // before the next request, so that seq and ts have the same order
	r.DNS, r.Connect = time.Duration(t.rng.IntN(3))*time.Millisecond, time.Duration(8+t.rng.IntN(40))*time.Millisecond
	r.DstIP = netip.AddrFrom4([4]byte{20, byte(50 + t.rng.IntN(8)), byte(t.rng.IntN(256)), byte(1 + t.rng.IntN(254))})
	r.Status = 200
	r.BytesOut, r.BytesIn = int64(600+t.rng.IntN(8000)), int64(2000+t.rng.ExpFloat64()*60000)
	return appendRecord(r)
}

// repeats appends, after some denials, the record with the number of their repeats.
func (t *traffic) repeats(r *audit.Record, appendRecord func(*audit.Record) error) error {
	if t.rng.IntN(10) > 0 {
		return nil
	}
	c := *r
	c.Type, c.Seq, c.ClientPort, c.Path = audit.TypeRepeat, 0, 0, ""
	c.Count, c.First, c.Last = 1+t.rng.Int64N(5000), t.at, t.at.Add(t.step/2)
	c.Time = c.Last
	return appendRecord(&c)
}

// request is a decision: a few in 300 are denied, and most are for the few busy hosts.
func (t *traffic) request() *audit.Record {
	client := 10 + t.rng.IntN(20)
	r := &audit.Record{
		Type: audit.TypeDecision, Time: t.at, Site: site,
		Client: netip.AddrFrom4([4]byte{10, 0, 1, byte(client)}), ClientPort: uint16(49152 + t.rng.IntN(16384)),
		Group: "nodes", ClientName: fmt.Sprintf("node%d", client-9),
		Method: "CONNECT", Scheme: "https", Port: 443,
		Policy: "sha256:9c1e77aa01f2", Mode: "enforce", PathEnforced: true,
	}
	if t.rng.IntN(300) == 0 {
		r.Host = denied[min(int(t.rng.ExpFloat64()*2), len(denied)-1)]
		r.Decision, r.Reason, r.Status = "deny", "host_not_listed", 403
		return r
	}
	a := allowed[min(int(t.rng.ExpFloat64()*3), len(allowed)-1)]
	r.Host, r.Rule, r.RuleSource = a.host, a.rule, a.source
	r.Decision, r.Reason = "allow", "allowed_by_rule"
	if a.rule == "update/wu" || a.rule == "update/dl" {
		r.Method, r.Scheme, r.Port = "GET", "http", plainPort
		r.Path = fmt.Sprintf("/d/msdownload/update/%08x.cab", t.rng.Uint32())
	}
	if t.rng.IntN(200_000) == 0 {
		r.Host, r.Rule, r.RuleSource = rareHost, "arc/his", "catalog arc, entry 15"
	}
	return r
}

// reload is a change of the policy.
func (t *traffic) reload() *audit.Record {
	return &audit.Record{
		Type: audit.TypeReload, Time: t.at, Policy: "sha256:9c1e77aa01f2", PolicyOld: "sha256:b5a1007e33c4",
		Detail: "lists/approved.txt changed: 1 entry added", By: "alice", Ticket: fmt.Sprintf("CHG-%d", 1000+t.n/100_000),
		Added: []string{fmt.Sprintf("allow learned https://host%d.example.com:443", t.n)},
	}
}
