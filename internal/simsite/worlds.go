package simsite

import (
	"fmt"
	"math/rand/v2"
	"slices"
)

// More purposes, of worlds. None is Legitimate.
const (
	Disguise  Purpose = "disguise"  // a name that reads like a known one
	Drop      Purpose = "drop"      // a service that exists to receive data
	Tunnel    Purpose = "tunnel"    // data in the labels of names
	Generated Purpose = "generated" // made-up names that read like words
	Slow      Purpose = "slow"      // calls home a few times a day, from several nodes
)

// A World is a site with habits of its own, to test learning with other sites than the one it was developed with.
type World struct {
	Name  string
	Nodes int
	// Lists are built-in lists that are in force from the beginning; Own are entries of the operator's.
	Lists, Own []string

	// what the site needs besides the lists
	daily   []string // of all nodes, each day
	updates []string // of all nodes, at updates
	monthly []string // of one node
	vendors []string // of some node, one a week
	version string   // with a number that moves on each month; empty for none
	// what it does not want
	disguises []string // of most nodes, some times a day
	drops     []string // of two nodes
	slow      []string // of three nodes, every six hours
	tunnel    string   // a domain
	words     []string // domains made of words, of one node each, all on their day
	sites     []string // that an administrator looks at
	surfing   []int    // on these days
}

// Worlds are those that learning was tuned on, and HeldOut those that it was not.
func Worlds() []World { return slices.Clone(worlds) }

// HeldOut are worlds whose results were looked at only when learning was done.
func HeldOut() []World { return slices.Clone(heldOut) }

var worlds = []World{
	{
		Name: "campus", Nodes: 12, Lists: []string{"azure-local@2026-07"},
		daily: []string{"app.agent.monitor-house.example:443", "intake.logs.monitor-house.example:443", "api.backup-works.example:443",
			"campuswitness.blob.core.windows.net:443", "campus-vault.vault.azure.net:443", "campus-siem.servicebus.windows.net:443",
			"azgn-eastus-public-1p-bl3-011.servicebus.windows.net:443", "campusws.ods.opinsights.azure.com:443", "time.campus.example:443"},
		updates:   []string{"http://crl.microsoft.com/pkiops/crl/a.crl", "http://crl.microsoft.com/pki/crl/products/b.crl", "downloads.dell.com:443", "esrsghevm001.esrs.storage-maker.example:443"},
		monthly:   []string{"licence.storage-maker.example:443", "reports.campus.example:443"},
		vendors:   []string{"support.switch-maker.example:443", "kb.ups-maker.example:443", "files.storage-maker.example:443", "portal.cabling.example:443"},
		version:   "7-%d-0-app.agent.monitor-house.example:443",
		disguises: []string{"login.microsoftoniine.com:443", "micros0ft-update.com:443", "download.windowsupdate.com.cdn-evil.net:443", "downloads.de11.com:443", "xn--mcrosoft-c2a.com:443"},
		drops:     []string{"x7c2.requestcatcher.com:443", "webhook.site:443", "a1b2-8080.euw.devtunnels.ms:443"},
		slow:      []string{"brightmeadow.example:443", "cdn-metrics-7f3a.azureedge.net:443"},
		tunnel:    "t.northlight.example", words: []string{"silverriver", "oldharbour", "quietforest", "greenvalley", "lowbridge", "fastwind"},
		sites:   []string{"www.news.example", "static.news.example", "www.video-site.example", "ads.tracker.example", "www.weather.example", "shop.things.example"},
		surfing: []int{9, 17, 18, 33, 47},
	},
	{
		Name: "branch", Nodes: 4,
		daily: []string{"branchwitness.blob.core.windows.net:443", "collector.watchtower.example:443", "azgn-eastus-public-1p-bl3-021.servicebus.windows.net:443",
			"b7d1-ingest.watchtower.example:443"},
		updates: []string{"http://crl.microsoft.com/pkiops/crl/c.crl", "packages.watchtower.example:443", "www.msftconnecttest.com:443"},
		monthly: []string{"billing.watchtower.example:443"},
		vendors: []string{"support.rack-maker.example:443", "firmware.rack-maker.example:443", "drivers.nic-maker.example:443"},
		version: "v2-%d-3-probe.watchtower.example:443", Own: []string{"portal.watchtower.example"},
		disguises: []string{"windowsupdate.com.co:443", "mircosoft-online.net:443", "hybridaks.azurecr.io.evil.example:443"},
		drops:     []string{"b1.ngrok-free.app:443", "discord.com:443", "transfer.sh:443"},
		slow:      []string{"plainwater.example:443", "sync-7a.blob.core.windows.net:443"},
		tunnel:    "c.longroad.example", words: []string{"whitestone", "deeplake", "coldspring"},
		sites:   []string{"www.football.example", "mail.private.example", "cdn.football.example", "www.games.example"},
		surfing: []int{3, 28, 52},
	},
	{
		Name: "edge", Nodes: 2, Lists: []string{"azure-local@2026-07", "update"},
		daily:     []string{"edgewitness.blob.core.windows.net:443", "hub-3.iot-house.example:443", "hub-4.iot-house.example:443", "edgestore.queue.core.windows.net:443"},
		updates:   []string{"http://updates.iot-house.example/feed", "http://crl.microsoft.com/pkiops/crl/d.crl"},
		monthly:   []string{"audit.iot-house.example:443"},
		vendors:   []string{"support.sensor-maker.example:443", "help.gateway-maker.example:443"},
		disguises: []string{"login.microsoftonllne.com:443", "www.rnicrosoft.com:443"},
		drops:     []string{"q.oast.fun:443", "api.telegram.org:443"},
		slow:      []string{"morningfield.example:443", "edge7.azurewebsites.net:443"},
		tunnel:    "d.farshore.example", words: []string{"redcastle", "softrain"},
		sites:   []string{"www.maps.example", "tiles.maps.example", "www.radio.example"},
		surfing: []int{12, 41},
	},
	{
		Name: "alone", Nodes: 1,
		daily:     []string{"alonewitness.blob.core.windows.net:443", "agent.mdr-house.example:443"},
		updates:   []string{"sig.mdr-house.example:443"},
		monthly:   []string{"report.mdr-house.example:443"},
		vendors:   []string{"support.box-maker.example:443"},
		disguises: []string{"www.microsoft-support.example:443", "windows-update.example:443"},
		drops:     []string{"pipedream.net:443"},
		slow:      []string{"latesummer.example:443"},
		tunnel:    "e.highhill.example", words: []string{"tallgrass"},
		sites:   []string{"www.news.example", "img.news.example", "www.recipes.example", "www.travel.example"},
		surfing: []int{5, 6, 7, 20, 34, 48},
	},
}

