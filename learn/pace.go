package learn

import (
	"math"
	"net/netip"
	"time"
)

const (
	paceClients  = 32              // whose intervals are measured, of a key
	paceSteps    = 44              // of a factor of the square root of two each, from burst on
	burst        = 5 * time.Second // requests that come sooner belong together
	regularCount = 20              // intervals that must have been seen
	regularWidth = 3               // steps in which regular intervals lie: within a factor of 2.8
	regularPart  = 0.6             // of all intervals that must lie there; of those that come by chance, 0.37 do
)

// A pace counts how long the same client took to ask again. A program that contacts its vendor does so at regular
// intervals, with some jitter; people do not. The zero pace has seen nothing.
type pace struct {
	last  map[netip.Addr]time.Time
	steps [paceSteps]uint32
	count uint32
}

// tick counts a request. Requests must come in the order of time; one that does not is ignored.
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

// regular reports at what intervals requests come; 0 if at none.
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
