//go:build !linux && !darwin

package audit_test

// childOther knows no other kinds of children on this system.
func childOther(kind, dir string) int { return 2 }