var heldOut = []World{
	{
		Name: "factory", Nodes: 6, Lists: []string{"azure-local@2026-07"}, Own: []string{"mes.factory-works.example"},
		daily: []string{"line1.factory-works.example:443", "line2.factory-works.example:443", "scada-gw.factory-works.example:8443",
			"factoryblob.blob.core.windows.net:443", "factory-kv.vault.azure.net:443", "ingest.observer.example:443", "eu1.observer.example:443",
			"factory-eh.servicebus.windows.net:443", "relay.antivirus-house.example:443"},
		updates:   []string{"http://crl.microsoft.com/pkiops/crl/z.crl", "definitions.antivirus-house.example:443", "http://patch.antivirus-house.example/v/1"},
		monthly:   []string{"licence.cad-maker.example:443", "metering.cad-maker.example:443"},
		vendors:   []string{"support.press-maker.example:443", "docs.robot-maker.example:443", "ftp.plc-maker.example:443", "portal.press-maker.example:443"},
		version:   "2026-%d-1-sig.antivirus-house.example:443",
		disguises: []string{"graph.micr0soft.com:443", "update.microsoft.com.patch-site.example:443", "lenovo-driver.example:443"},
		drops:     []string{"h.pipedream.net:443", "paste.rs:443", "x.trycloudflare.com:443"},
		slow:      []string{"goldenfield.example:443", "tele-99.azurefd.net:443", "w9.eastus.cloudapp.azure.com:443"},
		tunnel:    "n.eveningstar.example", words: []string{"blackpine", "windyhill", "shortlane", "sweetwater"},
		sites:   []string{"www.cars.example", "forum.cars.example", "static.cars.example", "www.auction.example", "www.bank.example"},
		surfing: []int{8, 25, 26, 39, 55},
	},
	{
		Name: "clinic", Nodes: 3,
		daily: []string{"pacs.imaging-cloud.example:443", "viewer.imaging-cloud.example:443", "clinicwitness.blob.core.windows.net:443",
			"eus-sync.hl7-house.example:443", "weu-sync.hl7-house.example:443", "g0-prod-bl3-009-sb.servicebus.windows.net:443"},
		updates:   []string{"downloads.dell.com:443", "http://crl3.digicert.com/a.crl", "repo.imaging-cloud.example:443"},
		monthly:   []string{"claims.insurance-hub.example:443"},
		vendors:   []string{"support.scanner-maker.example:443", "support.printer-maker.example:443"},
		version:   "3-%d-0-client.hl7-house.example:443",
		disguises: []string{"login.microsoftonline.co:443", "digicert-ocsp.example:443", "azurecr.io.registry.example:443"},
		drops:     []string{"m.beeceptor.com:443", "hooks.zapier.com:443"},
		slow:      []string{"stillwater.example:443", "docs7.web.core.windows.net:443"},
		tunnel:    "k.newdawn.example", words: []string{"ironbridge", "paperboat"},
		sites:   []string{"www.holiday.example", "img.holiday.example", "www.cinema.example"},
		surfing: []int{15, 31, 32, 58},
	},
}

