// Package simsite simulates the traffic of a site: a cluster of eight nodes of Azure Local, with the daily requests of its services,
// the updates of each month, jobs that run once a month, the onboarding of nodes, a failover to another region, hosts of vendors
// that are requested once; and with unwanted traffic: an administrator who reads the news on a node, software that requests random
// names, and a compromised node with a beacon to a host that anybody can rent.
//
// A World is another site, with habits and unwanted habits of its own; see Worlds and HeldOut.
//
// The names are those of the catalog where it has them. The same seed makes the same requests. Days must be
// asked for one after the other:
//
//	site, err := simsite.New(1)
//	for day := range 60 {
//		for _, r := range site.Day(day) {
//			decision, end := r.Records(set, id)
//		}
//	}
package simsite

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"
)

// A Purpose is the reason for a request.
type Purpose string

const (
	Service    Purpose = "service"
	Update     Purpose = "update"
	Monthly    Purpose = "monthly"
	Onboarding Purpose = "onboarding"
	Failover   Purpose = "failover"
	Vendor     Purpose = "vendor"
	Browsing   Purpose = "browsing"
	Random     Purpose = "random"
	Beacon     Purpose = "beacon"
)

// Legitimate reports whether the operator wants it to go on.
func (p Purpose) Legitimate() bool {
	switch p {
	case Service, Update, Monthly, Onboarding, Failover, Vendor:
		return true
	}
	return false
}

// A Request is one that a node made.
type Request struct {
	Time    time.Time
	Client  netip.Addr
	Target  string // host:port, or a URL of plain HTTP
	Purpose Purpose
	// Fails is the word of RFC 9209 for why it did not reach its origin; empty if it did.
	Fails string
}

const (
	nodes    = 8
	lateNode = 8 // joins on lateDay
	lateDay  = 66
)

// start is a Monday, and the first of a month. Patch Tuesdays are on days 8, 43 and 71.
var start = time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)

// A Site is the cluster. It is not safe for concurrent use.
type Site struct {
	rng    *rand.Rand
	nodes  int
	habits []habit
}

// A habit is something that nodes do: on which days, which of them, how often a day, and what they ask for.
type habit struct {
	purpose Purpose
	on      func(day int) bool
	who     func(s *Site, day int) []int
	times   int
	// targets are asked for each time. Rotating names depend on the day.
	targets func(s *Site, day int) []string
	fails   func(s *Site) string // nil: never
}

// New returns the Site of a seed.
func New(seed uint64) (*Site, error) {
	s := &Site{rng: rand.New(rand.NewPCG(seed, 60)), nodes: nodes}
	var err error
	s.habits, err = habits()
	return s, err
}

// Day returns the requests of a day, from 0, in the order of time.
func (s *Site) Day(day int) []Request {
	midnight := start.AddDate(0, 0, day)
	var all []Request
	for _, h := range s.habits {
		if !h.on(day) {
			continue
		}
		for _, node := range h.who(s, day) {
			for i := range h.times {
				at := midnight.Add(time.Duration(float64(24*time.Hour) * (float64(i) + s.rng.Float64()) / float64(h.times)))
				for _, target := range h.targets(s, day) {
					r := Request{Time: at, Client: Node(node), Target: target, Purpose: h.purpose}
					if h.fails != nil {
						r.Fails = h.fails(s)
					}
					all = append(all, r)
					at = at.Add(time.Duration(1+s.rng.IntN(4000)) * time.Millisecond)
				}
			}
		}
	}
	slices.SortStableFunc(all, func(a, b Request) int { return cmp.Compare(a.Time.UnixMilli(), b.Time.UnixMilli()) })
	return all
}

// Node is the address of a node, from 0.
func Node(n int) netip.Addr { return netip.AddrFrom4([4]byte{10, 0, 1, byte(11 + n)}) }

// Clients are the addresses of all nodes, for a policy.
const Clients = "10.0.1.0/24"

// Region is where the site is.
const Region = "eastus"

func daily(int) bool { return true }

// firstOfMonth is the first of each month.
func firstOfMonth(day int) bool { return start.AddDate(0, 0, day).Day() == 1 }

// updating is a patch Tuesday, and the three days after it.
func updating(day int) bool {
	for back := range 4 {
		if d := start.AddDate(0, 0, day-back); d.Weekday() == time.Tuesday && d.Day() > 7 && d.Day() <= 14 {
			return true
		}
	}
	return false
}

// month counts months from the first.
func month(day int) int { return int(start.AddDate(0, 0, day).Month() - start.Month()) }

func onDays(days ...int) func(int) bool {
	return func(day int) bool { return slices.Contains(days, day) }
}

// all are the nodes that there are on a day.
func all(s *Site, day int) []int {
	n := s.nodes
	if day >= lateDay {
		n++
	}
	who := make([]int, n)
	for i := range who {
		who[i] = i
	}
	return who
}

func only(node int) func(*Site, int) []int {
	return func(*Site, int) []int { return []int{node} }
}

func anyone(s *Site, _ int) []int { return []int{s.rng.IntN(s.nodes)} }

func always(targets ...string) func(*Site, int) []string {
	return func(*Site, int) []string { return targets }
}

// numbered are targets with a number that moves on from month to month: of the numbers of one month, some are
// new, and some were there before.
func numbered(format string, firstMonth, step, count int) func(*Site, int) []string {
	return func(_ *Site, day int) []string {
		var targets []string
		for i := range count {
			targets = append(targets, fmt.Sprintf(format, firstMonth+month(day)*step+i))
		}
		return targets
	}
}
