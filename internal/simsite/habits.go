package simsite

import (
	"fmt"
	"slices"
	"strings"

	"webproxy/catalog"
	"webproxy/policy"
)

// list is what a cluster of today needs; failoverRegion is where it goes when its own region fails.
const (
	list           = "azure-local@2026-07"
	failoverRegion = "westeurope"
)

// habits are all that the nodes do.
func habits() ([]habit, error) {
	home, err := exact(list, Region)
	if err != nil {
		return nil, err
	}
	away, err := exact(list, failoverRegion)
	if err != nil {
		return nil, err
	}
	away.daily = slices.DeleteFunc(away.daily, func(t string) bool { return slices.Contains(home.daily, t) })
	updates, err := exact("update@2021-12", Region)
	if err != nil {
		return nil, err
	}
	wanted := []habit{
		{Service, daily, all, 3, always(home.daily...), nil},
		{Service, daily, all, 2, always(ownNames...), nil},
		{Service, daily, all, 1, rotating, nil},
		{Update, updating, all, 2, always(append(updates.daily, updateNames...)...), nil},
		{Update, updating, all, 2, numbered("http://%d.tlu.dl.delivery.mp.microsoft.com/filestreaming", 1, 2, 3), nil},
		{Update, updating, all, 2, numbered("%d.tlu.dl.delivery.mp.microsoft.com:443", 1, 2, 3), nil},
		{Update, updating, all, 1, numbered("fe%d.update.microsoft.com:443", 2, 1, 2), nil},
		{Update, updating, all, 1, numbered("e%d.firmware.contoso-hardware.example:443", 1, 1, 3), nil},
		{Monthly, firstOfMonth, only(2), 1, always("reports.contoso-hardware.example:443", "http://lists.contoso-hardware.example/blocked.txt"), nil},
		{Onboarding, onDays(0, 1), all, 1, always(append(home.once, onboardingNames...)...), nil},
		{Onboarding, onDays(lateDay, lateDay+1), only(lateNode), 1, always(append(home.once, onboardingNames...)...), nil},
		{Failover, onDays(40, 41, 42, 77, 78), all, 2, always(away.daily...), nil},
		{Vendor, onDays(5, 14, 23, 32, 50, 68, 81), anyone, 1, vendor, nil},
	}
	return append(wanted, unwanted...), nil
}

// unwanted is what should not be there.
var unwanted = []habit{
	{Browsing, onDays(17, 18, 33, 70), only(2), 2, always("www.news.example:443", "static.news.example:443", "ads.tracker.example:443", "www.video-site.example:443"), nil},
	{Random, daily, only(5), 3, random, unresolved},
	{Beacon, func(day int) bool { return day >= 12 }, only(7), 144, always("cdn-metrics-7f3a.azureedge.net:443"), nil},
}

// ownNames are of this site alone, or below suffixes that many share.
var ownNames = []string{
	"8f14e45f-ceea-467f-a9d3-2b0f1c6f9a11.ods.opinsights.azure.com:443",
	"8f14e45f-ceea-467f-a9d3-2b0f1c6f9a11.oms.opinsights.azure.com:443",
	"8f14e45f-ceea-467f-a9d3-2b0f1c6f9a11.agentsvc.azure-automation.net:443",
	"contosowitness.blob.core.windows.net:443",
	"azgn-eastus-public-1p-bl3-001.servicebus.windows.net:443",
	"g0-prod-bl3-004-sb.servicebus.windows.net:443",
	"g1-prod-bl3-004-sb.servicebus.windows.net:443",
	"contoso-vault.vault.azure.net:443",
	"seed-bl3.blob.storage.azure.net:443",
}

// updateNames are asked for at updates, besides those of the list.
var updateNames = []string{
	"fe3cr.delivery.mp.microsoft.com:443",
	"slscr.update.microsoft.com:443",
	"http://au.download.windowsupdate.com/c/msdownload",
	"geo-prod.do.dsp.mp.microsoft.com:443",
	"kv801.prod.do.dsp.mp.microsoft.com:443",
}

// onboardingNames are asked for when a node joins, besides what the list says.
var onboardingNames = []string{
	"http://www.powershellgallery.com/api/v2",
	"psg-prod-eastus.azureedge.net:443",
	"aka.ms:443",
	"raw.githubusercontent.com:443",
}

// rotating are names that change with the day: telemetry spreads over machines.
func rotating(s *Site, day int) []string {
	return []string{
		fmt.Sprintf("shard%d.prod.hot.ingest.monitor.core.windows.net:443", day/2+s.rng.IntN(10)),
		fmt.Sprintf("unitedstates%d.cp.wd.endpoint.security.microsoft.com:443", 1+s.rng.IntN(9)),
	}
}

// vendor is a host of a vendor's, one for each visit; from the sixth on, some come back.
func vendor(_ *Site, day int) []string {
	n := slices.Index([]int{5, 14, 23, 32, 50, 68, 81}, day) % 5
	return []string{fmt.Sprintf("support.vendor-%c.example:443", 'a'+rune(n))}
}

// random are names of no word, most of which nobody has registered.
func random(s *Site, _ int) []string {
	var targets []string
	for range 3 {
		var b strings.Builder
		for range 12 + s.rng.IntN(6) {
			b.WriteByte("bcdfghjklmnpqrstvwxz0123456789"[s.rng.IntN(30)])
		}
		fmt.Fprintf(&b, ".%s:443", []string{"com", "net", "info"}[s.rng.IntN(3)])
		targets = append(targets, b.String())
	}
	return targets
}

func unresolved(s *Site) string {
	if s.rng.IntN(20) == 0 {
		return ""
	}
	return "dns_error"
}

// hosts are what a list names, apart from its wildcards.
type hosts struct{ daily, once []string }

// exact returns the targets that a list names for a region, each host once: as the list has it, without a path.
func exact(list, region string) (hosts, error) {
	lines, err := catalog.Lines(list, policy.Place{Cloud: "public", Region: region})
	if err != nil {
		return hosts{}, err
	}
	var h hosts
	for _, l := range lines {
		for _, e := range l.Entries {
			if e.Host.IsWildcard() || e.Path != "" {
				continue
			}
			to := &h.daily
			if !strings.HasPrefix(l.Endpoint.When, "required") {
				to = &h.once
			}
			for _, target := range targets(e) {
				if !slices.Contains(*to, target) {
					*to = append(*to, target)
				}
			}
		}
	}
	return h, nil
}

// targets are the requests that an entry of a list is for.
func targets(e policy.Entry) []string {
	ports := e.Ports
	if len(ports) == 0 {
		ports = []uint16{e.Scheme.DefaultPort()}
	}
	var all []string
	for _, p := range ports {
		if e.Scheme == policy.HTTP {
			all = append(all, fmt.Sprintf("http://%s:%d/", e.Host, p))
		} else {
			all = append(all, fmt.Sprintf("%s:%d", e.Host, p))
		}
	}
	return all
}