// NewWorld returns the Site of a world and a seed.
func NewWorld(w World, seed uint64) (*Site, error) {
	s := &Site{rng: rand.New(rand.NewPCG(seed, uint64(len(w.Name)))), nodes: w.Nodes}
	home, err := exact(list, Region)
	if err != nil {
		return nil, err
	}
	updates, err := exact("update@2021-12", Region)
	if err != nil {
		return nil, err
	}
	some := func(n int) func(*Site, int) []int {
		return func(s *Site, _ int) []int {
			var who []int
			for i := range min(n, s.nodes) {
				who = append(who, s.nodes-1-i)
			}
			return who
		}
	}
	s.habits = []habit{
		{Service, daily, all, 2, always(home.daily...), nil},
		{Service, daily, all, 2, always(w.daily...), nil},
		{Service, daily, all, 1, rotating, nil},
		{Update, updating, all, 2, always(append(updates.daily, updateNames...)...), nil},
		{Update, updating, all, 1, always(w.updates...), nil},
		{Update, updating, all, 1, numbered("http://%d.tlu.dl.delivery.mp.microsoft.com/filestreaming", 1, 2, 3), nil},
		{Monthly, firstOfMonth, only(0), 1, always(w.monthly...), nil},
		{Onboarding, onDays(0, 1), all, 1, always(append(home.once, onboardingNames...)...), nil},
		{Vendor, weekly, anyone, 1, inTurn(w.vendors), nil},

		{Disguise, after(4), some(max(w.Nodes-1, 1)), 3, always(w.disguises...), nil},
		{Drop, after(10), some(2), 2, always(w.drops...), nil},
		{Slow, after(7), some(3), 4, always(w.slow...), nil},
		{Tunnel, after(6), some(2), 6, tunnelled(w.tunnel), nil},
		{Generated, after(2), some(2), 1, generated(w.words), nil},
		{Browsing, onDays(w.surfing...), some(1), 2, always(ports(w.sites)...), nil},
		{Random, daily, some(1), 2, random, unresolved},
	}
	if w.version != "" {
		s.habits = append(s.habits, habit{Service, daily, all, 1, numbered(w.version, 55, 1, 2), nil})
	}
	return s, nil
}

func weekly(day int) bool { return day%7 == 3 }

func after(first int) func(int) bool { return func(day int) bool { return day >= first } }

// inTurn is one of the targets a week.
func inTurn(targets []string) func(*Site, int) []string {
	return func(_ *Site, day int) []string { return targets[day/7%len(targets):][:1] }
}

// tunnelled are labels that carry data, of which some come again.
func tunnelled(domain string) func(*Site, int) []string {
	return func(s *Site, _ int) []string {
		return []string{fmt.Sprintf("%08x.%s:443", 0x9e3779b9*(1+s.rng.IntN(25))%0xffffffff, domain)}
	}
}

// generated are domains of words, another one each week.
func generated(words []string) func(*Site, int) []string {
	return func(_ *Site, day int) []string { return []string{words[day/7%len(words)] + ".example:443"} }
}

func ports(hosts []string) []string {
	var all []string
	for _, h := range hosts {
		all = append(all, h+":443")
	}
	return all
}
