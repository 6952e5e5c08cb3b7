package daemon

import (
	"go.uber.org/zap/zapcore"
	"golang.org/x/sys/windows/svc/eventlog"
)

// systemLog is the Windows event log if the process is a service, whose standard error nobody sees.
func systemLog(enc zapcore.Encoder, level zapcore.LevelEnabler) (zapcore.Core, bool) {
	if !isService() {
		return nil, false
	}
	log, err := eventlog.Open(serviceName)
	if err != nil {
		return nil, false
	}
	return &eventCore{LevelEnabler: level, enc: enc, log: log}, true
}

// An eventCore writes entries to the event log. It is safe for concurrent use.
type eventCore struct {
	zapcore.LevelEnabler
	enc zapcore.Encoder
	log *eventlog.Log
}

// With implements zapcore.Core.
func (c *eventCore) With(fields []zapcore.Field) zapcore.Core {
	enc := c.enc.Clone()
	for _, f := range fields {
		f.AddTo(enc)
	}
	return &eventCore{c.LevelEnabler, enc, c.log}
}

// Check implements zapcore.Core.
func (c *eventCore) Check(e zapcore.Entry, ce *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if c.Enabled(e.Level) {
		return ce.AddCore(e, c)
	}
	return ce
}

// Write implements zapcore.Core.
func (c *eventCore) Write(e zapcore.Entry, fields []zapcore.Field) error {
	buf, err := c.enc.EncodeEntry(e, fields)
	if err != nil {
		return err
	}
	defer buf.Free()
	id, text := eventID(e.Message, e.Level), eventText(buf.String())
	switch {
	case e.Level >= zapcore.ErrorLevel:
		return c.log.Error(id, text)
	case e.Level == zapcore.WarnLevel:
		return c.log.Warning(id, text)
	}
	return c.log.Info(id, text)
}

// Sync implements zapcore.Core: every event is written at once.
func (c *eventCore) Sync() error { return nil }
