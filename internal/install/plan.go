// Package install makes the running binary a service of the system, and undoes that: its user, directories, configuration and units
// on Linux; the service, its directories, event source and firewall rule on Windows. It is for one goroutine.
package install

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"webproxy/config"
	"webproxy/internal/privatefile"
	"webproxy/internal/smallfile"
)

// Options say what to install.
type Options struct {
	// Config are the parameters of a new configuration.
	Config config.InitParams
	// Root is a directory to use as the root of the file system: files go below it, and nothing is started. Empty for the system.
	Root string
	// NoStart means that the service is neither enabled nor started.
	NoStart bool
	// Purge means that Uninstall also removes the audit log, its key, and an edited configuration.
	Purge bool
}

// A Step is one thing to do.
type Step struct {
	What string // such as "write /etc/webproxy/webproxy.yaml"
	Do   func() error
	// Optional says that the next steps are carried out even if it fails.
	Optional bool
}

// Run carries out the steps, and writes each to w. If dry, it only writes them.
func Run(w io.Writer, steps []Step, dry bool) error {
	for _, s := range steps {
		fmt.Fprintln(w, s.What)
		if dry {
			continue
		}
		if err := s.Do(); err != nil {
			if s.Optional {
				fmt.Fprintf(w, "  not done: %v\n", err)
				continue
			}
			return fmt.Errorf("%s: %w", s.What, err)
		}
	}
	return nil
}

// A Part is a part of an installation, for Status.
type Part struct {
	Name  string `json:"name"`
	State string `json:"state"`
	OK    bool   `json:"ok"`
}

// installedFile, beside the configuration, has the sums of the files that Install wrote, so that Uninstall knows which were edited.
const installedFile = ".installed"

// configFiles are the files of a new configuration whose log and sockets are where an installed service may write.
func configFiles(p config.InitParams, auditLine string) ([]config.File, error) {
	files, _, err := config.Init(p)
	if err != nil {
		return nil, err
	}
	const before = "audit: { dir: ./audit, retain: 400d, rotate: 256MiB, on_error: refuse }\n"
	text := string(files[0].Data)
	if !strings.Contains(text, before) {
		return nil, errors.New("the built-in configuration has another audit section") // TestInstallUninstall would fail
	}
	files[0].Data = []byte(strings.Replace(text, before, auditLine, 1))
	return files, nil
}

// configSteps returns the step for the configuration at path: it is written if it does not exist, and replaced if nobody edited it
// and o has parameters for it. If it was edited, the step says that the parameters have no effect.
func configSteps(o Options, auditLine, path string, write, replace func([]config.File) error) ([]Step, error) {
	files, err := configFiles(o.Config, auditLine)
	if err != nil {
		return nil, err
	}
	present, err := os.ReadFile(path)
	switch pristine, _ := configFiles(config.InitParams{}, auditLine); {
	case errors.Is(err, fs.ErrNotExist):
		return []Step{{What: "write " + path, Do: func() error { return write(files) }}}, nil
	case err != nil:
		return nil, err
	case !o.hasConfig() || bytes.Equal(present, files[0].Data):
		return nil, nil
	case len(pristine) > 0 && bytes.Equal(present, pristine[0].Data), asInstalled(path, present):
		return []Step{{What: "write " + path + " anew: nobody edited it", Do: func() error { return replace(files) }}}, nil
	}
	return []Step{{What: "leave " + path + " as it is: it was edited, so --cloud, --region, --release and --clients change nothing", Do: func() error { return nil }}}, nil
}

// hasConfig reports whether o has parameters for a new configuration.
func (o Options) hasConfig() bool {
	c := o.Config
	return c.Cloud != "" || c.Region != "" || c.Release != "" || len(c.Clients) > 0
}

// sums are the lines of installedFile.
func sums(files []config.File) []byte {
	var b strings.Builder
	for _, f := range files {
		sum := sha256.Sum256(f.Data)
		fmt.Fprintf(&b, "%s  %s\n", hex.EncodeToString(sum[:]), f.Path)
	}
	return []byte(b.String())
}

