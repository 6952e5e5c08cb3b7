//go:build !linux

package proxy

// A flowWaiter is empty on this system: every direction keeps its goroutine.
type flowWaiter struct{}

func (f *tunnelFlow) canPark() bool { return false }

func (f *tunnelFlow) dropRaw() {}

func (flowWaiter) wait(*tunnelFlow) bool { return false }

func (flowWaiter) forget(*tunnelFlow) {}

func (flowWaiter) close() {}
