package learn

import (
	"strings"
)

// A Class is the kind of a label of a name. The words are printed.
type Class string

const (
	Word     Class = "word"     // chosen by a person
	GUID     Class = "guid"     // 8-4-4-4-12 hexadecimal digits, or 32
	Hex      Class = "hex"      // at least eight hexadecimal digits
	Sequence Class = "sequence" // a number, or a few letters and a number: "2", "fe3", "1a"
	Version  Class = "version"  // has a version number in it: "7-55-0-app"
	Region   Class = "region"   // names a region: "eus", "weu-gas", "norwayeast"
	Random   Class = "random"   // not a word of any language
)

// machine reports whether machines make labels of this class: after two of them, a third is likely.
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
	case hasVersion(label):
		return Version
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

// hasVersion recognises two numbers in a row among the parts of a label, as in "7-55-0-app" and "agent-v2-1".
func hasVersion(s string) bool {
	before := false
	for part := range strings.SplitSeq(s, "-") {
		number := strings.Trim(strings.TrimPrefix(part, "v"), "0123456789") == "" && digits(part) > 0 && len(part) <= 4
		if number && before {
			return true
		}
		before = number
	}
	return false
}

// isRandom recognises labels that change often between letters and digits, or with letter pairs that words do not have.
func isRandom(s string) bool {
	for part := range strings.SplitSeq(s, "-") {
		if len(part) < 8 {
			continue
		}
		changes, pairs, strange := 0, 0, 0
		for i := 1; i < len(part); i++ {
			if isDigit(part[i]) != isDigit(part[i-1]) {
				changes++
			}
			if isLetter(part[i-1]) && isLetter(part[i]) {
				pairs++
				if !follows(part[i-1], part[i]) {
					strange++
				}
			}
		}
		if changes >= 3 || pairs >= 4 && strange*5 > pairs*2 {
			return true
		}
	}
	return false
}

// following has for each letter those that may come after it: the pairs that make up 96.5 % of those in English words
// and in the host names of the built-in lists.
const following = `abcdfgiklmnprstuvwxyz baeilorsuy cacehiklnorstu dabcdegilnoprstuy eabcdefghilmnopqrstuvwxy faefilortu gaehinorsu haceiotu iabcdefglmnoprstvxz j keips ladefilopstuy mabeimopsu nacdefgiklnoprstuy oabcdfgiklmnoprstuvwx paehiloprstu qu rabcdefgiklmnoprstuvy sacefghiklnoprstuwy tabcdefghilmnoprstuwy uabcdefgilmnprst vaei wacehilnors xceipty ynopst zeu`

// follows reports whether words have the letter b after a.
func follows(a, b byte) bool {
	i := strings.Index(following, " "+string(a))
	if a == 'a' {
		i = -1 // the first row
	}
	row, _, _ := strings.Cut(following[i+1:], " ")
	return strings.IndexByte(row[1:], b) >= 0
}

func isLetter(c byte) bool { return 'a' <= c && c <= 'z' }

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

// The parts of names of regions: a place, and where in it.
const (
	regionPlaces = `us eu uk australia austria belgium brazil canada chile denmark europe asia france germany india indonesia
		israel italy japan jioindia korea malaysia mexico newzealand norway poland qatar southafrica spain sweden
		switzerland taiwan uae china usgov usdod`
	regionSides = `central centralus east west north south northcentral southcentral westcentral northeast southeast
		northwest southwest virginia texas arizona iowa`
	// regionCodes are short names, as host names have them.
	regionCodes = `ae ase acl acl2 brs brse bse cae cac cc ccan ccy cid cin cle cnc cnc1 cus ea ecy eus eus2 euap frc frs gn gwc inc ins
		inw isc itn jaw jae je jioc jiow jpe jpw jw krc krs kc ks mxc ncus neu noe now nwe nww nzn plc pn pnc qac san saw scus sdc sds sea
		sec spc suk swc sws szn szw uac uan uks ukw ugt ugv uga usgv wcus weu wus wus2 wus3 ne we`
)

// regionCode reports whether s is a short name of a region of at least three letters; two letters may mean anything.
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
