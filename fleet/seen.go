package fleet

import (
	"fmt"
	"slices"
)

const (
	// seenFew is how many numbers of a block are kept as a list; more are kept as a bit set.
	seenFew = 2048
	// seenBlocks bounds the blocks of all sites. Consecutive numbers need few blocks; a site that invents numbers must not
	// exhaust the memory.
	seenBlocks = 1 << 19
)

// A seenSet is a set of record numbers, by site: at most 8 KiB for each 65,536 numbers of a site.
type seenSet struct {
	sites  map[string]map[uint64]*seenBlock
	blocks int
}

// A seenBlock is a subset of 65,536 consecutive numbers.
type seenBlock struct {
	few  []uint16 // in order; nil if the bits are used
	bits []uint64
}

// add reports whether the number is new.
func (s *seenSet) add(site string, seq uint64) (bool, error) {
	if s.sites == nil {
		s.sites = map[string]map[uint64]*seenBlock{}
	}
	blocks := s.sites[site]
	if blocks == nil {
		blocks = map[uint64]*seenBlock{}
		s.sites[site] = blocks
	}
	b := blocks[seq>>16]
	if b == nil {
		if s.blocks == seenBlocks {
			return false, fmt.Errorf("the numbers of the records are too far apart to be told from each other: ask for less time, or fewer sites; the last was %d of site %q", seq, site)
		}
		s.blocks++
		b = &seenBlock{}
		blocks[seq>>16] = b
	}
	return b.add(uint16(seq)), nil
}

func (b *seenBlock) add(n uint16) bool {
	if b.bits == nil {
		i, found := slices.BinarySearch(b.few, n)
		if found {
			return false
		}
		if len(b.few) < seenFew {
			b.few = slices.Insert(b.few, i, n)
			return true
		}
		b.bits = make([]uint64, 1<<16/64)
		for _, m := range b.few {
			b.bits[m/64] |= 1 << (m % 64)
		}
		b.few = nil
	}
	had := b.bits[n/64]&(1<<(n%64)) != 0
	b.bits[n/64] |= 1 << (n % 64)
	return !had
}
