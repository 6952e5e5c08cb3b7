package daemon

import (
	"io"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"webproxy/config"
)

// newLog returns the operator's log. Nothing per request goes there: the audit log has that.
func newLog(o config.LogOptions, w io.Writer) *zap.Logger {
	level := zapcore.InfoLevel
	level.UnmarshalText([]byte(o.Level.String())) // config has checked the word
	enc := zap.NewProductionEncoderConfig()
	enc.EncodeTime = zapcore.RFC3339TimeEncoder
	enc.EncodeDuration = zapcore.StringDurationEncoder
	encoder := zapcore.NewJSONEncoder(enc)
	if o.Format.String() == "text" {
		enc.EncodeLevel = zapcore.CapitalLevelEncoder
		enc.ConsoleSeparator = " "
		encoder = zapcore.NewConsoleEncoder(enc)
	}
	if core, ok := systemLog(encoder, level); ok {
		return zap.New(core)
	}
	return zap.New(zapcore.NewCore(encoder, zapcore.Lock(zapcore.AddSync(w)), level))
}
