// Command tool makes those parts of a release that need more than tar and nfpm: reproducible zip files and container images, the
// licences of dependencies, and the MSI. It also checks an SBOM against its binary, and manifests against their schemas. scripts/dist.sh runs it.
package main

import (
	"fmt"
	"os"
	"strconv"
	"time"
)

func main() {
	commands := map[string]func(args []string) error{
		"zip": writeZip, "unzip": listZip, "unpack": unpackImage, "image": writeImage, "licenses": writeLicenses, "roots": writeRoots, "sbom": checkSBOM,
		"msi": writeMSI, "uuid": writeUUID, "schema": checkSchema}
	if len(os.Args) < 2 || commands[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: tool zip|unzip|unpack|image|licenses|roots|sbom|msi|uuid|schema ARGUMENT...")
		os.Exit(2)
	}
	if err := commands[os.Args[1]](os.Args[2:]); err != nil {
		fmt.Fprintf(os.Stderr, "tool %s: %v\n", os.Args[1], err)
		os.Exit(1)
	}
}

// sourceTime is SOURCE_DATE_EPOCH: the time of the commit, which all files of a release have.
func sourceTime() (time.Time, error) {
	sec, err := strconv.ParseInt(os.Getenv("SOURCE_DATE_EPOCH"), 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("SOURCE_DATE_EPOCH: %w", err)
	}
	return time.Unix(sec, 0).UTC(), nil
}
