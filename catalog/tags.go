package catalog

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"webproxy/internal/smallfile"
	"webproxy/internal/spelling"
	"webproxy/policy"
)

// MaxTagFile bounds a service tag file, in bytes. Microsoft's largest has a tenth of it.
const MaxTagFile = 40 << 20

// Tags are the service tags of one cloud: named sets of addresses of Microsoft's services, from the files ServiceTags_*.json that
// Microsoft publishes every week. They are too large, and change too often, to be built into the program; see "webproxy
// servicetags import". Tags do not change, and are safe for concurrent use.
type Tags struct {
	Cloud  string // public, china or usgov
	Change int    // the file's changeNumber: a higher one is newer

	tags map[string]tag // by name in lower case
}

type tag struct {
	name     string // as Microsoft writes it
	prefixes []netip.Prefix
}

// tagClouds are the clouds by their names in the files, in lower case.
var tagClouds = map[string]string{"public": publicCloud, "china": "china", "azuregovernment": "usgov"}

// tagFile is the part of a file's JSON that is used.
type tagFile struct {
	ChangeNumber *changeNumber `json:"changeNumber"`
	Cloud        string        `json:"cloud"`
	Values       []tagOf       `json:"values"`
}

// A changeNumber is a JSON number in Microsoft's files, and a JSON string in the output of "az network list-service-tags".
type changeNumber int

// UnmarshalJSON implements json.Unmarshaler.
func (n *changeNumber) UnmarshalJSON(data []byte) error {
	text := strings.Trim(string(data), `"`)
	i, err := strconv.Atoi(text)
	if err != nil {
		return fmt.Errorf("changeNumber %s: want a whole number", data)
	}
	*n = changeNumber(i)
	return nil
}

type tagOf struct {
	Name       string `json:"name"`
	Properties struct {
		AddressPrefixes []string `json:"addressPrefixes"`
	} `json:"properties"`
}

// ParseTags reads a service tag file, or the output of "az network list-service-tags". It refuses a truncated file, and one with
// an invalid address or name: an incomplete tag would silently change what may be reached.
func ParseTags(data []byte) (*Tags, error) {
	data, err := smallfile.Text(data)
	if err != nil {
		return nil, fmt.Errorf("not a service tag file: %w", err)
	}
	var f tagFile
	d := json.NewDecoder(bytes.NewReader(data))
	if err := d.Decode(&f); err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
			return nil, errors.New("not a service tag file, or not a whole one: it breaks off")
		}
		return nil, fmt.Errorf("not a service tag file: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("not a service tag file: something follows its end")
	}
	cloud, ok := tagClouds[strings.ToLower(f.Cloud)]
	switch {
	case !ok:
		return nil, fmt.Errorf("cloud %q: want Public, China or AzureGovernment", f.Cloud)
	case f.ChangeNumber == nil:
		return nil, errors.New("no changeNumber")
	case len(f.Values) == 0:
		return nil, errors.New("no service tags in it")
	}
	t := &Tags{Cloud: cloud, Change: int(*f.ChangeNumber), tags: make(map[string]tag, len(f.Values))}
	for i, v := range f.Values {
		if err := t.add(v); err != nil {
			return nil, fmt.Errorf("values[%d], service tag %q: %w", i, v.Name, err)
		}
	}
	return t, nil
}

func (t *Tags) add(v tagOf) error {
	key := strings.ToLower(v.Name)
	switch _, twice := t.tags[key]; {
	case v.Name == "":
		return errors.New("no name")
	case twice:
		return errors.New("occurs twice")
	}
	prefixes := make([]netip.Prefix, len(v.Properties.AddressPrefixes))
	for i, s := range v.Properties.AddressPrefixes {
		p, err := netip.ParsePrefix(s)
		switch {
		case err != nil:
			return fmt.Errorf("addressPrefixes[%d]: %q is not a prefix", i, s)
		case p.Bits() == 0:
			return fmt.Errorf("addressPrefixes[%d]: %q is every address there is", i, s)
		case p.Addr().Is4In6():
			return fmt.Errorf("addressPrefixes[%d]: %q has an IPv4 address inside", i, s)
		case p != p.Masked():
			return fmt.Errorf("addressPrefixes[%d]: %q has bits set after its prefix length", i, s)
		}
		prefixes[i] = p
	}
	t.tags[key] = tag{name: v.Name, prefixes: prefixes}
	return nil
}

