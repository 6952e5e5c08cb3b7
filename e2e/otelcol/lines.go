package main

import (
	"bytes"
	"context"
	"os"
	"sync"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
	"go.opentelemetry.io/collector/pdata/plog"
)

// linesConfig is the section of the exporter "lines".
type linesConfig struct {
	Path string `mapstructure:"path"`
}

// newLinesFactory makes an exporter that appends each request to a file, as a line of OTLP/JSON.
func newLinesFactory() exporter.Factory {
	return exporter.NewFactory(component.MustNewType("lines"), func() component.Config { return &linesConfig{} },
		exporter.WithLogs(func(ctx context.Context, set exporter.Settings, cfg component.Config) (exporter.Logs, error) {
			l := &lines{path: cfg.(*linesConfig).Path}
			return exporterhelper.NewLogs(ctx, set, cfg, l.write)
		}, component.StabilityLevelStable))
}

type lines struct {
	path string
	mu   sync.Mutex // one request at a time
}

func (l *lines) write(_ context.Context, logs plog.Logs) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	line, err := new(plog.JSONMarshaler).MarshalLogs(logs)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(l.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	if _, err := f.Write(append(bytes.TrimSpace(line), '\n')); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}
