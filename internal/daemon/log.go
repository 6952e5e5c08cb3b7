package daemon

import (
	"io"
	"os"
	"path/filepath"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"webproxy/config"
	"webproxy/internal/privatefile"
)

// newLog returns the operator's log, and the function that closes it. Requests are not logged there, but in the audit log. It writes
// to log.file, else to the Windows event log of a service, else to w. A service's errors and warnings go to the event log in any
// case.
func newLog(o config.LogOptions, w io.Writer) (*zap.Logger, func(), error) {
	level := zapcore.InfoLevel
	level.UnmarshalText([]byte(o.Level.String())) // config has checked the word
	encoder := newEncoder(o.Format.String() == "text")
	var cores []zapcore.Core
	closeFile := func() {}
	if o.File != "" {
		f, err := openLogFile(o.File)
		if err != nil {
			return nil, nil, err
		}
		closeFile = func() { f.Close() }
		cores = append(cores, zapcore.NewCore(encoder, zapcore.Lock(f), level))
		if level < zapcore.WarnLevel {
			level = zapcore.WarnLevel
		}
	}
	if core, ok := systemLog(encoder, level); ok {
		cores = append(cores, core)
	} else if o.File == "" {
		cores = append(cores, zapcore.NewCore(encoder, zapcore.Lock(zapcore.AddSync(w)), level))
	}
	log := zap.New(zapcore.NewTee(cores...))
	return log, func() {
		log.Sync()
		closeFile()
	}, nil
}

func newEncoder(text bool) zapcore.Encoder {
	enc := zap.NewProductionEncoderConfig()
	enc.EncodeTime = zapcore.RFC3339TimeEncoder
	enc.EncodeDuration = zapcore.StringDurationEncoder
	if !text {
		return zapcore.NewJSONEncoder(enc)
	}
	enc.EncodeLevel = zapcore.CapitalLevelEncoder
	enc.ConsoleSeparator = " "
	return zapcore.NewConsoleEncoder(enc)
}

// openLogFile opens the file for appending, and makes it and its directory if needed. Others may not read them, since they have
// names of hosts and clients.
func openLogFile(path string) (*os.File, error) {
	if err := privatefile.MkdirAll(filepath.Dir(path), privatefile.Private); err != nil {
		return nil, err
	}
	return os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o640)
}
