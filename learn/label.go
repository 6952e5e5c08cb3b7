package learn

import (
	"strings"
)

// A Class is what a label of a name looks like. The words are printed.
type Class string

const (
	Word     Class = "word"     // somebody chose it
	GUID     Class = "guid"     // 8-4-4-4-12 hexadecimal digits, or 32
	Hex      Class = "hex"      // at least eight hexadecimal digits
	Sequence Class = "sequence" // a number, or a few letters and a number: "2", "fe3", "1a"
	Region   Class = "region"   // names a region: "eus", "weu-gas", "norwayeast"
	Random   Class = "random"   // no word of any language
)

// machine reports whether a machine made labels of this class: where there are two there will be a third.
func (c Class) machine() bool { return c != Word }

// Classify tells what label, in lower case, looks like.
func Classify(label string) Class {
	switch {
	case isGUID(label):
		return GUID
	case hasRegion(label):
		return Region
	case len(label) >= 8 && digits(label) > 0 && strings.Trim(label, "0123456789abcdef") == "":
		return Hex
	case isSequence(label):
		return Sequence
	case isRandom(label):
		return Random
	}
	return Word
}

func isGUID(s string) bool {
	if len(s) == 36 {
		for _, at := range []int{8, 13, 18, 23} {
			if s[at] != '-' {
				return false
			}
		}
		s = strings.ReplaceAll(s, "-", "")
	}
	return len(s) == 32 && strings.Trim(s, "0123456789abcdef") == ""
}

// isSequence recognises up to three letters, a number, and perhaps a letter.
func isSequence(s string) bool {
	rest := strings.TrimLeft(s, "abcdefghijklmnopqrstuvwxyz")
	if len(s)-len(rest) > 3 || rest == "" {
		return false
	}
	tail := strings.TrimLeft(rest, "0123456789")
	return len(tail) < len(rest) && len(tail) <= 1 && strings.Trim(tail, "abcdefghijklmnopqrstuvwxyz") == ""
}

// isRandom recognises labels that change between letters and digits too often, or have more
// consonants in a row than words and abbreviations do.
func isRandom(s string) bool {
	for part := range strings.SplitSeq(s, "-") {
		if len(part) < 8 {
			continue
		}
		changes, run, longest, vowels := 0, 0, 0, 0
		for i := range len(part) {
			if i > 0 && isDigit(part[i]) != isDigit(part[i-1]) {
				changes++
			}
			switch {
			case isDigit(part[i]):
				run = 0
			case strings.IndexByte("aeiouy", part[i]) >= 0:
				vowels, run = vowels+1, 0
			default:
				run++
				longest = max(longest, run)
			}
		}
		if changes >= 3 || longest >= 8 || longest >= 5 && vowels*4 < len(part) {
			return true
		}
	}
	return false
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func digits(s string) int {
	n := 0
	for i := range len(s) {
		if isDigit(s[i]) {
			n++
		}
	}
	return n
}

// regionWords are what names of regions are made of: a place, and where in it.
const (
	regionPlaces = `us eu uk australia austria belgium brazil canada chile denmark europe asia france germany india indonesia
		israel italy japan jioindia korea malaysia mexico newzealand norway poland qatar southafrica spain sweden
		switzerland taiwan uae china usgov usdod`
	regionSides = `central centralus east west north south northcentral southcentral westcentral northeast southeast
		northwest southwest virginia texas arizona iowa`
	// regionCodes are short names, as they stand in names of hosts.
	regionCodes = `ae ase acl acl2 brs brse bse cae cac cc ccan ccy cid cin cle cnc cnc1 cus ea ecy eus eus2 euap frc frs gn gwc inc ins
		inw isc itn jaw jae je jioc jiow jpe jpw jw krc krs kc ks mxc ncus neu noe now nwe nww nzn plc pn pnc qac san saw scus sdc sds sea
		sec spc suk swc sws szn szw uac uan uks ukw ugt ugv uga usgv wcus weu wus wus2 wus3 ne we`
)

// regionCode reports whether s is a short name of a region of at least three letters; two may be
// anything.
func regionCode(s string) bool {
	return len(s) >= 3 && contains(regionCodes, s)
}

// hasRegion reports whether one of the parts of label names a region.
func hasRegion(label string) bool {
	for part := range strings.SplitSeq(label, "-") {
		if regionCode(part) || regionName(part) {
			return true
		}
	}
	return false
}

// regionName recognises a place and a side of it, in either order, perhaps with a number: "eastus2",
// "norwayeast", "usgovvirginia".
func regionName(s string) bool {
	s = strings.TrimRight(s, "0123456789")
	for i := 2; i < len(s)-1; i++ {
		a, b := s[:i], s[i:]
		if contains(regionPlaces, a) && contains(regionSides, b) || contains(regionSides, a) && contains(regionPlaces, b) {
			return true
		}
	}
	return false
}

// contains reports whether word is one of those in words.
func contains(words, word string) bool {
	for rest := words; ; {
		i := strings.Index(rest, word)
		if i < 0 {
			return false
		}
		before := i == 0 || rest[i-1] <= ' '
		end := i + len(word)
		if before && (end == len(rest) || rest[end] <= ' ') {
			return true
		}
		rest = rest[i+1:]
	}
}
