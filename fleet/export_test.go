package fleet

// SetCountSlice has c leave counting to VictoriaLogs for more than lines records, and ask for counted of them at a time.
func (c *Client) SetCountSlice(lines int, counted uint64) { c.Slice, c.countSlice = lines, counted }

// Countable reports whether VictoriaLogs can group by the field.
func Countable(field string) bool { return countFields[field] != nil }
