package proxy_test

import (
	"os"
	"testing"

	"webproxy/internal/proxytest"
)

func TestMain(m *testing.M) { os.Exit(proxytest.Run(m, 8)) }
