package review

import (
	"errors"
	"fmt"
	"time"

	"webproxy/config"
	"webproxy/internal/atomicfile"
	"webproxy/internal/hint"
)

// ErrNoLockdown says that there is no lockdown to end.
var ErrNoLockdown = errors.New("no lockdown is on")

// A LockdownChange is the start or the end of a lockdown. Nothing is written before Commit.
type LockdownChange struct {
	Change
	// Next is the configuration with it; nil if the configuration on disk is not valid, which does not prevent a lockdown.
	Next *config.Config

	path string
	data []byte
	// Invalid is why Next is nil.
	Invalid error
}

// Lock prepares, in memory, the start of a lockdown of the configuration at configPath, until a time. The rules and lists in only
// stay allowed. If the configuration is not valid, only must be empty: its names could not be resolved.
func Lock(configPath string, only []string, until time.Time, by, reason string) (*LockdownChange, error) {
	c, err := lockdownChange(configPath, config.Lockdown{
		Only: only, Since: time.Now().UTC().Truncate(time.Second), Until: until.UTC(), By: by, Reason: reason,
	})
	if err == nil && c.Invalid != nil && len(only) > 0 {
		return nil, hint.With(fmt.Errorf("what is to be spared cannot be told: %v", c.Invalid),
			"mend that, or refuse everything: --nothing needs no valid configuration")
	}
	return c, err
}

// Unlock prepares, in memory, the end of the lockdown of the configuration at configPath. It returns ErrNoLockdown if
// lockdown.yaml can be read and no lockdown is on.
func Unlock(configPath, by, reason string) (*LockdownChange, error) {
	l, err := config.ReadLockdown(configPath)
	now := time.Now()
	if err == nil && !l.IsOn(now) {
		return nil, ErrNoLockdown
	}
	if l == nil { // it cannot be read: its contents are lost
		l = new(config.Lockdown)
	}
	l.Ended = config.LockdownEnd{At: now.UTC().Truncate(time.Second), By: by, Reason: reason}
	return lockdownChange(configPath, *l)
}

func lockdownChange(configPath string, l config.Lockdown) (*LockdownChange, error) {
	if configPath == "" {
		return nil, ErrBuiltIn
	}
	data, err := l.Encode()
	if err != nil {
		return nil, err
	}
	c := &LockdownChange{data: data}
	if c.path, err = config.LockdownPath(configPath); err != nil {
		return nil, err
	}
	var wrong error
	if c.Next, wrong, c.Invalid = config.LoadWithLockdown(configPath, data); c.Invalid != nil || wrong != nil {
		return c, wrong
	}
	before, err := config.Load(configPath)
	if err != nil { // its lockdown.yaml is not valid
		without := *c.Next
		without.Lockdown = nil
		before = &without
	}
	c.Change = newChange(before)
	c.files[c.path] = data
	return c, nil
}

// Commit overwrites lockdown.yaml. It is recorded as Change.Commit says or, if the configuration is not valid, by the proxy alone.
func (c *LockdownChange) Commit() (Recording, error) {
	if c.Invalid == nil {
		return c.Change.Commit()
	}
	if err := atomicfile.Write(c.path, c.data, 0o644); err != nil {
		return Recording{}, err
	}
	return Recording{ByProxy: c.Invalid}, nil
}
