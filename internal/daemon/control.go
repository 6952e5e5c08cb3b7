package daemon

// A control carries the system's commands to a running process, by signals or as a Windows service.
type control struct {
	stop   chan struct{} // a value: stop; a second one: at once
	reload chan struct{}
	ready  chan struct{} // closed by serve when it serves
	// unattended is set if nobody reads standard error: the process is a Windows service.
	unattended bool
}

func newControl() control {
	return control{stop: make(chan struct{}, 2), reload: make(chan struct{}, 1), ready: make(chan struct{})}
}

// stopNow and reloadNow never wait: what has been requested and not yet taken need not be requested again.
func (c control) stopNow()   { give(c.stop) }
func (c control) reloadNow() { give(c.reload) }

func give(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
