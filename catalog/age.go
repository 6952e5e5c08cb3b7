package catalog

import "time"

// Old is the age from which a list in force should be compared with current documents: half a year. Microsoft's lists change
// about twenty times a year.
const Old = 183 * 24 * time.Hour

// AsOf returns the end of the month whose documents a list or bundle is made of; name is as in Get. The error is for an
// unknown name.
func AsOf(name string) (time.Time, error) {
	f, err := find(name)
	if err != nil {
		return time.Time{}, err
	}
	month, err := time.Parse("2006-01", f.generation)
	return month.AddDate(0, 1, 0), err
}