// Len returns the number of tags, and of prefixes in all of them.
func (t *Tags) Len() (tags, prefixes int) {
	for _, tag := range t.tags {
		prefixes += len(tag.prefixes)
	}
	return len(t.tags), prefixes
}

// Prefixes returns the addresses of a tag, whose name may be written in any case; false if there is no such tag. The slice must
// not be changed.
func (t *Tags) Prefixes(name string) ([]netip.Prefix, bool) {
	tag, ok := t.tags[strings.ToLower(name)]
	return tag.prefixes, ok
}

// Find returns the names of the tags that contain addr, each with the prefix that does.
func (t *Tags) Find(addr netip.Addr) map[string]netip.Prefix {
	found := map[string]netip.Prefix{}
	addr = addr.Unmap()
	for _, tag := range t.tags {
		for _, p := range tag.prefixes {
			if p.Contains(addr) {
				found[tag.name] = p
			}
		}
	}
	return found
}

// NeedsPublic reports whether a tag of a cloud needs the public cloud's addresses too. AzureArcInfrastructure does: services of
// Azure Arc for China and US Government are in the public cloud (azure-management-docs,
// servers/includes/network-requirements.md, 2026-04-01).
func NeedsPublic(tag, cloud string) bool {
	name, _, _ := strings.Cut(strings.ToLower(tag), ".")
	return cloud != publicCloud && name == "azurearcinfrastructure"
}

// TagPrefixes returns the addresses of a tag in a cloud. open returns the tags of a cloud. The error is a *policy.SpecError, or
// open's. A tag that needs the public cloud's addresses may be missing in the file of its own cloud.
func TagPrefixes(tag, cloud string, open func(cloud string) (*Tags, error)) ([]netip.Prefix, error) {
	own, err := open(cloud)
	if err != nil {
		return nil, err
	}
	prefixes, ok := own.Prefixes(tag)
	if !NeedsPublic(tag, cloud) {
		if !ok {
			return nil, own.missing(tag)
		}
		return prefixes, nil
	}
	public, err := open(publicCloud)
	if err != nil {
		return nil, err
	}
	// The public cloud does not have the regions of this cloud.
	whole, _, _ := strings.Cut(tag, ".")
	more, ok := public.Prefixes(whole)
	if !ok {
		return nil, public.missing(whole)
	}
	return append(prefixes[:len(prefixes):len(prefixes)], more...), nil
}

// names returns the names of all tags, sorted.
func (t *Tags) names() []string {
	names := make([]string, 0, len(t.tags))
	for _, tag := range t.tags {
		names = append(names, tag.name)
	}
	slices.Sort(names)
	return names
}

// missing is the error for an unknown tag, with a hint which one may be meant.
func (t *Tags) missing(name string) error {
	n, _ := t.Len()
	err := &policy.SpecError{
		Msg:  fmt.Sprintf("service tag %q: not among the %d of cloud %s (change %d)", name, n, t.Cloud, t.Change),
		Hint: "an older file may lack it: webproxy servicetags import the newest",
	}
	base, _, _ := strings.Cut(strings.ToLower(name), ".")
	if other, ok := t.tags[base]; ok && base != strings.ToLower(name) {
		err.Hint = fmt.Sprintf("there is %q, for all regions", other.name)
	} else if near := spelling.Nearest(name, t.names()); near != "" {
		err.Hint = fmt.Sprintf("did you mean %q?", near)
	}
	return err
}