// asInstalled reports whether data, the content of path, is what Install wrote there.
func asInstalled(path string, data []byte) bool {
	list, err := os.ReadFile(filepath.Join(filepath.Dir(path), installedFile))
	sum := sha256.Sum256(data)
	return err == nil && slices.Contains(strings.Split(string(list), "\n"), hex.EncodeToString(sum[:])+"  "+filepath.Base(path))
}

// create makes the files of a new configuration in dir, and installedFile. An existing list is kept: it was edited, so an uninstall
// has left it.
func create(dir string, files []config.File) error {
	for i, f := range files {
		path := f.Local(dir)
		if err := privatefile.MkdirAll(filepath.Dir(path), privatefile.Policy); err != nil {
			return err
		}
		if err := privatefile.CreatePolicy(path, f.Data); err != nil && (i == 0 || !errors.Is(err, fs.ErrExist)) {
			return err
		}
	}
	installed := filepath.Join(dir, installedFile)
	if err := os.Remove(installed); err != nil && !errors.Is(err, fs.ErrNotExist) { // of a configuration that was removed by hand
		return err
	}
	return privatefile.CreatePolicy(installed, sums(files))
}

// removePristine removes the files in dir that were not edited since Install, and the directories that are empty then. If the
// configuration was edited, all files are kept: the next installation reads its lists.
func removePristine(dir string) error {
	list, err := os.ReadFile(filepath.Join(dir, installedFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	path := filepath.Join(dir, config.FileName)
	if text, err := os.ReadFile(path); err == nil && !asInstalled(path, text) {
		return nil
	}
	for line := range strings.Lines(string(list)) {
		want, name, ok := strings.Cut(strings.TrimSpace(line), "  ")
		if !ok || !filepath.IsLocal(filepath.FromSlash(name)) {
			continue
		}
		path := filepath.Join(dir, filepath.FromSlash(name))
		data, err := os.ReadFile(path)
		if sum := sha256.Sum256(data); err == nil && hex.EncodeToString(sum[:]) == want {
			if err := os.Remove(path); err != nil {
				return err
			}
		}
	}
	if err := os.Remove(filepath.Join(dir, installedFile)); err != nil {
		return err
	}
	for _, d := range []string{"lists", "ca", "log", "."} {
		os.Remove(filepath.Join(dir, d)) // only if it is empty
	}
	return nil
}

// notLink returns an error if path exists and is not a directory; a link to a directory is not one.
func notLink(path string) error {
	info, err := os.Lstat(path)
	if err == nil && !info.IsDir() {
		return fmt.Errorf("%s is a link or a file, and not a directory: remove it", path)
	}
	return nil
}

// checkOwn returns an error if others than administrators and the service may change something in dir, such as a file that an ordinary
// user put there before the installation: it would become the configuration, a list, a key or an authority. A link, or a junction of
// Windows, is an error wherever it leads: its owner may change that later. The socket of a running proxy is permitted.
func checkOwn(dir string) error {
	var problems []error
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		switch kind := d.Type(); {
		case kind&(fs.ModeSymlink|fs.ModeIrregular) != 0:
			problems = append(problems, fmt.Errorf("%s is a link: put what it leads to in its place, if that is yours, or remove it", path))
		case !kind.IsDir() && !kind.IsRegular() && kind != fs.ModeSocket:
			problems = append(problems, fmt.Errorf("%s is neither a file nor a directory: remove it", path))
		default:
			if f := privatefile.Loose(new(smallfile.Reader), path, privatefile.Policy); f.Why != "" {
				problems = append(problems, fmt.Errorf("%s: %s: look whether it is yours, then %s", path, f.Why, f.Advice()))
			}
		}
		if len(problems) == 10 {
			return fs.SkipAll
		}
		return nil
	})
	return errors.Join(append(problems, err)...)
}
