package daemon

// A control carries the system's commands to a running process, by signals or as a Windows service.
type control struct {
	stop   chan struct{} // a value: stop; a second one: at once
	reload chan struct{}
	ready  chan struct{} // closed by serve when it serves
	// unattended is set for a Windows service: nobody reads standard error.
	unattended bool
}

func newControl() control {
	return control{stop: make(chan struct{}, 2), reload: make(chan struct{}, 1), ready: make(chan struct{})}
}

// stopNow and reloadNow never block: a request that is still pending need not be repeated.
func (c control) stopNow()   { give(c.stop) }
func (c control) reloadNow() { give(c.reload) }

func give(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
