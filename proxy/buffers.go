package proxy

import "sync"

// A bufferPool lends byte slices of one size.
type bufferPool struct {
	size int
	pool sync.Pool
}

// take returns a slice of b.size bytes. Its content is arbitrary.
func (b *bufferPool) take() *[]byte {
	if p, ok := b.pool.Get().(*[]byte); ok {
		return p
	}
	p := make([]byte, b.size)
	return &p
}

// give takes p back. A slice of another size, or nil, is left to the garbage collector.
func (b *bufferPool) give(p *[]byte) {
	if p != nil && len(*p) == b.size {
		b.pool.Put(p)
	}
}
