//go:build !windows

package daemon

import "go.uber.org/zap/zapcore"

// systemLog returns false: the supervisor of the process keeps its standard error.
func systemLog(zapcore.Encoder, zapcore.LevelEnabler) (zapcore.Core, bool) { return nil, false }
