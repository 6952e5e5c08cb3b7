package audit_test

import (
	"testing"
	"time"

	"webproxy/audit"
	"webproxy/internal/audittest"
	"webproxy/policy"
)

func TestJoin(t *testing.T) {
	decision := func(id string, o policy.Outcome) *audit.Record {
		return &audit.Record{Type: audit.TypeDecision, ID: id, Decision: o}
	}
	end := func(id string) *audit.Record { return &audit.Record{Type: audit.TypeClose, ID: id} }
	j := audit.NewJoin[string](2)
	j.Opened(decision("A", policy.Allowed), "a")
	j.Opened(decision("B", policy.Denied), "b") // has no close record
	j.Opened(decision("C", policy.WouldDeny), "c")
	j.Opened(decision("D", policy.Allowed), "d") // beyond the limit
	if n := j.Unfinished(); n != 3 {
		t.Errorf("%d unfinished, want A, C and D", n)
	}
	for _, tt := range []struct {
		id, want string
		ok       bool
	}{{"A", "a", true}, {"A", "", false}, {"B", "", false}, {"D", "", false}, {"X", "", false}, {"C", "c", true}} {
		if got, ok := j.Closed(end(tt.id)); got != tt.want || ok != tt.ok {
			t.Errorf("Closed(%s) = %q, %t, want %q, %t", tt.id, got, ok, tt.want, tt.ok)
		}
	}
	if n := j.Unfinished(); n != 1 {
		t.Errorf("%d unfinished, want D, whose end cannot be told", n)
	}
}

func TestRefusedLate(t *testing.T) {
	for want, r := range map[bool]*audit.Record{
		true:  {Type: audit.TypeClose, Decision: policy.Denied},
		false: {Type: audit.TypeDecision, Decision: policy.Denied},
	} {
		if r.RefusedLate() != want {
			t.Errorf("%+v: RefusedLate() = %t", r, !want)
		}
	}
	if (&audit.Record{Type: audit.TypeClose}).RefusedLate() { // as written by older versions
		t.Error("a close record without a decision is a refusal")
	}
}

// A record's request is the one that was recorded.
func TestRecordRequest(t *testing.T) {
	now := time.Unix(1, 0)
	r := audittest.Decision()
	req, ok := r.Request(now)
	if !ok || req.Target.Host() != r.Host || req.Target.Port() != r.Port || req.Client != r.Client || req.Method != r.Method || !req.Time.Equal(now) {
		t.Errorf("%+v: %+v, %t", r, req, ok)
	}
	for _, spoil := range []func(*audit.Record){
		func(r *audit.Record) { r.Scheme = "" },
		func(r *audit.Record) { r.Host = "" },
		func(r *audit.Record) { r.Port = 0 },
		func(r *audit.Record) { r.Host = "a b" },
	} {
		bad := audittest.Decision()
		spoil(&bad)
		if req, ok := bad.Request(now); ok {
			t.Errorf("%+v is a request: %+v", bad, req)
		}
	}
	literal := audittest.Decision()
	literal.Host = "2001:db8::1"
	if req, ok := literal.Request(now); !ok || req.Target.Host() != literal.Host {
		t.Errorf("an IPv6 address: %+v, %t", req, ok)
	}
}
