package config

import (
	"errors"
	"fmt"
	"path/filepath"

	"webproxy/catalog"
	"webproxy/policy"
)

// TagFile is where the service tags of a cloud are beside a configuration in dir: Microsoft's own file, unchanged.
func TagFile(dir, cloud string) string { return filepath.Join(dir, "servicetags", cloud+".json") }

// ReadTags reads the service tags of cloud that were imported for the configuration in dir.
func ReadTags(dir, cloud string) (*catalog.Tags, error) {
	return readTags(dir, dir, cloud, readFile)
}

// readTags reads, by read, the tags of cloud below dir, which is shown to people as shown. If they do not exist, the
// error is a *policy.SpecError.
func readTags(dir, shown, cloud string, read func(string, int64) ([]byte, error)) (*catalog.Tags, error) {
	data, err := read(TagFile(dir, cloud), catalog.MaxTagFile)
	path := TagFile(shown, cloud)
	if errors.Is(err, errNoFile) {
		return nil, &policy.SpecError{
			Msg:  fmt.Sprintf("the service tags of cloud %s are not imported: there is no %s", cloud, path),
			Hint: "download the file from Microsoft (\"Azure IP Ranges and Service Tags\") and run: webproxy servicetags import FILE",
		}
	}
	if err != nil {
		return nil, fmt.Errorf("service tags %s: %w", path, err)
	}
	t, err := catalog.ParseTags(data)
	if err != nil {
		return nil, fmt.Errorf("service tags %s: %w", path, err)
	}
	if t.Cloud != cloud {
		return nil, fmt.Errorf("service tags %s: they are of cloud %s", path, t.Cloud)
	}
	return t, nil
}
