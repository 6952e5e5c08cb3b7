package learn

import (
	"math"
	"net/netip"
	"time"
)

const (
	paceClients  = 32              // clients of a key whose intervals are measured
	paceSteps    = 44              // steps of the histogram, from burst on, a factor of the square root of two each
	burst        = 5 * time.Second // shorter intervals are within one burst
	regularCount = 20              // least number of intervals
	regularWidth = 3               // steps within which regular intervals lie: a factor of 2.8
	regularPart  = 0.6             // part of all intervals that must lie there; of random ones, 0.37 do
)

// A pace is a histogram of the intervals between requests of the same client. A program that contacts its vendor does so at
// regular intervals, with some jitter; people do not. The zero pace is empty.
type pace struct {
	last  map[netip.Addr]time.Time
	steps [paceSteps]uint32
	count uint32
}

// tick counts a request. Requests must come in the order of time; others are ignored.
func (p *pace) tick(client netip.Addr, at time.Time) {
	last, known := p.last[client]
	if !known {
		if len(p.last) >= paceClients {
			return
		}
		if p.last == nil {
			p.last = map[netip.Addr]time.Time{}
		}
		p.last[client] = at
		return
	}
	wait := at.Sub(last)
	if wait < burst {
		return
	}
	p.last[client] = at
	step := int(2 * math.Log2(float64(wait)/float64(burst)))
	p.steps[min(step, paceSteps-1)]++
	p.count++
}

// regular returns the interval at which requests come; 0 if they are not regular.
func (p *pace) regular() time.Duration {
	if p.count < regularCount {
		return 0
	}
	var most uint32
	at := 0
	for i := 0; i+regularWidth <= paceSteps; i++ {
		var n uint32
		for _, c := range p.steps[i : i+regularWidth] {
			n += c
		}
		if n > most {
			most, at = n, i
		}
	}
	if float64(most) < regularPart*float64(p.count) {
		return 0
	}
	return time.Duration(float64(burst) * math.Exp2((float64(at)+float64(regularWidth)/2)/2))
}
