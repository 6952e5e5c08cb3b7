package fleet

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"webproxy/bundle"
	"webproxy/internal/atomicfile"
	"webproxy/internal/notekey"
)

const bundleSuffix = ".bundle"

// Published are the serials of the bundles published for each ring, by ring and name of the bundle. A ring whose directory does not
// exist has none.
func Published(c *Config) (map[string]map[string]uint64, error) {
	all := map[string]map[string]uint64{}
	for ring, spec := range c.Rings {
		serials := map[string]uint64{}
		entries, err := os.ReadDir(spec.Dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("ring %s: %w", ring, err)
		}
		for _, e := range entries {
			if !strings.HasSuffix(e.Name(), bundleSuffix) {
				continue
			}
			b, err := bundle.ReadFile(filepath.Join(spec.Dir, e.Name()))
			if err != nil {
				return nil, fmt.Errorf("ring %s: %w", ring, err)
			}
			serials[b.Name] = max(serials[b.Name], b.Serial)
		}
		all[ring] = serials
	}
	return all, nil
}

// publish puts b where sites of the ring fetch it, atomically: readers see the earlier bundle or b. If b is there already, that is
// not an error. Another bundle with the same or a greater serial is not replaced.
func publish(ring RingSpec, b *bundle.Bundle) error {
	path := filepath.Join(ring.Dir, b.Name+bundleSuffix)
	there, err := bundle.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	case there.Digest() == b.Digest() && there.Serial == b.Serial:
		return nil
	case there.Serial >= b.Serial:
		return fmt.Errorf("%s has serial %d; sites would not take %v", path, there.Serial, b)
	}
	return atomicfile.Write(path, b.Bytes(), 0o644)
}

// isPublished reports whether b is where sites of the ring fetch it.
func isPublished(ring RingSpec, b *bundle.Bundle) bool {
	there, err := bundle.ReadFile(filepath.Join(ring.Dir, b.Name+bundleSuffix))
	return err == nil && there.Digest() == b.Digest() && there.Serial == b.Serial
}

// publicKeys returns public keys; each of keys is one, or the path of a file with one.
func publicKeys(keys []string) ([]string, error) {
	var texts []string
	for _, k := range keys {
		if !strings.Contains(k, "+") {
			text, err := notekey.ReadPublic(k)
			if err != nil {
				return nil, err
			}
			k = text
		}
		texts = append(texts, k)
	}
	return texts, nil
}
