package catalog

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"path"

	"go.yaml.in/yaml/v3"
)

// A List is a named set of endpoints in one generation.
type List struct {
	Name       string     `yaml:"name"`
	Title      string     `yaml:"title"`
	Generation string     `yaml:"generation"` // the month of the documents: "2021-12"
	Documents  []Document `yaml:"documents"`
}

// A Document is a source with its endpoints, in its order.
type Document struct {
	Source string `yaml:"source"`
	// Date is when the source was published or last changed: a day, or as much as is known of it.
	Date string `yaml:"date"`
	// Regions are the regions that the source has lines for, in this list or in another one: for such a region, a line of other
	// regions does not apply, and is not missing. Empty if the source has no lines by region.
	Regions []string `yaml:"regions,omitempty,flow"`
	// Notes are what a reader should know about it: errors, contradictions, what later sources say.
	Notes     []string   `yaml:"notes,omitempty"`
	Endpoints []Endpoint `yaml:"endpoints"`
}

// An Endpoint is one line of a source.
type Endpoint struct {
	// ID names the endpoint within its list: short, unique, and the same in all generations. If an endpoint is for both
	// schemes, its plain HTTP entry has the ID with "-http" appended.
	ID string `yaml:"id"`
	// Cloud is public, china or usgov, or AnyCloud if the source makes no difference between them.
	Cloud string `yaml:"cloud"`
	// Regions are the regions that it is for, by their long names; empty for all.
	Regions []string `yaml:"regions,omitempty,flow"`
	// Schemes are http (absolute form) and https (CONNECT); others are possible if it is Disabled.
	Schemes []string `yaml:"schemes,flow"`
	// Host is a name or a wildcard, and may have placeholders such as {region}.
	Host string `yaml:"host,omitempty"`
	// Path, if any, with its query.
	Path string `yaml:"path,omitempty"`
	// Ports has one port for each of Schemes, in their order.
	Ports []uint16 `yaml:"ports,flow"`
	// When says when it is needed: required daily, registration, or optional.
	When string `yaml:"when"`
	// Tags are the service tags that the source names for it.
	Tags []string `yaml:"tags,omitempty,flow"`
	// ArcGateway says whether the Arc gateway reaches it for the machine: yes, no, or not required.
	ArcGateway  string `yaml:"arc_gateway,omitempty"`
	Description string `yaml:"description"`
	Note        string `yaml:"note,omitempty"`
	// Disabled says why no rule can express the line.
	Disabled string `yaml:"disabled,omitempty"`
	// Raw is the text of the source.
	Raw string `yaml:"raw"`
}

// AnyCloud is the Cloud of an Endpoint whose source does not distinguish clouds: it is for all of them.
const AnyCloud = "any"

// HoldsIn reports whether e is for cloud; the empty cloud is the public one.
func (e *Endpoint) HoldsIn(cloud string) bool {
	return e.Cloud == AnyCloud || e.Cloud == cmp.Or(cloud, publicCloud)
}

// readPacked reads a list from its packed form, the part of a line of lists.packed after the name of its file. It fails only if lists.packed
// is wrong, which the tests of this package find.
func readPacked(name, data string) (*List, error) {
	l := new(List)
	if err := json.Unmarshal([]byte(data), l); err != nil {
		return nil, fmt.Errorf("catalog: %s, packed: %w", name, err)
	}
	return l, nil
}

// ReadList reads the text of a list, the file lists/GENERATION/NAME.yaml.
func ReadList(name string, data []byte) (*List, error) {
	l := new(List)
	if err := decodeYAML(name, data, l); err != nil {
		return nil, err
	}
	if want := path.Join("lists", l.Generation, l.Name+".yaml"); want != name {
		return nil, fmt.Errorf("catalog: %s: holds list %s of generation %s", name, l.Name, l.Generation)
	}
	for i := range l.Documents {
		for j := range l.Documents[i].Endpoints {
			e := &l.Documents[i].Endpoints[j]
			if len(e.Schemes) != len(e.Ports) {
				return nil, fmt.Errorf("catalog: %s: %s: %d schemes, %d ports", name, e.ID, len(e.Schemes), len(e.Ports))
			}
		}
	}
	return l, nil
}

// Pack appends the line for l in lists.packed.
func Pack(b []byte, l *List) ([]byte, error) {
	data, err := json.Marshal(l)
	if err != nil {
		return nil, err
	}
	b = fmt.Appendf(b, "lists/%s/%s.yaml ", l.Generation, l.Name)
	return append(append(b, data...), '\n'), nil
}

// decodeYAML decodes data into v; a key without a field is an error.
func decodeYAML(name string, data []byte, v any) error {
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	if err := dec.Decode(v); err != nil {
		return fmt.Errorf("catalog: %s: %w", name, err)
	}
	return nil
}
