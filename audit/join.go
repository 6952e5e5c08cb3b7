package audit

import (
	"net"
	"strconv"
	"strings"
	"time"

	"webproxy/policy"
)

// A Join finds for each close record what was kept of its decision record. Records are added in the order of the log.
// It is not safe for concurrent use.
type Join[T any] struct {
	limit  int
	open   map[string]T // by id
	beyond uint64       // requests that went ahead while limit others were open
}

// NewJoin returns a Join that keeps at most limit requests at a time: a log may lack any number of close records.
func NewJoin[T any](limit int) *Join[T] {
	return &Join[T]{limit: limit, open: map[string]T{}}
}

// Opened keeps v for the request of r, a decision record, until its close record. It keeps nothing of a request that was
// refused, as that has no close record. v must not hold strings of r: they keep a block of the log in memory.
func (j *Join[T]) Opened(r *Record, v T) {
	switch {
	case !r.Decision.Permits():
	case len(j.open) >= j.limit:
		j.beyond++
	default:
		j.open[strings.Clone(r.ID)] = v
	}
}

// Closed returns what was kept for the request of r, a close record, and forgets it. It is false for a request whose
// decision record came before what was read, or was not kept.
func (j *Join[T]) Closed(r *Record) (v T, ok bool) {
	v, ok = j.open[r.ID]
	delete(j.open, r.ID)
	return v, ok
}

// Unfinished is how many requests went ahead and have no close record yet, or count as such because too many were
// open at a time.
func (j *Join[T]) Unfinished() uint64 { return uint64(len(j.open)) + j.beyond }

// RefusedLate reports whether r is the close record of a request that was refused after its decision record had let it
// go ahead: for the address that its name resolved to, or for its ClientHello.
func (r *Record) RefusedLate() bool { return r.Type == TypeClose && r.Decision == policy.Denied }

// Request is the request that r is about, made at now. It is false if r is not about a request for a host.
func (r *Record) Request(now time.Time) (policy.Request, bool) {
	var scheme policy.Scheme
	if scheme.UnmarshalText([]byte(r.Scheme)) != nil {
		return policy.Request{}, false
	}
	t, err := policy.ParseTarget(scheme, net.JoinHostPort(r.Host, strconv.Itoa(int(r.Port))))
	if err != nil {
		return policy.Request{}, false
	}
	return policy.Request{Time: now, Client: r.Client, Method: r.Method, Target: t, Path: r.Path}, true
}
